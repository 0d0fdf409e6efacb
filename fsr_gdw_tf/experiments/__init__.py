"""Runs: from gin files to a folder of results, and comparisons of runs."""
