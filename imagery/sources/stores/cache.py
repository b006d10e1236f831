"""Objects brought to this disk once, and shown under their URLs as a folder of plain files.

``objects/`` holds bytes, named by their SHA-256. ``index/`` says which bytes a version of a URL had. A view
is a folder of links to them, made whole and never changed: what a store holds now is another view.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imagery.errors import InputError, UnreadableError
from imagery.sources.stores.address import check_name
from imagery.sources.stores.source import Bounds, Source, Stored

PARALLEL = 8
"""Objects that are read at once."""
Moved = Callable[[int, int], None]
"""Told of bytes that are there now, and of all that are wanted."""


@dataclass(frozen=True)
class _Wanted:
    """An object, where it comes from and what names its bytes in the index."""

    source: Source
    stored: Stored
    key: str

    @property
    def name(self) -> str:
        return self.stored.address.name.as_posix()


class Cache:
    """A folder of this machine in which brought objects are kept between runs."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made on first use and readable by its owner alone: images have licences."""
        self._folder = folder.expanduser().resolve()

    def bring(
        self, sources: Sequence[Source], bounds: Bounds, moved: Moved = lambda there, all: None
    ) -> Path:
        """All objects of some URLs as files.

        Args:
            sources: What the user has named.
            bounds: How much is brought at most; checked before the first byte is.
            moved: Told how far it is.

        Returns:
            The folder under which each object lies by ``Address.name``; equal objects give the same folder.

        Raises:
            InputError: There is nothing or too much, or a name cannot be that of a file.
            UnreadableError: A store cannot be read.
        """
        wanted = _listed(sources, bounds)
        with _written(self._folder):
            self._begin()
            total = sum(one.stored.size or 0 for one in wanted)
            lock, there = threading.Lock(), 0

            def fetch(one: _Wanted) -> str:
                nonlocal there
                found = self._kept(one) or self._fetched(one, bounds)
                with lock:
                    there += one.stored.size or 0
                    moved(there, total)
                return found

            with ThreadPoolExecutor(PARALLEL, "object") as pool:
                try:
                    hashes = list(pool.map(fetch, wanted))
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
            return self._view({one.name: of_it for one, of_it in zip(wanted, hashes, strict=True)})

    def view_of(self, hashes: Mapping[str, str]) -> Path:
        """Those of the objects, by name and SHA-256, that were brought before; nothing is fetched."""
        with _written(self._folder):
            self._begin()
            return self._view({name: h for name, h in hashes.items() if self._object(h).is_file()})

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("objects", "index", "views", "part"):
            (self._folder / name).mkdir(exist_ok=True)
        for path in (self._folder / "part").iterdir():
            # What a killed process has left is locked by nobody.
            with suppress(OSError), path.open("rb") as left:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def _object(self, of_it: str) -> Path:
        return self._folder / "objects" / of_it

    def _kept(self, one: _Wanted) -> str | None:
        """SHA-256 of an object that is here."""
        with suppress(OSError):
            of_it = (self._folder / "index" / one.key).read_text("ascii")
            if self._object(of_it).stat().st_size == one.stored.size:
                return of_it
        return None

    def _fetched(self, one: _Wanted, bounds: Bounds) -> str:
        digest, count = hashlib.sha256(), 0
        with self._part() as part:
            with part.open("r+b") as file:
                for piece in one.source.read(one.stored):
                    count += len(piece)
                    digest.update(piece)
                    file.write(piece)
                    if count > (bounds.bytes if one.stored.size is None else one.stored.size):
                        break
                file.flush()
                os.fsync(file.fileno())
            if one.stored.size not in (None, count):
                raise UnreadableError(
                    f"{one.stored.address.bare} has {one.stored.size} bytes, and {count} came: start again",
                    "cut-off",
                )
            bounds.check(1, count)
            part.chmod(0o444)
            part.replace(self._object(digest.hexdigest()))
        with self._part() as part:
            part.write_text(digest.hexdigest(), "ascii")
            part.replace(self._folder / "index" / one.key)
        return digest.hexdigest()

    @contextmanager
    def _part(self) -> Iterator[Path]:
        """A file that belongs to nobody yet: locked while it is written, gone if it was not put in place."""
        with tempfile.NamedTemporaryFile(dir=self._folder / "part", delete=False) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            path = Path(held.name)
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)

    def _view(self, hashes: Mapping[str, str]) -> Path:
        name = hashlib.sha256(json.dumps(sorted(hashes.items())).encode()).hexdigest()[:20]
        view = self._folder / "views" / name
        if view.is_dir():
            return view
        draft = Path(tempfile.mkdtemp(dir=self._folder / "views", prefix="."))
        try:
            for path, of_it in hashes.items():
                (draft / path).parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.link(self._object(of_it), draft / path)
                except OSError:  # a disk without links, or one that has too many of this file
                    shutil.copyfile(self._object(of_it), draft / path)
            with suppress(OSError):  # another process has just made the same
                draft.rename(view)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return view


def _listed(sources: Iterable[Source], bounds: Bounds) -> list[_Wanted]:
    """Every object once, in order of names, within bounds, and none whose name would be another's folder."""
    wanted: dict[str, _Wanted] = {}
    size = 0
    for source in sources:
        for stored in source.objects():
            one = _Wanted(source, stored, _key(stored))
            if wanted.setdefault(one.name, one) is not one:
                if stored.address.query != wanted[one.name].stored.address.query:
                    raise InputError(f"{stored.address.bare} is named twice with different queries: give one")
                continue
            check_name(stored.address.path, stored.address.bare)
            size += stored.size or 0
            bounds.check(len(wanted), size)
    folders = {above.as_posix() for name in wanted for above in PurePosixPath(name).parents}
    for name in sorted(folders & wanted.keys()):
        if wanted.pop(name).stored.size:  # an empty one only marks a folder
            raise InputError(f"{name} is an object and a folder at once: name something further down")
    if not wanted:
        raise InputError("no object there: is the URL right?")
    return [wanted[name] for name in sorted(wanted)]


def _key(stored: Stored) -> str:
    """Names a version of an object; one that the server does not tell from others is never known again."""
    version = stored.version or uuid.uuid4().hex
    return hashlib.sha256(json.dumps([stored.address.bare, version, stored.size]).encode()).hexdigest()


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, UnreadableError):
            raise
        raise InputError(f"{folder}: cannot be written ({error}); choose another --cache") from error
