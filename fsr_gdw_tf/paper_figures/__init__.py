"""Figures of both papers, drawn from what runs have logged."""
