"""Offers of one overpass, each picture once: by product, by datatake and by local day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shapely import union_all
from shapely.geometry.base import BaseGeometry

from imagery.sources.offers import Offer

MIN_NEW_SHARE = 0.02
"""Least share of a picture that must be new for it to be used beside another of the same product: footprints
of two processings differ by some pixels."""


@dataclass(frozen=True, eq=False)
class Overpass:
    """One sensor over one place at one time: what is to be joined into one picture."""

    sensor: str
    """Key of the sensor."""
    solar_day: date
    """Local day by the sun."""
    datatake: str
    """What its offers share."""
    offers: tuple[Offer, ...]
    """At least one; each product once (or in pieces that differ), in order of preference."""
    spares: tuple[Offer, ...]
    """Other offers of the same products, in order of preference: for when one cannot be read or believed."""

    @property
    def id(self) -> str:
        """Name of it, safe as a folder."""
        return f"{self.sensor}_{self.solar_day:%Y%m%d}_{self.datatake}"

    @property
    def taken_at(self) -> datetime:
        """UTC time of its first offer by time."""
        return min(offer.taken_at for offer in self.offers)

    def covering(self, area: BaseGeometry) -> tuple[Offer, ...]:
        """The fewest of its offers that show as much of an area (longitude, latitude) as all of them do."""
        seen = union_all([offer.footprint for offer in self.offers]).intersection(area)
        ranked = sorted(self.offers, key=lambda offer: -offer.footprint.intersection(area).area)
        taken: list[Offer] = []
        left = seen
        for offer in ranked:
            if left.intersection(offer.footprint).area > 1e-6 * area.area:
                taken.append(offer)
                left = left.difference(offer.footprint)
        return tuple(taken)


def overpasses(offers: Iterable[Offer], prefer: Sequence[str] = ()) -> list[Overpass]:
    """Group offers by sensor, local day and datatake, in order of time.

    A product found in several collections or catalogues is taken from the preferred one; a second one is
    kept beside it only where it shows ground that the first does not.

    Args:
        offers: Of one place.
        prefer: Providers in order of preference; others follow by name.
    """
    groups: dict[tuple[str, date, str], list[Offer]] = {}
    for offer in offers:
        groups.setdefault((offer.sensor, offer.solar_day, offer.datatake), []).append(offer)
    found = []
    for (sensor, day, datatake), members in groups.items():
        members.sort(key=lambda offer: _preference(offer, prefer))
        taken, spares = _each_once(members)
        found.append(Overpass(sensor, day, datatake, tuple(taken), tuple(spares)))
    return sorted(found, key=lambda overpass: (overpass.taken_at, overpass.id))


def _preference(offer: Offer, prefer: Sequence[str]) -> tuple[int, str, int, float, str]:
    order = prefer.index(offer.provider) if offer.provider in prefer else len(prefer)
    newest = -float(offer.baseline) if offer.baseline.replace(".", "", 1).isdigit() else 0.0
    return order, offer.provider, offer.rank, newest, offer.id


def _each_once(members: Sequence[Offer]) -> tuple[list[Offer], list[Offer]]:
    taken: list[Offer] = []
    spares: list[Offer] = []
    for offer in members:
        twins = [other.footprint for other in taken if other.product == offer.product]
        new = offer.footprint.difference(union_all(twins)).area if twins else offer.footprint.area
        enough = not twins or new > MIN_NEW_SHARE * offer.footprint.area
        (taken if enough else spares).append(offer)
    return taken, spares
