"""A run from its gin files to its folder, and comparisons of runs."""
