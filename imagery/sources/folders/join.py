"""Pictures of one overpass that were fetched for one site, as one Scene: tile edges are joined in reading.

The files stay apart as their provider cut them. The first picture (by id) that has data at a pixel gives it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType

from imagery.scenes import Scene

_SAME = ("yardwatch:site", "yardwatch:datatake", "yardwatch:sensor")
"""What the Items that fetching writes say of pictures that belong together."""


def joined(scenes: Iterable[Scene]) -> list[Scene]:
    """Scenes with those of one overpass and site in one, in order of id.

    Args:
        scenes: Ids differ.
    """
    groups: dict[tuple[object, ...], list[Scene]] = defaultdict(list)
    for scene in sorted(scenes, key=lambda scene: scene.id):
        said = tuple(scene.properties.get(key) for key in _SAME)
        groups[said if all(said) else (scene.id,)].append(scene)
    return sorted((_one(group) for group in groups.values()), key=lambda scene: scene.id)


def _one(pieces: Sequence[Scene]) -> Scene:
    """The first with the files of the others behind its own; bands that one of them lacks are left out."""
    first, *others = pieces
    if not others:
        return first
    common = set.intersection(*(set(piece.bands) for piece in pieces))
    return replace(
        first,
        assets=tuple(
            replace(asset, piece=number)
            for number, piece in enumerate(pieces)
            for asset in piece.assets
            if common.issuperset(asset.bands)
        ),
        properties=MappingProxyType({**first.properties, "joined": ", ".join(piece.id for piece in pieces)}),
    )
