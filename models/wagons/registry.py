"""Detectors by name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from imagery.errors import ConfigError
from models.detections import Detector
from models.wagons.edges import EdgesDetector

_DETECTORS: dict[str, Callable[[], Detector]] = {"edges": EdgesDetector}


def names() -> tuple[str, ...]:
    """Names that ``detector`` knows."""
    return tuple(_DETECTORS)


def detector(name: str) -> Detector:
    """A detector, ready to use.

    Raises:
        ConfigError: There is none of that name; the message lists those there are.
    """
    if name not in _DETECTORS:
        near = get_close_matches(name, _DETECTORS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"no detector {name!r}: there are {', '.join(_DETECTORS)}{hint}")
    return _DETECTORS[name]()
