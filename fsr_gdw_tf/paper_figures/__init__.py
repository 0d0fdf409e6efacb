"""The papers' figures, from what runs have logged."""
