"""The label report of a run: an HTML page and the CSV files beside it."""
