"""What a file name says: sensor, time, band. Only forms that providers are known to write, and ISO dates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_SENSORS = (
    (re.compile(r"(?:^|_)S2[ABCD]?_(?:MSI)?L2A(?:_|$)"), "sentinel-2-l2a"),
    (re.compile(r"^S2[ABCD]_(?:T?\d{2}[A-Z]{3}_\d{8}.*_)L2A"), "sentinel-2-l2a"),
    (re.compile(r"^S2[ABCD]?(?:_|$)|^T\d{2}[A-Z]{3}_\d{8}T\d{6}_"), "sentinel-2"),
    (re.compile(r"^L[COTEM]0[4-9]_"), "landsat"),
    (re.compile(r"RTC-S1|^S1[ABCD]?_.*RTC", re.IGNORECASE), "sentinel-1-rtc"),
    (re.compile(r"^S1[ABCD]?_(?:IW_|EW_)?GRD"), "sentinel-1-grd"),
    (re.compile(r"^s1[a-d]-[a-z0-9]{2}-grd-"), "sentinel-1-grd"),
    (re.compile(r"^S1[ABCD]?(?:_|$)"), "sentinel-1"),
    (re.compile(r"_ssc?\d+d?\d*_|^s\d{3}_\d{8}T\d{6}Z"), "skysat"),
    (re.compile(r"^\d{8}_\d{6}_(?:\d{2}_)?[0-9a-f]{4}_(?:\d[AB]_)?", re.IGNORECASE), "planetscope"),
)

# A measurement inside a Sentinel-1 product; its last number differs by polarisation.
_MEASUREMENT = re.compile(r"^(s1[a-d]-[a-z0-9]{2}-grd)-(?P<band>v[vh]|h[hv])-(.*)-\d{3}$")
# Year 1972 (the first Landsat) to 2099; never part of a longer run of digits.
_DAY = r"(?<!\d)(?P<year>19[7-9]\d|20\d\d)(?P<dash>-?)(?P<month>[01]\d)(?P=dash)(?P<day>[0-3]\d)"
_MOMENT = re.compile(_DAY + r"[Tt_](?P<hour>[0-2]\d):?(?P<minute>[0-5]\d):?(?P<second>[0-5]\d)(?!\d)")
_DATE = re.compile(_DAY + r"(?!\d)")

_BAND = re.compile(
    r"[_\-.](?P<band>B(?:0?[1-9]|1[0-2]|8A)|SCL|V[VH]|H[HV]|red|green|blue|nir|pan)"
    r"(?:[_\-.](?P<gsd>10|20|60)m)?$",
    re.IGNORECASE,
)
_GSD_TOKEN = re.compile(r"(?<=_)(?:10|20|60)m(?=_|$)")
_COMMON = frozenset({"red", "green", "blue", "nir", "pan", "grey", "rededge", "yellow", "alpha"})


@dataclass(frozen=True)
class NameFacts:
    """What a file name says."""

    sensor: str | None
    """Key of the sensor, None where the name gives none."""
    taken_at: datetime | None
    """UTC; midnight where only a day is given."""
    day_only: bool
    """Whether the time of day is unknown."""
    band: str | None
    """Band that the name ends with."""
    family: str
    """The name without band and resolution: files of one acquisition share it."""


def read_name(stem: str) -> NameFacts:
    """Read a file name without its extension."""
    measured = _MEASUREMENT.match(stem)
    band = measured or _BAND.search(stem)
    family = _GSD_TOKEN.sub("", stem[: band.start()] if band else stem).replace("__", "_").strip("_")
    if measured:
        family = f"{measured[1]}-{measured[3]}"
    taken_at, day_only = _time(stem)
    return NameFacts(
        sensor=next((sensor for pattern, sensor in _SENSORS if pattern.search(stem)), None),
        taken_at=taken_at,
        day_only=day_only,
        band=tidy_band(band["band"]) if band else None,
        family=family or stem,
    )


def tidy_band(name: str) -> str:
    """One spelling for each band: ``B4`` and ``b04`` are ``B04``, ``Red`` is ``red``, ``Gray`` ``grey``."""
    word = name.strip().split(" ")[0].split("(")[0]
    sentinel = re.fullmatch(r"[Bb]0?(\d{1,2})([Aa]?)", word)
    if sentinel:
        number, letter = sentinel.groups()
        return f"B{number}A" if letter else f"B{int(number):02d}"
    if word.upper() in {"SCL", "VV", "VH", "HH", "HV"}:
        return word.upper()
    if word.lower() in {"gray", "panchromatic"}:
        return {"gray": "grey", "panchromatic": "pan"}[word.lower()]
    return word.lower() if word.lower() in _COMMON else name.strip()


def _time(stem: str) -> tuple[datetime | None, bool]:
    """First moment in the name; else its only day. Two different days are a span or a doubt: none."""
    for match in _MOMENT.finditer(stem):
        parts = [int(match[key]) for key in ("year", "month", "day", "hour", "minute", "second")]
        moment = _valid(*parts)
        if moment is not None:
            return moment, False
    days = {_valid(*(int(match[key]) for key in ("year", "month", "day"))) for match in _DATE.finditer(stem)}
    days.discard(None)
    return (days.pop(), True) if len(days) == 1 else (None, False)


def _valid(*parts: int) -> datetime | None:
    try:
        return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
