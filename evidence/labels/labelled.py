"""Images and the labels that a user brings for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imagery.errors import InputError
from imagery.scenes import Scene
from imagery.sources.folders.folder import Inventory, find_scenes
from models.measurement import Skip
from models.wagons.labels import find_sheets, sheets_of
from models.wagons.marks import Sheet


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images with their labels, and what is left out."""

    scenes: tuple[tuple[Scene, Sheet], ...]
    """In order of the scenes' ids."""
    left_out: tuple[tuple[str, Skip], ...]
    """Scene id or file, and why."""


def find_labelled(
    paths: Sequence[Path], labels: Path, gsd_m: float | None = None, bands: Sequence[str] | None = None
) -> Labelled:
    """Find images and the labels of each.

    An image without a map position takes its GSD from ``gsd_m``, else from its label file.

    Args:
        paths: Images and folders.
        labels: A label file, or a folder of them.
        gsd_m: Metres a pixel of images without a map position.
        bands: Band names of bare images, in file order.

    Raises:
        InputError: There is no image, no label file, or no image has labels.
    """
    sheets = find_sheets(labels)
    inventory = find_scenes(paths, gsd_m=gsd_m, bands=bands)
    if gsd_m is None:
        inventory = _with_gsd_of_labels(inventory, paths, sheets, bands)
    if not inventory.scenes:
        raise InputError("; ".join(file.detail for file in inventory.refused[:3]))
    mine = sheets_of({scene.id: names_of(scene) for scene in inventory.scenes}, sheets)
    left_out = [(str(file.path), Skip(file.reason, file.detail)) for file in inventory.refused]
    left_out += [
        (scene.id, Skip("no-labels", f"{labels} speaks of no image of that name"))
        for scene in inventory.scenes
        if scene.id not in mine
    ]
    scenes = tuple((scene, mine[scene.id]) for scene in inventory.scenes if scene.id in mine)
    return Labelled(scenes, tuple(left_out))


def names_of(scene: Scene) -> list[str]:
    """What labels or tracks of a scene may be named after."""
    return [scene.id, *(asset.path.name for asset in scene.assets)]


def _with_gsd_of_labels(
    inventory: Inventory, paths: Sequence[Path], sheets: Sequence[Sheet], bands: Sequence[str] | None
) -> Inventory:
    """Images refused for want of a GSD, taken in where their label file states it."""
    lacking = {file.path for file in inventory.refused if file.reason == "no-gsd"}
    if not lacking or all(sheet.gsd_m is None for sheet in sheets):
        return inventory
    every = find_scenes(paths, gsd_m=1.0, bands=bands).scenes  # replaced by the stated one below
    unplaced = {scene.id: scene for scene in every if lacking & {asset.path for asset in scene.assets}}
    mine = sheets_of({key: names_of(scene) for key, scene in unplaced.items()}, sheets)
    taken = {key: replace(unplaced[key], gsd_m=sheet.gsd_m) for key, sheet in mine.items() if sheet.gsd_m}
    known = {asset.path for scene in taken.values() for asset in scene.assets}
    scenes = {scene.id: scene for scene in inventory.scenes} | taken
    return Inventory(
        tuple(scenes[key] for key in sorted(scenes)),
        tuple(file for file in inventory.refused if file.path not in known),
    )
