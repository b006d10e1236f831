"""Wagons one by one, at 1.2 m or finer."""
