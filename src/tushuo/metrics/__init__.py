"""Scores, one a file; the room waits for its issue."""
