"""Where the sun stands."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def sun_position(moment: datetime, lon: float, lat: float) -> tuple[float, float]:
    """Azimuth and elevation of the sun, without refraction, to about half a degree.

    Source: NOAA Global Monitoring Laboratory, general solar position calculations (Fourier series for the
    equation of time and the declination).

    Args:
        moment: With its zone.
        lon: Degrees east.
        lat: Degrees north.

    Returns:
        Degrees clockwise from north towards the sun, and degrees above the horizon.
    """
    utc = moment.astimezone(UTC)
    minutes = utc.hour * 60 + utc.minute + utc.second / 60
    year = 2 * math.pi / 365 * (utc.timetuple().tm_yday - 1 + (minutes / 60 - 12) / 24)
    c1, s1, c2, s2 = math.cos(year), math.sin(year), math.cos(2 * year), math.sin(2 * year)
    c3, s3 = math.cos(3 * year), math.sin(3 * year)
    equation = 229.18 * (0.000075 + 0.001868 * c1 - 0.032077 * s1 - 0.014615 * c2 - 0.040849 * s2)
    declination = (
        0.006918
        - 0.399912 * c1
        + 0.070257 * s1
        - 0.006758 * c2
        + 0.000907 * s2
        - 0.002697 * c3
        + 0.00148 * s3
    )
    hour = math.radians((minutes + equation + 4 * lon) / 4 - 180)
    phi = math.radians(lat)
    up = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.atan2(east, north)) % 360, math.degrees(math.asin(up))
