"""Training of captioners: cross-entropy, self-critical training, distillation, fine-tuning."""
