"""Decide on suspected labels in a browser: a local server of the report."""
