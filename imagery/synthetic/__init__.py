"""Yards painted from physics with known truth. Every product says SIMULATED."""
