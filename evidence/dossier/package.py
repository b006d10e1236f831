"""The sealed package of a run: what went in by hash, what came out, and the steps between.

A draft lies hidden beside the results while the run goes on, and becomes ``OUT/dossier`` whole. The results
in it are hard links to those in ``OUT`` (copies where the disk has no links), read-only: one copy of each
thing. Inputs are named by hash, size and their path from the nearest folder that holds them and ``OUT``; so
nothing in a dossier leads out of a folder that its reader chooses.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.config import RunConfig
from evidence.dossier.crate import Occasion, describe
from evidence.dossier.seal import (
    CONFIG,
    CRATE,
    DOSSIER,
    HELD,
    INPUTS,
    SEAL,
    SIGNATURE,
    SOFTWARE,
    STEPS,
    Entry,
    Seal,
    Step,
    canonical,
    make_seal,
    next_step,
    signed,
)
from evidence.dossier.software import LOCK, software
from evidence.files import link_or_copy, noted, sha256, without_folder, written
from imagery.errors import InputError
from imagery.sources.stores.address import as_url, root_of

DRAFT = ".dossier.part"
BEFORE = ".dossier.before"
"""Where the dossier of an earlier run lies while the new one takes its place."""
TAKE_IN = "take in"
"""The first step: inputs, config and code are written down before anything is measured."""


@dataclass(frozen=True, eq=False)
class Sealing:
    """How a dossier is closed."""

    key: Ed25519PrivateKey | None = None
    """Signs the seal."""
    with_inputs: bool = False
    """Whether the inputs are copied in."""


UNSIGNED = Sealing()
"""Without a signature, and with the inputs left where they are."""


class Draft:
    """A dossier in the making: told of each step, then sealed.

    Attributes:
        base: The nearest folder that holds the inputs and ``out``: paths of inputs are told from there. Those
            of objects that were brought from a store are told from where their URL begins.
        folders: All of these.
        config: The config's plain values, with such paths.
    """

    def __init__(self, out: Path, config: RunConfig, inputs: Mapping[str, str]) -> None:
        """Begin with what goes in.

        Args:
            out: The run's folder.
            config: The resolved config.
            inputs: SHA-256 of each input by path, from the run.

        Raises:
            InputError: ``out`` cannot be written, or holds something else called ``dossier``.
        """
        self._out = out.resolve()
        self._chain: list[Step] = []
        self._folder = self._out / DRAFT
        final = self._out / DOSSIER
        if final.exists() and not (final / SEAL).exists():
            raise InputError(f"{final} is in the way and no dossier: move it, or choose another --out")
        for left in (DRAFT, BEFORE):
            shutil.rmtree(self._out / left, ignore_errors=True)
        hashes = dict(_file_by_file(inputs))
        roots = [path.resolve() for path in (*config.tiles, *config.sites, *config.claims)]
        every = {self._out, *roots, *hashes}
        local = [path.parent for path in every if not root_of(path)]
        self.base = Path(os.path.commonpath(local)) if local else self._out
        self.folders = (*{root for path in every if (root := root_of(path))}, self.base)
        self.config = _relative(config, self.base)
        self._sources = {_told_from(path, self.base): path for path in sorted(hashes)}
        sizes = {name: path.stat().st_size for name, path in self._sources.items()}
        self._inputs = {
            name: Entry(sha256=hashes[path], bytes=sizes[name]) for name, path in self._sources.items()
        }
        with self.step(TAKE_IN):
            self._write(INPUTS, {name: entry.model_dump() for name, entry in self._inputs.items()})
            self._write(CONFIG, self.config)
            self._write(SOFTWARE, software())
            if LOCK.exists():
                with written(self._folder / LOCK.name) as path:
                    shutil.copyfile(LOCK, path)

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each input by its path from ``base``, or its URL."""
        return {as_url(name): entry.sha256 for name, entry in self._inputs.items()}

    def told(self, text: str) -> str:
        """A text for others to read: paths in it start at ``base``, or with their store."""
        return without_folder(text, *self.folders)

    @contextmanager
    def step(self, name: str, after: Sequence[str] = ()) -> Iterator[None]:
        """Chain what is written meanwhile to what the steps ``after`` which this one comes wrote."""
        read: dict[str, str] = {}
        for step in self._chain:
            read |= step.wrote if step.step in after else {}
        with noted() as paths:
            yield
        wrote = {self._name(path): sha256(path) for path in sorted(set(paths)) if self._is_product(path)}
        self._chain.append(next_step(self._chain, name, read, wrote))

    def seal(self, occasion: Occasion, how: Sealing) -> tuple[Path, Seal]:
        """Close the dossier and put it in its place.

        Returns:
            Its folder, and its seal.

        Raises:
            InputError: A file changed since it was written, or the folder cannot be written to.
        """
        wrote = {path: of_it for step in self._chain for path, of_it in step.wrote.items()}
        files = {path: self._taken(path, of_it) for path, of_it in sorted(wrote.items())}
        if how.with_inputs:
            files |= {f"{HELD}/{name}": self._held(name) for name in self._inputs}
        with written(self._folder / STEPS) as path:
            path.write_bytes(b"".join(step.line() for step in self._chain))
        files[STEPS] = self._entry(STEPS)
        self._write(CRATE, describe(files, self._inputs, occasion))
        files[CRATE] = self._entry(CRATE)
        public_key = how.key.public_key().public_bytes_raw().hex() if how.key else None
        seal = make_seal(files, self._chain, public_key)
        with written(self._folder / SEAL) as path:
            path.write_bytes(seal.data())
        if how.key:
            with written(self._folder / SIGNATURE) as path:
                path.write_bytes(signed(seal, how.key))
        return self._placed(), seal

    def _is_product(self, path: Path) -> bool:
        """Whether a written file belongs in; checkpoints and other hidden things do not."""
        path = path.resolve()
        return path.is_relative_to(self._out) and not any(
            part.startswith(".") for part in Path(self._name(path)).parts
        )

    def _name(self, path: Path) -> str:
        """A written file's path in the dossier."""
        path = path.resolve()
        return _below(path, self._folder if path.is_relative_to(self._folder) else self._out)

    def _write(self, name: str, value: Any) -> None:
        with written(self._folder / name) as path:
            path.write_bytes(canonical(value, indent=1))

    def _entry(self, name: str) -> Entry:
        path = self._folder / name
        return Entry(sha256=sha256(path), bytes=path.stat().st_size)

    def _taken(self, name: str, of_it: str) -> Entry:
        target = self._folder / name
        if not target.exists():
            with written(target) as path:
                link_or_copy(self._out / name, path)
        if (entry := self._entry(name)).sha256 != of_it:
            raise InputError(f"{self._out / name} was changed while the run went on: run it again")
        return entry

    def _held(self, name: str) -> Entry:
        """An input copied in, never linked: the original is not touched, nor its rights."""
        target = self._folder / HELD / name
        with written(target) as path:
            shutil.copyfile(self._sources[name], path)
        if (entry := self._entry(f"{HELD}/{name}")) != self._inputs[name]:
            raise InputError(f"{self._sources[name]} was changed while the run went on: run it again")
        return entry

    def _placed(self) -> Path:
        for path in self._folder.rglob("*"):
            if path.is_file():
                path.chmod(0o444)
        final = self._out / DOSSIER
        try:
            # Moved aside first: killed while it is being removed, half a dossier would lie in the way.
            if final.exists():
                final.replace(self._out / BEFORE)
            self._folder.replace(final)
            shutil.rmtree(self._out / BEFORE, ignore_errors=True)
        except OSError as error:
            raise InputError(f"{final}: cannot be written ({error}); choose another --out") from error
        return final


def _file_by_file(inputs: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Each input with its hash; folders (Zarr stores, claims) as the files in them."""
    for name, of_it in inputs.items():
        path = Path(name)
        if path.is_dir():
            yield from ((part.resolve(), sha256(part)) for part in path.rglob("*") if part.is_file())
        else:
            yield path.resolve(), of_it


def _below(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix()


def _told_from(path: Path, base: Path) -> str:
    """An input's path from ``base``; that of a brought object is its URL's."""
    return _below(path, root_of(path) or base)


def _relative(config: RunConfig, base: Path) -> dict[str, Any]:
    """The config's plain values, with paths from ``base``."""

    def place(path: Path) -> str:
        return _told_from(path.resolve(), base)

    return config.model_dump(mode="json") | {
        "tiles": [place(path) for path in config.tiles],
        "sites": [place(path) for path in config.sites],
        "claims": [place(path) for path in config.claims],
        "tracks": place(config.tracks) if config.tracks else None,
        "adapted": place(config.adapted) if config.adapted else None,
        "clouds_weights": place(config.clouds_weights) if config.clouds_weights else None,
        "engine": place(config.engine) if config.engine else None,
    }
