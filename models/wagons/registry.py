"""Detectors by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagery.errors import ConfigError
from imagery.reader import Raster
from models.detections import Detections, Detector
from models.onecore import keep_torch_to_one
from models.wagons.edges import EdgesDetector

ADAPTABLE = "strips"
"""The detector that a site's own labels can move."""
ADAPTED_ENDING = ".adapt.safetensors"
"""A site's own weights stand beside its file, under the same stem."""


def _strips() -> Detector:
    """The reader of strips: torch loads only when it is used."""
    from models.wagons.infer import StripReader

    return StripReader()


_DETECTORS: dict[str, Callable[[], Detector]] = {"edges": EdgesDetector, ADAPTABLE: _strips}


def names() -> tuple[str, ...]:
    """Names that ``detector`` knows."""
    return tuple(_DETECTORS)


def detector(name: str) -> Detector:
    """A detector, ready to use.

    Raises:
        ConfigError: There is none of that name; the message lists those there are.
        UnreadableError: Its weights are absent or damaged.
    """
    _check(name)
    return _DETECTORS[name]()


def late(name: str) -> Detector:
    """A detector that is made when the first picture wants it.

    Loading torch takes longer than looking at a coarse date, and not every run has a fine picture.

    Raises:
        ConfigError: There is none of that name; the message lists those there are.
    """
    _check(name)
    return _Late(name)


class _Late:
    """A detector of the package by its name, which is all of it that travels to other processes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made: Detector | None = None
        self._making = threading.Lock()  # scenes are looked at side by side

    def __reduce__(self) -> tuple[Callable[[str], Detector], tuple[str]]:
        return late, (self._name,)

    @property
    def name(self) -> str:
        """See Detector.name."""
        return self._name

    def detect(self, raster: Raster, tracks: Sequence[NDArray[np.float64]] = ()) -> Detections:
        """See Detector.detect.

        Raises:
            UnreadableError: The weights are absent or damaged.
        """
        with self._making:
            if self._made is None:
                self._made = detector(self._name)
                keep_torch_to_one()
        return self._made.detect(raster, tracks)


def _check(name: str) -> None:
    if name not in _DETECTORS:
        near = get_close_matches(name, _DETECTORS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"no detector {name!r}: there are {', '.join(_DETECTORS)}{hint}")


def exported(name: str, folder: Path) -> Detector:
    """A detector whose nets run in the engine that ``yardwatch export-model`` chose.

    Raises:
        ConfigError: That detector has no nets, or the engine is not installed.
        UnreadableError: The folder holds no export.
    """
    from models.wagons.engine import exported_reader

    if name != ADAPTABLE:
        raise ConfigError(f"detector {name!r} has no nets to run in {folder}: use {ADAPTABLE}")
    return exported_reader(folder)


def adapted(name: str, path: Path) -> Detector:
    """A detector with what a site's own labels changed (``yardwatch adapt``), called ``strips+adapted``.

    Raises:
        ConfigError: That detector cannot be adapted.
        UnreadableError: Weights are absent, damaged, or made for another reader.
    """
    from models.wagons.adapt import with_delta
    from models.wagons.infer import WEIGHTS, StripReader
    from models.wagons.nets import StripNet, load

    if name != ADAPTABLE:
        raise ConfigError(f"detector {name!r} has no weights that {path} could change: use {ADAPTABLE}")
    reader = StripReader(reader=with_delta(load(WEIGHTS / "reader.safetensors", StripNet)[0], path))
    reader.name = f"{ADAPTABLE}+adapted"
    return reader
