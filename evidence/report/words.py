"""Values in words: the one place where numbers, dates and texts from outside become text for a reader."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from jinja2.runtime import Undefined
from markupsafe import Markup

from evidence.claims import Claim
from imagery.period import Period

QUANTITIES = {
    "railcars": "Railcars",
    "occupied_track_m": "Occupied track",
    "railcar_equivalents": "Railcar equivalents",
    "blue_area_m2": "Ground under blue covers",
    "trains": "Trains",
    "train_length_m": "Length of each train",
    "tarped_railcars": "Railcars under covers",
    "blue_tarped_railcars": "Railcars under blue covers",
    "goods_area_m2": "Ground under goods",
    "goods_length_m": "Length of the longest stack of goods",
    "goods_volume_m3": "Volume of goods",
    "teu": "Container equivalents",
    "vessels": "Ships at the berths",
    "vessel_length_m": "Length of each ship",
}
METHODS = {
    "strips": "Wagons one by one at 1.2 m or finer, read along each track by a trained net.",
    "edges": "Wagons one by one at 1.2 m or finer, by their edges, without training.",
    "rows": "Wagons one by one at 1.2 m or finer, by rows of like shapes, without training.",
    "trains": "Whole trains at 2 to 5 m, all tracks of a yard fitted together.",
    "learned": "Occupied metres of track at 10 m, by a trained net that compares a date with its season.",
    "profile": "Occupied metres of track at 10 m, as what differs from other dates along the track.",
    "radar": "Occupied metres of track from radar, each orbit compared with itself.",
    "fused": "An optical date and the nearest radar date taken together, where both agree.",
    "covers": "Ground under coloured covers, by its spectrum.",
    "stacks": "Goods in the yards at 1.2 m or finer, their heights from shadows.",
    "hull": "Ships at the berths at 1.2 m or finer.",
}
"""What each method reads, and how."""
UNITS = {"m2": "m\N{SUPERSCRIPT TWO}", "m3": "m\N{SUPERSCRIPT THREE}", "teu": "TEU"}
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(value: Any) -> Any:
    """Text in which nothing can hide: control, direction and surrogate characters are written out.

    Such characters come in through file names, and would make the page unwritable or show an id that is
    not the one in the tables. Markup that this package made itself is passed through.
    """
    if isinstance(value, Markup | Undefined):
        return value
    return "".join(_visible(character) for character in str(value))


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Cs", "Cn", "Zl", "Zp") or character in BIDI_CONTROLS
    if not hidden or character == "\n":
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def number(value: float) -> str:
    """A figure as precise as it deserves: no decimals from 10 on, two digits below; thousands set apart."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "unbounded"
    text = f"{value:,.0f}" if abs(value) >= 9.95 else f"{value:.2g}"
    return "0" if text == "-0" else text.replace("-", "\N{MINUS SIGN}")


def interval(low: float, high: float) -> str:
    """Both ends of an interval, in words."""
    return f"{number(low)} to {number(high)}"


def quantity_name(quantity: str) -> str:
    """``occupied_track_m`` as a reader would say it."""
    return QUANTITIES.get(quantity, quantity.replace("_", " ").capitalize())


def unit_name(unit: str) -> str:
    """``m2`` as it is printed."""
    return UNITS.get(unit, unit)


def amount(value: float, unit: str) -> str:
    """A figure with its unit."""
    return f"{number(value)} {unit_name(unit)}".strip()


def percent(share: float) -> str:
    """A probability; what lies nearer to 0 or 1 than a percent says so."""
    if share < 0.01:
        return "below 1 %"
    return "above 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def claimed(claim: Claim) -> str:
    """The figure of a claim as it was meant, such as ``at least 20 railcars``."""
    if claim.low is None or claim.high is None:
        return claim.comparison
    figure = exact(claim.low) if claim.low == claim.high else f"{exact(claim.low)} and {exact(claim.high)}"
    return f"{claim.comparison} {figure} {claim.unit}".strip()


def exact(value: float) -> str:
    """A figure as it was published, not rounded."""
    return f"{value:,.10g}"


def moment(time: datetime | None) -> str:
    """A UTC time to the minute, or ``no date``."""
    return "no date" if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def day(time: datetime | None) -> str:
    """A UTC day, or ``no date``."""
    return moment(time)[:10] if time is not None else "no date"


def days(period: Period) -> str:
    """``2023-10-05`` for one day, else its first and last day."""
    return str(period.start) if period.days == 1 else str(period).replace("/", " to ")


def count(n: int, noun: str) -> str:
    """``1 scene``, ``2 scenes``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def web_address(locator: str) -> str | None:
    """The locator if it is a plain http or https address that may be linked to, else None."""
    if re.search(r"[\s\x00-\x20\x7f\\]", locator) or printable(locator) != locator:
        return None
    try:
        parts = urlsplit(locator)
    except ValueError:
        return None
    return locator if parts.scheme in ("http", "https") and parts.hostname else None


def anchors(prefix: str, names: Iterable[str]) -> list[str]:
    """One HTML id for each name: readable where the name allows, unique always."""
    taken: set[str] = set()
    result = []
    for name in names:
        stem = f"{prefix}-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')[:60]}".rstrip("-")
        anchor, again = stem, 1
        while anchor in taken:
            again += 1
            anchor = f"{stem}--{again}"
        taken.add(anchor)
        result.append(anchor)
    return result
