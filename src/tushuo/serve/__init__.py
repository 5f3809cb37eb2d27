"""Captions over HTTP: a service in front of any captioner."""
