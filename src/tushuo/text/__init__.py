"""Captions to words, words to ids."""
