"""From what catalogues offer to what is fetched: each overpass once, in as few pictures as show the site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from imagery.errors import InputError
from imagery.fetching.ledger import (
    Entry,
    Hole,
    Ledger,
    Request,
    Search,
    State,
    entry_of,
    entry_of_refusal,
    offer_key,
)
from imagery.fetching.sizes import Bytes, estimate
from imagery.period import Period
from imagery.sites import Site
from imagery.sources.catalogue import Catalogue
from imagery.sources.network.copy import Window
from imagery.sources.network.landing import folder_of
from imagery.sources.network.web import is_private
from imagery.sources.offers import Gap, Offer, Refusal, RemoteBand
from imagery.sources.overpasses import Overpass, overpasses
from imagery.sources.remote_bands import CLOUD_BAND

OPTIONAL = frozenset({CLOUD_BAND})
"""Bands that are taken where they are offered, and not missed where they are not."""
MISSED = 0.001
"""Share of the window by which a neighbour may show less and still stand in."""
PIXEL_RULES = frozenset({"dark-pixels", "unsupported-dtype", "no-position", "too-large"})
"""Rules by which a picture is rejected once its file has been looked at: another run would find the same."""


@dataclass(frozen=True, eq=False)
class Order:
    """What is wanted of one site."""

    site: Site
    """The place."""
    file: Path
    """Its site file, kept beside what is fetched."""
    period: Period
    """UTC days."""
    bands: Mapping[str, tuple[str, ...]]
    """Names of the bands by sensor."""
    margin_m: float
    """Ground around the site's search box."""
    max_cloud: float
    """Pictures of more clouds (percent, as their provider says) are not fetched."""

    @property
    def window(self) -> Window:
        """What is cut out of every picture."""
        return Window(self.site.search_box, self.margin_m)

    def requests(self) -> list[Request]:
        """What is cut out, for the ledger."""
        return [
            Request(self.site.id, sensor, self.site.search_box, self.margin_m, bands)
            for sensor, bands in sorted(self.bands.items())
        ]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A picture from which a task can be done."""

    catalogue: Catalogue
    """Where it is offered."""
    offer: Offer
    """The picture."""
    bands: tuple[RemoteBand, ...]
    """What is copied of it."""


@dataclass(frozen=True, eq=False)
class Task:
    """One Item to be fetched."""

    order: Order
    """For which site."""
    candidates: tuple[Candidate, ...]
    """The picture, then the same one from elsewhere for when it cannot be read or believed."""
    size: Bytes
    """Estimate for the first candidate."""

    @property
    def offer(self) -> Offer:
        """The preferred picture."""
        return self.candidates[0].offer


@dataclass(frozen=True, eq=False)
class Survey:
    """Everything that catalogues have of one site, sorted into what is fetched and what is not."""

    order: Order
    """What was wanted."""
    searches: tuple[Search, ...]
    """What was asked."""
    set_aside: tuple[Entry, ...]
    """Pictures that are not fetched, and why."""
    tasks: tuple[Task, ...]
    """In order of time."""


def survey(order: Order, catalogues: Sequence[Catalogue], own_hosts: frozenset[str] = frozenset()) -> Survey:
    """Ask the catalogues about a site and plan what to fetch.

    Args:
        order: What is wanted.
        catalogues: In order of preference.
        own_hosts: Hosts named by the user, which may lie in a private network.
    """
    offers: dict[int, tuple[Catalogue, Offer]] = {}
    aside: list[Entry] = []
    searches = []
    for catalogue in catalogues:
        found = list(catalogue.search(order.site.search_box, order.period, sorted(order.bands)))
        own = [one for one in found if isinstance(one, Offer)]
        offers |= {id(one): (catalogue, one) for one in own}
        aside += [entry_of_refusal(order.site.id, one) for one in found if isinstance(one, Refusal)]
        gaps = [one for one in found if isinstance(one, Gap)]
        searches.append(_search(order, catalogue, len(own), gaps))
    usable = []
    for catalogue, offer in offers.values():
        try:
            usable.append(Candidate(catalogue, offer, _bands(order, offer, own_hosts)))
        except _Unfit as unfit:
            aside.append(unfit.entry)
    tasks = _tasks(order, usable, [catalogue.name for catalogue in catalogues], aside)
    return Survey(order, tuple(searches), tuple(sorted(aside, key=_in_time)), tuple(tasks))


def todo(surveys: Iterable[Survey], ledger: Ledger) -> list[Task]:
    """Tasks without candidates that an earlier run has rejected by their pixels.

    Raises:
        InputError: The folder holds other windows or bands of one of the sites.
    """
    tasks = []
    for one in surveys:
        for request in one.order.requests():
            before = ledger.latest(request.key)
            if before is not None and before != request:
                raise InputError(
                    f"this folder holds other windows or bands of {request.sensor} at {request.site} "
                    f"({before}): choose another --out"
                )
        for task in one.tasks:
            left = tuple(c for c in task.candidates if not _known_bad(task, c, ledger))
            if left:
                tasks.append(Task(task.order, left, task.size))
    return tasks


def _known_bad(task: Task, candidate: Candidate, ledger: Ledger) -> bool:
    before = ledger.latest(offer_key(task.order.site.id, candidate.offer))
    return isinstance(before, Entry) and (before.state == "out-of-swath" or before.rule in PIXEL_RULES)


class _Unfit(Exception):
    """An offer that is not fetched."""

    def __init__(self, order: Order, offer: Offer, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.entry = entry_of(order.site.id, offer, "rejected", rule=rule, detail=detail)


def _search(order: Order, catalogue: Catalogue, offers: int, gaps: Sequence[Gap]) -> Search:
    holes = {Hole(gap.collection, gap.sensor, gap.period.start, gap.period.end, gap.detail) for gap in gaps}
    return Search(
        order.site.id,
        catalogue.name,
        tuple(sorted(order.bands)),
        order.period.start,
        order.period.end,
        offers,
        tuple(sorted(holes, key=lambda hole: (hole.start, hole.collection, hole.sensor, hole.detail))),
    )


def _bands(order: Order, offer: Offer, own_hosts: frozenset[str]) -> tuple[RemoteBand, ...]:
    wanted = order.bands[offer.sensor]
    names = {band.name for band in offer.bands}
    missing = [name for name in wanted if name not in names | OPTIONAL]
    if missing:
        raise _Unfit(order, offer, "bands-missing", f"it has no {', '.join(missing)}")
    bands = tuple(offer.band(name) for name in wanted if name in names)
    for band in bands:
        if is_private(band.href) and urlsplit(band.href).hostname not in own_hosts:
            raise _Unfit(order, offer, "private-host", f"{band.href} lies in a private network")
    return bands


def _tasks(
    order: Order, usable: Sequence[Candidate], prefer: Sequence[str], aside: list[Entry]
) -> list[Task]:
    """Tasks in order of time; offers that are not needed are added to ``aside``."""
    by_offer = {id(one.offer): one for one in usable}
    tasks: list[Task] = []
    taken: set[Path] = set()
    area = box(*order.window.widened)
    for overpass in overpasses([one.offer for one in usable], prefer):
        needed = _needed(order, overpass, area, aside)
        for offer in needed:
            spares = _spares(overpass, offer, needed, area)
            place = folder_of(Path(), order.site.id, offer)
            if place in taken:
                aside.append(_aside(order, offer, "rejected", "duplicate-id", "its id is taken already"))
                continue
            taken.add(place)
            tasks.append(_task(order, [by_offer[id(one)] for one in (offer, *spares)]))
        for one in overpass.spares:
            aside.append(_aside(order, one, "spare", "", "the same picture is offered elsewhere, too"))
    return tasks


def _spares(overpass: Overpass, offer: Offer, needed: Sequence[Offer], area: BaseGeometry) -> list[Offer]:
    """What else would do: the same picture elsewhere, then neighbours that show as much of the window."""
    same = [one for one in overpass.spares if one.product == offer.product]
    shown = offer.footprint.intersection(area)
    others = [one for one in overpass.offers if one not in needed]
    return same + [one for one in others if shown.difference(one.footprint).area < MISSED * area.area]


def _needed(order: Order, overpass: Overpass, area: BaseGeometry, aside: list[Entry]) -> list[Offer]:
    """The fewest pictures that show the window, without those that are too cloudy."""
    covering = {id(offer) for offer in overpass.covering(area)}
    needed = []
    for offer in overpass.offers:
        if not offer.footprint.intersects(area):
            aside.append(_aside(order, offer, "out-of-swath", "", "it does not reach the site"))
        elif id(offer) not in covering:
            aside.append(_aside(order, offer, "spare", "", "others of its overpass show the same ground"))
        elif (offer.cloud_cover or 0.0) > order.max_cloud:
            detail = f"{offer.cloud_cover:.0f} % of the whole picture, more than {order.max_cloud:.0f} %"
            aside.append(_aside(order, offer, "clouded", "max-cloud", detail))
        else:
            needed.append(offer)
    return needed


def _aside(order: Order, offer: Offer, state: State, rule: str, detail: str) -> Entry:
    return entry_of(order.site.id, offer, state, rule=rule, detail=detail)


def _task(order: Order, candidates: Sequence[Candidate]) -> Task:
    first = candidates[0]
    size = Bytes.sum(estimate(order.window, first.offer, band) for band in first.bands)
    return Task(order, tuple(candidates), size)


def _in_time(entry: Entry) -> tuple[str, ...]:
    return (str(entry.taken_at), entry.sensor, entry.provider, entry.collection, entry.id, entry.detail)
