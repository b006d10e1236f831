"""Detectors by name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from imagery.errors import ConfigError
from models.detections import Detector
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
    if name not in _DETECTORS:
        near = get_close_matches(name, _DETECTORS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"no detector {name!r}: there are {', '.join(_DETECTORS)}{hint}")
    return _DETECTORS[name]()


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
