"""Rows of benchmarks/scale.py, a module a group."""
