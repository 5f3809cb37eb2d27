"""How far a caption can be trusted: confidence, and familiarity of the picture."""
