"""The feature store and what fills it."""
