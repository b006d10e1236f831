"""From catalogues into a tile folder: bounded, polite, and the same folder however often it is interrupted.

What is done is what lies in the folder: an Item appears there by one rename, when all of it is on the disk.
The ledger is written by one thread in the order of the plan, so that its lines do not depend on which
download ends first, nor on how often the program was killed.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from imagery.errors import UnreadableError
from imagery.fetching.ledger import LEDGER, Entry, Ledger, Line, State, entry_of
from imagery.fetching.plan import PIXEL_RULES, Candidate, Survey, Task, todo
from imagery.fetching.sizes import Bytes
from imagery.folderlock import locked
from imagery.sources.network.copy import Copier, Piece
from imagery.sources.network.landing import Landed, folder_of, land, landed, sweep, sync
from imagery.sources.network.retry import Patience, Retry
from imagery.sources.values.doubt import doubt
from imagery.whole import written


class Watch(Protocol):
    """Who is told how it goes; called from several threads."""

    def planned(self, scenes: int, size: Bytes) -> None:
        """So much is to be fetched, as estimated."""
        ...

    def moved(self, size_bytes: int) -> None:
        """So much more has been copied (bytes of pixels, not compressed)."""
        ...

    def ended(self, entry: Entry) -> None:
        """One scene has ended."""
        ...


class Unwatched:
    """Nobody is told."""

    def planned(self, scenes: int, size: Bytes) -> None:
        """See Watch."""

    def moved(self, size_bytes: int) -> None:
        """See Watch."""

    def ended(self, entry: Entry) -> None:
        """See Watch."""


@dataclass(frozen=True)
class Manners:
    """How hard servers are pressed."""

    workers: int = 4
    """Scenes that are fetched at the same time."""
    patience: Patience = field(default_factory=Patience)
    """How often a band is tried, and how long is waited in between."""
    timeout_s: float = 120.0
    """For one request."""


class _Stopped(BaseException):
    """The run is being given up: not an error of a scene."""


def fetch(
    surveys: Sequence[Survey],
    out: Path,
    manners: Manners,
    rng: np.random.Generator,
    watch: Watch | None = None,
) -> list[Entry]:
    """Bring every task of the surveys into a folder, and write down what became of each offer.

    Args:
        surveys: What catalogues have, one a site.
        out: The folder: ``site/sensor/year/id/`` with COGs and an Item each, and the ledger.
        manners: How hard servers are pressed.
        rng: Jitter of the waits.
        watch: Who is told how it goes.

    Returns:
        How each task ended in this run; those that were there already end as fetched, too.

    Raises:
        InputError: The folder cannot be written, is in use, or holds other windows of a site.
    """
    watch = watch or Unwatched()
    with locked(out):
        ledger = Ledger(out / LEDGER)
        try:
            sweep(out)
            tasks = todo(surveys, ledger)
            for survey in surveys:
                _keep_site(out, survey)
                ledger.add(_preamble(survey, ledger))
            watch.planned(len(tasks), Bytes.sum(task.size for task in tasks if not is_there(task, out)))
            ended = []
            for entries in _in_order(tasks, out, manners, rng, watch):
                ledger.add(entries)
                watch.ended(entries[-1])
                ended.append(entries[-1])
            return ended
        finally:
            ledger.close()


def _preamble(survey: Survey, ledger: Ledger) -> Iterator[Line]:
    """What is known of a site before anything is fetched."""
    yield from survey.order.requests()
    yield from survey.searches
    for entry in survey.set_aside:
        before = ledger.latest(entry.key)
        # What was fetched stays so, and a spare may have been needed.
        used = isinstance(before, Entry) and (before.state == "fetched" or entry.state == "spare")
        if not used:
            yield entry


def _keep_site(out: Path, survey: Survey) -> None:
    """The site file beside what was fetched for it, so that the folder can be read by itself."""
    site = survey.order.site.id
    kept = out / site / f"{site}.geojson"
    data = survey.order.file.read_bytes()
    if not kept.is_file() or kept.read_bytes() != data:
        with written(kept) as partial:
            partial.write_bytes(data)
            sync(partial)
        sync(kept.parent)


def _in_order(
    tasks: Iterable[Task], out: Path, manners: Manners, rng: np.random.Generator, watch: Watch
) -> Iterator[list[Entry]]:
    """What became of each task, in their order; a few are under way at the same time."""
    stop = threading.Event()

    def sleep(wait_s: float) -> None:
        if stop.wait(wait_s):
            raise _Stopped

    def hold(wait_s: float) -> None:
        stop.wait(wait_s)  # called from inside GDAL, from where no exception gets out

    copier = Copier(Retry(rng, manners.patience, sleep), manners.timeout_s, hold)
    pool = ThreadPoolExecutor(manners.workers, thread_name_prefix="fetch")
    running: deque[Future[list[Entry]]] = deque()
    try:
        for task in tasks:
            running.append(pool.submit(_bring, task, out, copier, stop, watch))
            if len(running) > 2 * manners.workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def is_there(task: Task, out: Path) -> bool:
    """Whether a task needs nothing more."""
    site = task.order.site.id
    return any(landed(folder_of(out, site, one.offer)) for one in task.candidates)


def _bring(task: Task, out: Path, copier: Copier, stop: threading.Event, watch: Watch) -> list[Entry]:
    """Fetch a task from its first candidate that can be read and believed."""
    site = task.order.site.id
    for one in task.candidates:
        there = landed(folder_of(out, site, one.offer))
        if there is not None:
            return [_fetched(out, task, one, there)]
    entries: list[Entry] = []
    for one in task.candidates:
        if stop.is_set():
            raise _Stopped
        entries.append(_try(task, one, out, copier, watch))
        if entries[-1].state == "fetched":
            break
    return entries


def _try(task: Task, one: Candidate, out: Path, copier: Copier, watch: Watch) -> Entry:
    site, offer = task.order.site.id, one.offer
    pieces: dict[str, Piece] = {}
    try:
        for band in one.bands:
            piece = copier.copy(one.catalogue, band, task.order.window)
            if piece is not None:
                pieces[band.name] = piece
                watch.moved(piece.pixels.nbytes)
    except UnreadableError as error:
        state: State = "rejected" if error.reason in PIXEL_RULES else "failed"
        return entry_of(site, offer, state, rule=error.reason, detail=str(error))
    if len(pieces) < len(one.bands):
        return entry_of(site, offer, "out-of-swath", detail="its files do not reach the site")
    because = doubt(offer, pieces)
    if because:
        return entry_of(site, offer, "rejected", rule="dark-pixels", detail=because)
    return _fetched(out, task, one, land(folder_of(out, site, offer), site, offer, pieces))


def _fetched(out: Path, task: Task, one: Candidate, there: Landed) -> Entry:
    return entry_of(
        task.order.site.id,
        one.offer,
        "fetched",
        path=Path(os.path.relpath(there.folder, out)).as_posix(),
        size_bytes=there.size_bytes,
    )
