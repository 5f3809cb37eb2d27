"""From a picture to a caption: the Captioner protocol and our own captioner."""
