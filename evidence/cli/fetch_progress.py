"""A fetch with its two bars: scenes, and bytes of pixels."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from evidence.cli.terminal import console, escape
from imagery.fetching.ledger import Entry
from imagery.fetching.sizes import Bytes


class Bars:
    """A Watch that draws."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[done]}"))
        self._bars = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self._scenes = self._bars.add_task("scenes", total=None, done="")
        self._pixels = self._bars.add_task("pixels", total=None, done="")
        self._left = (0, 0)
        self._done = [0, 0]
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def planned(self, scenes: int, size: Bytes) -> None:
        """See imagery.fetching.fetch.Watch."""
        self._left = (scenes, size.pixels)
        self._show()

    def moved(self, size_bytes: int) -> None:
        """See imagery.fetching.fetch.Watch."""
        with self._lock:
            self._done[1] += size_bytes
        self._show()

    def ended(self, entry: Entry) -> None:
        """See imagery.fetching.fetch.Watch."""
        with self._lock:
            self._done[0] += 1
        if entry.state != "fetched":
            self._bars.console.print(
                f"[yellow]{entry.state}[/] {escape(entry.id)}: {escape(entry.detail)}", highlight=False
            )
        self._show()

    def _show(self) -> None:
        (scenes, pixels), (ended, moved) = self._left, self._done
        self._bars.update(self._scenes, total=scenes, completed=ended, done=f"{ended} of {scenes}")
        said = f"{decimal(moved)} of about {decimal(pixels)}"
        self._bars.update(self._pixels, total=max(pixels, moved), completed=moved, done=said)
