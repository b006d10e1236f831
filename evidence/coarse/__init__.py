"""Coarse dates of a place, read against each other, and their tables."""
