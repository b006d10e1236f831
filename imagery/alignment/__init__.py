"""Dates of one place laid over each other: shifts, composites, the usual look."""
