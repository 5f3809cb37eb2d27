"""What a picture shows, as words with probabilities and places."""
