"""A dossier held against its own seal, for someone who trusts nobody: the first thing that does not hold.

Everything in a dossier may come from a stranger. Nothing is opened before its name is known to lie inside and
its size to be what the seal says; links are refused; text is parsed only up to a stated size.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from evidence.dossier.seal import (
    CRATE,
    DOSSIER,
    FIRST,
    HELD,
    INPUTS,
    SEAL,
    SIGNATURE,
    STEPS,
    Entry,
    Seal,
    Step,
    climbs,
    is_signed,
    parents,
)
from imagery.errors import InputError, YardwatchError
from imagery.sources.stores.address import as_url, is_name
from imagery.sources.stores.cache import Cache

MAX_TEXT_BYTES = 64 * 1024 * 1024
"""Largest seal, chain or list of inputs that is taken into memory: some 400,000 files."""
_ENTRIES = TypeAdapter(dict[str, Entry])
Model = TypeVar("Model", bound=BaseModel)


class Broken(YardwatchError):
    """The first thing in a dossier that does not hold.

    Attributes:
        what: ``missing``, ``changed``, ``added``, ``step``, ``signature``, ``seal``, ``input``, ``result``.
        name: The file, or the step, in the dossier's own words.
        why: What is wrong with it.
    """

    def __init__(self, what: str, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.what = what
        self.name = name
        self.why = why


@dataclass(frozen=True)
class Held:
    """A dossier in which everything held."""

    folder: Path
    """Where it lies."""
    seal: Seal
    """What it hangs on."""
    inputs: Mapping[str, Entry]
    """What went in, by path."""
    base: Path | None
    """Where the paths of the inputs start; None where they were not looked at."""
    stores: Path | None = None
    """Where those of objects that were brought from a store start, if they lie elsewhere."""

    def place(self, name: str) -> Path:
        """An input's path; they must have been looked at."""
        return _place(name, self.base or self.folder, self.stores)


def verify(
    dossier: Path,
    seal: str | None = None,
    public_key: str | None = None,
    inputs: Path | None = None,
    look_at_inputs: bool = True,
    cache: Path | None = None,
) -> Held:
    """Check all of a dossier.

    Args:
        dossier: The folder, or the run's folder around it.
        seal: The seal that was noted down when it was made, hexadecimal; its first 16 or more digits do.
        public_key: Raw Ed25519 key, hexadecimal, of who must have signed it.
        inputs: Where the paths of inputs that are not in the dossier start; looked for above it where absent.
        look_at_inputs: Whether inputs outside the dossier are hashed again.
        cache: Where objects of stores may be kept (imagery/sources/stores); nothing is ever fetched.

    Returns:
        What held.

    Raises:
        Broken: The first thing that does not hold.
        InputError: There is no such folder.
    """
    folder = dossier / DOSSIER if (dossier / DOSSIER).is_dir() else dossier
    if not folder.is_dir() or folder.is_symlink():
        raise InputError(f"{dossier} is no folder: give the dossier of a run, such as out/dossier")
    stated = _seal(folder)
    if seal is not None and (len(seal) < 16 or not stated.seal_sha256.startswith(seal.lower())):
        raise Broken("seal", SEAL, f"the seal is {stated.seal_sha256}, not {seal}")
    _signature(folder, stated, public_key)
    _steps(folder, stated)
    _files(folder, stated)
    listed = _inputs(folder, stated)
    if _are_held(listed, stated):
        return Held(folder, stated, listed, folder / HELD)
    if not look_at_inputs or not listed:
        return Held(folder, stated, listed, None)
    stores = _stores(listed, inputs, cache)
    base = inputs or (stores if stores and all(map(is_name, listed)) else _nearest(folder, listed))
    for name, entry in sorted(listed.items()):
        _same(_place(name, base, stores), f"input {as_url(name)}", entry, "input", flags=0)
    return Held(folder, stated, listed, base, stores)


def _seal(folder: Path) -> Seal:
    data = _bytes(folder, SEAL)
    seal = _parsed(Seal, data, SEAL, "is no seal")
    hashes = seal.seal_sha256, seal.content_sha256
    if data != seal.data() or hashes != (seal.computed(), seal.computed_content()):
        raise Broken("changed", SEAL, "was changed: it does not have the hashes that it states")
    if bad := [path for path in seal.files if climbs(path)]:
        raise Broken("seal", SEAL, f"names a path that leads out of the dossier: {bad[0]!r}")
    return seal


def _signature(folder: Path, seal: Seal, public_key: str | None) -> None:
    if seal.public_key is None:
        if public_key is not None:
            raise Broken("signature", SEAL, "nobody has signed this dossier")
        return
    if public_key is not None and public_key != seal.public_key:
        raise Broken("signature", SEAL, f"is signed by another key, {seal.public_key}")
    if not is_signed(seal, _bytes(folder, SIGNATURE)):
        raise Broken("signature", SIGNATURE, "is not the signature of seal.json by the key that it names")


def _steps(folder: Path, seal: Seal) -> None:
    """Steps reordered, dropped, added or changed, each by its name; then what the chain says of the files."""
    data = _bytes(folder, STEPS)
    chain = [
        _parsed(Step, line, STEPS, f"line {number} is no step")
        for number, line in enumerate(data.splitlines(keepends=True), 1)
    ]
    stated, here = Counter(seal.steps), Counter(step.hash for step in chain)
    for step in chain:
        if step.hash != step.computed():
            raise _step(step, "was changed: it does not have the hash that it states")
        if here[step.hash] > stated[step.hash]:
            kind = "was added" if len(chain) > len(seal.steps) else "stands in place of another"
            raise _step(step, f"{kind}: the seal does not know it")
    for index, of_it in enumerate(seal.steps):
        if not here[of_it]:
            count = f"{len(chain)} of {len(seal.steps)} are here"
            raise Broken("step", STEPS, f"step {index} was dropped ({count})")
    for index, (step, of_it) in enumerate(zip(chain, seal.steps, strict=True)):
        if step.hash != of_it:
            raise _step(step, f"stands at place {index}: the steps were put in another order")
    if data != b"".join(step.line() for step in chain):
        raise Broken("changed", STEPS, "was changed: it is not written as steps are")
    _chained(chain, seal)


def _chained(chain: list[Step], seal: Seal) -> None:
    wrote: dict[str, str] = {}
    previous = FIRST
    for index, step in enumerate(chain):
        if step.index != index or step.previous != previous:
            raise _step(step, f"does not follow on the step before it (place {index})")
        for path, of_it in step.read.items():
            if wrote.get(path) != of_it:
                raise _step(step, f"rests on {path}, which no step before it wrote so")
        wrote |= step.wrote
        previous = step.hash
    for path, of_it in wrote.items():
        if path not in seal.files or seal.files[path].sha256 != of_it:
            raise Broken("step", STEPS, f"a step wrote {path}, but the seal holds another or none")
    for path in seal.files:
        if path not in wrote and path not in (STEPS, CRATE) and not path.startswith(f"{HELD}/"):
            raise Broken("added", path, "was added: no step wrote it")


def _step(step: Step, why: str) -> Broken:
    return Broken("step", STEPS, f"step {step.index} ({step.step[:80]!r}) {why}")


def _files(folder: Path, seal: Seal) -> None:
    known = {*seal.files, SEAL, *([SIGNATURE] if seal.public_key else [])}
    folders = parents(known)
    found = set()
    for name, is_folder in _tree(folder):
        if name not in (folders if is_folder else known):
            raise Broken("added", name, "was added: the seal does not know it")
        found.add(name)
    for name in sorted(known - found):
        raise Broken("missing", name, "is missing")
    for name, entry in sorted(seal.files.items()):
        _same(folder / name, name, entry, "changed")


def _tree(folder: Path) -> Iterator[tuple[str, bool]]:
    """Names below a folder and whether each is a folder, lazily; links and devices are refused."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = os.scandir(here)
        except OSError as error:
            raise Broken("changed", here.name, f"cannot be listed ({error.strerror})") from error
        with entries:
            for entry in entries:
                name = Path(entry.path).relative_to(folder).as_posix()
                is_folder = entry.is_dir(follow_symlinks=False)
                if not (is_folder or entry.is_file(follow_symlinks=False)):
                    raise Broken("added", name, "is a link or a device: a dossier holds files only")
                yield name, is_folder
                if is_folder:
                    waiting.append(Path(entry.path))


def _inputs(folder: Path, seal: Seal) -> dict[str, Entry]:
    data = _bytes(folder, INPUTS)
    try:
        listed = _ENTRIES.validate_json(data, strict=True)
    except ValidationError as error:
        raise Broken("changed", INPUTS, "is no list of inputs") from error
    for name, entry in listed.items():
        if climbs(name):
            raise Broken("changed", INPUTS, f"names a path that leads out: {name!r}")
        if seal.files.get(f"{HELD}/{name}", entry) != entry:
            raise Broken("changed", f"{HELD}/{name}", f"is not the input that {INPUTS} names")
    return listed


def _are_held(listed: Mapping[str, Entry], seal: Seal) -> bool:
    held = {path.removeprefix(f"{HELD}/") for path in seal.files if path.startswith(f"{HELD}/")}
    if held and held != set(listed):
        name = min(held ^ set(listed))
        raise Broken("changed", f"{HELD}/{name}", f"stands in only one of {INPUTS} and {HELD}/")
    return bool(held)


def _stores(listed: Mapping[str, Entry], inputs: Path | None, cache: Path | None) -> Path | None:
    """Below which folder brought objects lie: that of the inputs where it holds them, else in the cache."""
    brought = {name: entry.sha256 for name, entry in listed.items() if is_name(name)}
    if not brought or cache is None or (inputs and os.path.isfile(inputs / min(brought))):
        return None
    return Cache(cache).view_of(brought)


def _place(name: str, base: Path, stores: Path | None) -> Path:
    return (stores if stores and is_name(name) else base) / name


def _nearest(folder: Path, listed: Mapping[str, Entry]) -> Path:
    first = min(listed, key=lambda name: (is_name(name), name))
    for above in folder.resolve().parents:
        if os.path.isfile(above / first):  # unlike Path.is_file, it takes any name
            return above
    raise Broken("input", f"input {first}", "is absent: give the folder in which it lies with --inputs")


def _same(path: Path, name: str, entry: Entry, what: str, flags: int = os.O_NOFOLLOW) -> None:
    """Raise unless the file has the size and the bytes of the entry."""
    with _opened(path, name, what, flags) as stream:
        if (there := os.fstat(stream.fileno()).st_size) != entry.bytes:
            raise Broken(what, name, f"was changed: {there} bytes, not {entry.bytes}")
        if hashlib.file_digest(stream, "sha256").hexdigest() != entry.sha256:
            raise Broken(what, name, "was changed: its bytes have another hash")


def _bytes(folder: Path, name: str) -> bytes:
    """A file of the dossier, whole but bounded."""
    with _opened(folder / name, name, "changed") as stream:
        data = stream.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise Broken("changed", name, f"is larger than {MAX_TEXT_BYTES} bytes")
    return data


@contextmanager
def _opened(path: Path, name: str, what: str, flags: int = os.O_NOFOLLOW) -> Iterator[BufferedReader]:
    """A regular file, open for reading; devices and pipes are never waited for."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise Broken(what, name, "is no file")
            yield stream
    except FileNotFoundError as error:
        raise Broken("input" if what == "input" else "missing", name, "is missing") from error
    except OSError as error:
        raise Broken(what, name, f"cannot be read ({error.strerror})") from error


def _parsed(model: type[Model], data: bytes, name: str, why: str) -> Model:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise Broken("step" if name == STEPS else "changed", name, why) from error
