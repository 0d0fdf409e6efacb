"""A page, lists and sheets about the labels of a run."""
