"""Files of a classifier: its network, and nothing of its training."""
