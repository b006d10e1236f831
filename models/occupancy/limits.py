"""Lengths of wagons, and what a coarse date must show to be measured against others."""

from __future__ import annotations

WAGON_LENGTH_M = 13.92
"""A four-axle gondola over couplers: what an equivalent is worth."""
WAGON_LENGTHS_M = (13.9, 19.6)
"""Shortest and longest usual wagon: gondola and 60-foot container flat."""
LEAST_SEEN = 0.6
"""Share of the tracks that must be seen."""
LEAST_AROUND = 50
"""Points of the surroundings that must be seen."""
LEAST_DATES = 8
"""Other dates that a baseline needs."""
SNOW_SHARE = 0.3
"""Share of track cells under snow, by the image's own classes, from which a date is skipped."""
SNOW_BRIGHTNESS = 2.0
"""Surroundings this many times as bright as usual are snow, haze or a missed cloud."""
MOST_UNREST = 1.75
"""Surroundings this many times as restless as on the middle date say nothing about the tracks."""
