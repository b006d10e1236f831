"""A folder, or files by name, into Scenes: at any depth, sorted, each file either understood or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from imagery.errors import InputError, UnreadableError
from imagery.scenes import Refused, Scene
from imagery.sources.deliveries.delivery import Delivery, Picture, scene_of
from imagery.sources.deliveries.every import find_deliveries
from imagery.sources.folders.bare import families, read_bare
from imagery.sources.folders.cube_files import cube_scenes, read_cube_file
from imagery.sources.folders.join import joined
from imagery.sources.folders.stac_item import item_scene, read_item
from imagery.sources.folders.walk import CUBES, IMAGES, Found, is_zarr, walk


@dataclass(frozen=True)
class Inventory:
    """What was found."""

    scenes: tuple[Scene, ...]
    """Sorted by id."""
    refused: tuple[Refused, ...]
    """Sorted by path: each file that is not used, and why."""
    walked: tuple[Found, ...] = ()
    """Every file that was there, images or not."""


def find_scenes(
    paths: Sequence[Path],
    gsd_m: float | None = None,
    bands: Sequence[str] | None = None,
    clouds: Path | None = None,
) -> Inventory:
    """Find every image in folders (at any depth) or among files.

    Args:
        paths: Folders and files.
        gsd_m: Ground sample distance in metres of images without a map position.
        bands: Names of the bands of bare images, in file order, where the files do not say.
        clouds: Folder of OmniCloudMask's weights, where its opinion is wanted; see ``imagery.clouds``.

    Returns:
        Scenes and refused files; the same files give the same inventory.

    Raises:
        InputError: A path does not exist, ``gsd_m`` is no length, or there is no image at all.
    """
    if gsd_m is not None and not 0 < gsd_m < 1e5:
        raise InputError(f"ground sample distance {gsd_m} m: give metres, more than 0")
    refused: list[Refused] = []
    files = list(walk(paths, refused))
    jsons = [file for file in files if file.path.suffix.lower() == ".json"]
    items = [item for item in _each(jsons, read_item, refused) if item]
    claimed = {path for item in items for path in item.files()}
    images = [item for item in items if not item.made_here]
    scenes = _each(images, lambda item: _Read(item_scene(item, gsd_m), item.path), refused)
    cubes = _each(filter(_is_cube, files), lambda file: read_cube_file(file, gsd_m), refused)
    unclaimed = [file for file in files if file.real not in claimed]
    delivered = find_deliveries(unclaimed, refused)
    pictures = [_Delivered(whole, picture) for whole in delivered.described for picture in whole.pictures]
    scenes += _each(pictures, lambda one: _Read(scene_of(one.whole, one.picture, gsd_m), None), refused)
    free = (file for file in _images(unclaimed) if file.path not in delivered.claimed)
    bare = _each(free, lambda file: read_bare(file, gsd_m, bands), refused)
    scenes += [_Read(scene, None) for scene in (*cube_scenes(cubes), *families(bare))]
    if not scenes and not refused:
        raise InputError(
            f"no image in {', '.join(str(path) for path in paths)}: looked for STAC Items (.json), GeoTIFF, "
            "PNG, JPEG, JPEG 2000, NetCDF and Zarr at any depth"
        )
    found = _unique(scenes, refused)
    asked = tuple(replace(scene, clouds=clouds) for scene in found.scenes)
    return replace(found, scenes=asked, walked=tuple(files))


class _HasPath(Protocol):
    @property
    def path(self) -> Path: ...


T = TypeVar("T", bound=_HasPath)
Made = TypeVar("Made")


def _each(things: Iterable[T], read: Callable[[T], Made], refused: list[Refused]) -> list[Made]:
    """What ``read`` makes of each thing; what it cannot read is refused, and the rest goes on."""
    made = []
    for thing in things:
        try:
            made.append(read(thing))
        except UnreadableError as error:
            refused.append(Refused(thing.path, error.reason, str(error)))
    return made


def _is_cube(file: Found) -> bool:
    return file.path.suffix.lower() in CUBES or is_zarr(file.path)


def _images(files: Iterable[Found]) -> list[Found]:
    """Files that end like images, and those that were named and are nothing else."""
    rest = [file for file in files if file.path.suffix.lower() != ".json" and not _is_cube(file)]
    return [file for file in rest if file.named or file.path.suffix.lower() in IMAGES]


@dataclass(frozen=True)
class _Delivered:
    """One image of a delivery."""

    whole: Delivery
    picture: Picture

    @property
    def path(self) -> Path:
        return self.picture.found.path


@dataclass(frozen=True)
class _Read:
    """A Scene and the STAC Item that it was read from, None where its id is its path."""

    scene: Scene
    item: Path | None

    @property
    def path(self) -> Path:
        return self.item or self.scene.assets[0].path


def _unique(found: list[_Read], refused: list[Refused]) -> Inventory:
    """Ids of bare files told apart by their ending where that is all that differs; else one is refused."""
    count = Counter(read.scene.id for read in found)
    kept: dict[str, _Read] = {}
    # Items keep their id: they come first.
    for read in sorted(found, key=lambda read: (read.item is None, str(read.path))):
        id_ = read.scene.id
        if read.item is None and count[id_] > 1:
            id_ += read.path.suffix
        if id_ in kept:
            detail = f"scene {id_!r} is there already ({kept[id_].path}): remove one or change its id"
            refused.append(Refused(read.path, "duplicate-id", detail))
        else:
            kept[id_] = replace(read, scene=replace(read.scene, id=id_))
    refused.sort(key=lambda file: (str(file.path), file.reason))
    return Inventory(tuple(joined(read.scene for read in kept.values())), tuple(refused))
