"""Captioning models of Hugging Face transformers, behind the Captioner protocol."""
