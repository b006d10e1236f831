"""A folder of results kept equal to a place in a bucket, scene by scene while a run goes on.

An object store knows no lock. Who writes to a place therefore keeps a claim there, written only where there
is none (conditional write), and rewrites it every few seconds, only over its own last version. A claim that
still for a while is of a dead process, and is taken over; no clock is asked, just this machine's own waiting.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from imagery.errors import InputError, UnreadableError
from imagery.folderlock import locked
from imagery.sources.stores.address import check_name
from imagery.sources.stores.bucket import Bucket, Tag, Taken
from imagery.sources.stores.cache import PARALLEL
from imagery.sources.stores.source import Stored
from imagery.whole import written

CLAIM = ".claim"
BEAT_S = 5.0
"""Between two writes of a claim, and between two looks for finished scenes."""
DEAD_S = 45.0
"""A claim that stands still for so long is of a dead process."""
_LONGEST = 1000  # bytes of a claim that are looked at


class Mirror:
    """A local folder whose files go to a bucket; a context."""

    def __init__(
        self,
        bucket: Bucket,
        folder: Path,
        early: str,
        whole: str,
        kept: Sequence[str],
        say: Callable[[str], None] = lambda text: None,
        beat_s: float = BEAT_S,
        dead_s: float = DEAD_S,
    ) -> None:
        """Make one; nothing is read or written yet.

        Args:
            bucket: Where the results go.
            folder: Where they are made; beside it lies what this machine knows of the place.
            early: Folder below whose files are finished when they appear: they go out while work goes on, and
                come back at the start. Their names say what is in them.
            whole: Folder that must hold nothing else: what an earlier run has left in it there is removed.
            kept: Names of files of people, which come back at the start and are never written over there.
            say: Told of waiting and of what was moved.
            beat_s: See BEAT_S.
            dead_s: See DEAD_S.
        """
        self._bucket = bucket
        self._folder = folder
        self._early = early
        self._whole = whole
        self._kept = kept
        self._say = say
        self._beat_s = beat_s
        self._dead_s = dead_s
        self._token = uuid.uuid4().hex
        self._ours = {self._token}
        self._own = folder.with_name(f".{folder.name}.claim")
        self._tag: Tag | None = None
        self._there: set[str] = set()
        self._lost: InputError | None = None
        self._moved = [0, 0]
        self._held, self._watching = ExitStack(), ExitStack()

    def __enter__(self) -> Self:
        """Claim the place, take back what is finished there, and begin to watch the folder.

        Raises:
            InputError: Another run writes there, or here.
            UnreadableError: The store cannot be reached, or refuses.
        """
        with ExitStack() as held:
            held.enter_context(locked(self._folder.with_name(f".{self._folder.name}.lock")))
            self._claim()
            held.callback(self._release)
            held.enter_context(self._meanwhile(self._beat))
            self._take_back()
            self._watching.enter_context(self._meanwhile(lambda: self._push(self._finished())))
            self._held = held.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Bring over what is left: everything after a good end, finished scenes after a bad one."""
        with self._held:
            self._watching.close()
            if kind is not None:
                with suppress(InputError, UnreadableError):  # what went wrong first is what is told
                    self._push(self._finished())
                return
            if self._lost:
                raise self._lost
            try:
                self._push(self._finished())
                self._push(self._results())
            except UnreadableError as failed:
                raise UnreadableError(
                    f"{failed}; the results are whole in {self._folder}: start the same command again",
                    failed.reason,
                ) from None
            count, size = self._moved
            self._say(f"{count} objects, {size / 2**20:.1f} MiB written to {self._bucket.address.bare}")

    def _claim(self) -> None:
        with suppress(OSError):
            self._ours.add(self._own.read_text("ascii"))
        with written(self._own) as path:
            path.write_text(self._token, "ascii")
        try:
            try:
                self._tag = self._bucket.swap(CLAIM, self._data(), None)
            except Taken:
                self._tag = self._bucket.swap(CLAIM, self._data(), self._of_the_dead())
        except Taken:
            raise InputError(
                f"{self._bucket.address.bare} was claimed by another run just now: wait for it"
            ) from None

    def _data(self) -> bytes:
        """A claim: each time another, so that it is seen to be alive."""
        by = f"{os.getpid()} on {socket.gethostname()}"
        return json.dumps({"run": self._token, "by": by, "beat": uuid.uuid4().hex}).encode()

    def _of_the_dead(self) -> Tag | None:
        """The version of a claim behind which nobody stands; None where there is none any more."""
        seen = self._bucket.look(CLAIM)
        # A claim of an earlier run of this folder is of a dead process: this one has the folder's lock.
        if seen is None or _run_of(seen[0]) in self._ours:
            return seen and seen[1]
        where = self._bucket.address.bare
        self._say(
            f"{where} is claimed by another run; {self._dead_s:.0f} s are taken to see if it still lives"
        )
        until = time.monotonic() + self._dead_s
        while time.monotonic() < until:
            time.sleep(min(self._beat_s, self._dead_s))
            now = self._bucket.look(CLAIM)
            if now is None or now[1] != seen[1]:
                who = ascii(seen[0][:_LONGEST].decode("utf-8", "replace"))
                raise InputError(f"{where} is in use ({who}): wait for that run, or choose another --out")
        return seen[1]

    def _beat(self) -> None:
        try:
            self._tag = self._bucket.swap(CLAIM, self._data(), self._tag)
        except Taken:
            seen = self._bucket.look(CLAIM)
            if seen is None or _run_of(seen[0]) != self._token:
                self._lost = InputError(
                    f"{self._bucket.address.bare} was taken over by another run; what is finished lies in "
                    f"{self._folder}"
                )
            else:
                self._tag = seen[1]  # our own write, of which the answer was lost

    def _release(self) -> None:
        with suppress(UnreadableError):
            seen = self._bucket.look(CLAIM)
            if seen and _run_of(seen[0]) == self._token:
                self._bucket.remove(CLAIM)

    def _take_back(self) -> None:
        early = self._bucket.below(self._early)
        wanted: list[tuple[Stored, Path]] = []
        for stored in early.objects():
            name = stored.address.path.removeprefix(f"{early.address.path}/")
            check_name(name, stored.address.bare)
            self._there.add(f"{self._early}/{name}")
            here = self._folder / self._early / name
            if not (here.is_file() and here.stat().st_size == stored.size):
                wanted.append((stored, here))
        for name in self._kept:
            wanted += [(stored, self._folder / name) for stored in self._bucket.below(name).objects()]
        with ThreadPoolExecutor(PARALLEL, "back") as pool:
            list(pool.map(lambda one: self._bring(*one), wanted))
        if wanted:
            self._say(f"{len(wanted)} objects taken back from {self._bucket.address.bare}")

    def _bring(self, stored: Stored, here: Path) -> None:
        data = b"".join(self._bucket.read(stored))  # of one scene, or what a person wrote
        with written(here) as path:
            path.write_bytes(data)

    @contextmanager
    def _meanwhile(self, act: Callable[[], None]) -> Iterator[None]:
        """Do something again and again beside the run, until the claim is lost. A store may recover."""
        ended = threading.Event()

        def repeat() -> None:
            while not (ended.wait(self._beat_s) or self._lost):
                with suppress(UnreadableError, InputError):
                    act()

        thread = threading.Thread(target=repeat, name="mirror", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _finished(self) -> Iterator[str]:
        """Files that are whole and not there yet."""
        for path in sorted((self._folder / self._early).glob("[!.]*")):
            name = f"{self._early}/{path.name}"
            if name not in self._there:
                yield name

    def _results(self) -> Iterator[str]:
        """All other files, the seal of a dossier last: what it seals is then there."""
        names = [
            path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file()
        ]
        shown = {
            one for one in names if one not in self._kept and not any(p[0] == "." for p in one.split("/"))
        }
        for stored in self._bucket.below(self._whole).objects():
            name = stored.address.path[len(self._bucket.address.path) :].strip("/")
            if name not in shown:
                self._bucket.remove(name)
        yield from sorted(shown, key=lambda name: (name.endswith("/seal.json"), name))

    def _push(self, names: Iterator[str]) -> None:
        for name in names:
            if self._lost:
                raise self._lost
            path = self._folder / name
            self._bucket.put(name, path)
            self._there.add(name)
            self._moved[0] += 1
            self._moved[1] += path.stat().st_size


def _run_of(claim: bytes) -> object:
    try:
        return json.loads(claim[:_LONGEST])["run"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
