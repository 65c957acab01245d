"""Training: one loop, its events, metrics and checkpoints."""
