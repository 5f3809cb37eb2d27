"""Caption metrics, one per file, and statistics of captions and confidences."""
