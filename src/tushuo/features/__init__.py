"""Region features: extraction, the feature store, and reading them for training."""
