"""Scores of a captioner on data, and what else is measured of it."""
