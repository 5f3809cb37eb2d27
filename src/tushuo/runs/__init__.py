"""The run folder, and what is made of run folders."""
