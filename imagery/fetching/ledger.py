"""What became of every picture that a catalogue offered: lines of JSON, only ever added to.

Of several lines about one thing the last one holds. A line that was cut off by a crash is dropped when the
file is next written to, and passed over when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from imagery.errors import InputError
from imagery.period import Period
from imagery.sources.network.secret import redact
from imagery.sources.offers import Offer, Refusal
from imagery.whole import appended

LEDGER = "ledger.jsonl"
MAX_LEDGER_BYTES = 2**29

State = Literal["fetched", "failed", "rejected", "clouded", "out-of-swath", "spare"]
"""``clouded``: not fetched, its provider's own figure is over the limit; ``spare``: the same ground of the
same overpass is taken from another picture."""


@dataclass(frozen=True)
class Request:
    """What is cut out of every picture of one sensor at one site."""

    site: str
    """Site id."""
    sensor: str
    """Key of the sensor."""
    box: tuple[float, ...]
    """West, south, east, north in degrees."""
    margin_m: float
    """Ground around it."""
    bands: tuple[str, ...]
    """Names of the bands."""
    kind: Literal["request"] = "request"
    """Kind of line."""

    @property
    def key(self) -> tuple[str, ...]:
        """What it is about."""
        return ("request", self.site, self.sensor)


@dataclass(frozen=True)
class Hole:
    """Days about which a catalogue could not be asked to the end."""

    collection: str
    """Collection in the catalogue, empty for all."""
    sensor: str
    """Key of the sensor, ``unknown`` for all."""
    start: date
    """First day."""
    end: date
    """First day after."""
    detail: str
    """The last error."""

    @property
    def period(self) -> Period:
        """The days."""
        return Period(self.start, self.end)


@dataclass(frozen=True)
class Search:
    """One catalogue asked about one site."""

    site: str
    """Site id."""
    catalogue: str
    """Its name."""
    sensors: tuple[str, ...]
    """What was asked for."""
    start: date
    """First day."""
    end: date
    """First day after."""
    offers: int
    """How many pictures it has."""
    holes: tuple[Hole, ...]
    """Where the answer is not whole."""
    kind: Literal["search"] = "search"
    """Kind of line."""

    @property
    def key(self) -> tuple[str, ...]:
        """What it is about."""
        return ("search", self.site, self.catalogue, *self.sensors, str(self.start), str(self.end))

    @property
    def period(self) -> Period:
        """The days that were asked about."""
        return Period(self.start, self.end)


@dataclass(frozen=True)
class Entry:
    """One picture that was offered, and what became of it."""

    site: str
    """Site id."""
    state: State
    """See State."""
    sensor: str
    """Key of the sensor."""
    provider: str
    """Catalogue."""
    collection: str
    """Collection in it."""
    id: str
    """As the catalogue calls it; only ever shown where it was refused."""
    solar_day: date | None
    """Local day by the sun; None where its Item says no time."""
    taken_at: datetime | None
    """UTC."""
    datatake: str = ""
    """Platform and start: pictures of one overpass share it."""
    orbit: int | None = None
    """Relative orbit."""
    cloud_cover: float | None = None
    """Percent of the whole picture, as its provider says."""
    rule: str = ""
    """Name of the rule by which it was set aside, or slug of the error."""
    detail: str = ""
    """Why, in a sentence; without credentials."""
    path: str = ""
    """Its folder below the ledger's, where it was fetched."""
    size_bytes: int = 0
    """Of its images."""
    kind: Literal["offer"] = "offer"
    """Kind of line."""

    @property
    def key(self) -> tuple[str, ...]:
        """What it is about; refused Items are told apart by why, as their ids may be anything."""
        told = () if self.datatake else (self.rule, self.detail, str(self.taken_at))
        return ("offer", self.site, self.provider, self.collection, self.id, *told)


def offer_key(site: str, offer: Offer) -> tuple[str, ...]:
    """The key of every entry about an offer."""
    return ("offer", site, offer.provider, offer.collection, offer.id)


Line = Annotated[Request | Search | Entry, Field(discriminator="kind")]
_LINE: TypeAdapter[Request | Search | Entry] = TypeAdapter(Line)


def entry_of(site: str, offer: Offer, state: State, **more: Any) -> Entry:
    """An entry about an offer."""
    if "detail" in more:
        more["detail"] = redact(more["detail"])
    return Entry(
        site=site,
        state=state,
        sensor=offer.sensor,
        provider=offer.provider,
        collection=offer.collection,
        id=offer.id,
        solar_day=offer.solar_day,
        taken_at=offer.taken_at.astimezone(UTC),
        datatake=offer.datatake,
        orbit=offer.relative_orbit,
        cloud_cover=offer.cloud_cover,
        **more,
    )


def entry_of_refusal(site: str, refusal: Refusal) -> Entry:
    """An entry about an Item that never became an offer."""
    return Entry(
        site=site,
        state="rejected",
        sensor=refusal.sensor,
        provider=refusal.provider,
        collection=refusal.collection,
        id=refusal.id,
        solar_day=refusal.solar_day,
        taken_at=refusal.taken_at.astimezone(UTC) if refusal.taken_at else None,
        rule=refusal.reason,
        detail=redact(refusal.detail),
    )


class Ledger:
    """The file, opened for adding to. Not for use by several threads."""

    def __init__(self, path: Path) -> None:
        """Open or create it, and drop a torn last line.

        Raises:
            InputError: It cannot be read or written, or holds something else.
        """
        self._path = path
        self._latest = {line.key: line for line in read_ledger(path)}
        try:
            self._file = path.open("ab", buffering=0)
            whole = path.read_bytes().rfind(b"\n") + 1
            if whole < self._file.tell():
                self._file.truncate(whole)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error}); choose another --out") from error

    def add(self, lines: Iterable[Line]) -> None:
        """Write what is not known yet, and bring it to the disk."""
        new = b""
        for line in lines:
            if self._latest.get(line.key) != line:
                self._latest[line.key] = line
                new += _LINE.dump_json(line) + b"\n"
        if new:
            appended(self._file.fileno(), self._path, new)

    def latest(self, key: tuple[str, ...]) -> Line | None:
        """The last line about something."""
        return self._latest.get(key)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def read_ledger(path: Path) -> Sequence[Line]:
    """Its lines, each thing once, in order of first mention; none where there is no file.

    Raises:
        InputError: It holds something else.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LEDGER_BYTES)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    found: dict[tuple[str, ...], Line] = {}
    for number, text in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1):
        try:
            line = _LINE.validate_json(text)
        except ValueError as error:
            said = " ".join(str(error).split())[:200]
            raise InputError(f"{path}: line {number} is none of a ledger ({said}): restore it") from error
        found[line.key] = line
    return tuple(found.values())
