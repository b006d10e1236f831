"""Occupied metres of track from pixels too coarse to show a wagon."""
