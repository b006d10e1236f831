"""A folder, or files by name, into Scenes: at any depth, sorted, each file either understood or refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from imagery.errors import InputError, UnreadableError
from imagery.grid import ground_gsd
from imagery.scenes import Asset, Refused, Scene
from imagery.sensors import SENSORS
from imagery.sources.headers import band_names, is_simulated, sensor_of, sensor_of_bands, time_of
from imagery.sources.names import NameFacts, read_name
from imagery.sources.rasterfile import Header, placed, read_header

IMAGES = frozenset({".tif", ".tiff", ".gtiff", ".png", ".jpg", ".jpeg", ".jp2", ".j2k", ".vrt"})
"""Endings of files that are looked into without being named."""


@dataclass(frozen=True)
class Inventory:
    """What was found."""

    scenes: tuple[Scene, ...]
    """Sorted by id."""
    refused: tuple[Refused, ...]
    """Sorted by path: each file that is not used, and why."""


@dataclass(frozen=True)
class Found:
    """One file or cube, and the folder in which it was looked for."""

    path: Path
    """As reached from the root, links not resolved."""
    root: Path
    """The folder given by the user, or the parent of the file given."""
    label: str
    """Prefix of ids, empty where there is one root only."""
    named: bool
    """Given by name."""

    @property
    def key(self) -> str:
        """Id of the file: label and path below the root, without its ending."""
        below = self.path.relative_to(self.root).with_suffix("").as_posix()
        return f"{self.label}/{below}" if self.label else below


def find_scenes(
    paths: Sequence[Path], gsd_m: float | None = None, bands: Sequence[str] | None = None
) -> Inventory:
    """Find every image in folders (at any depth) or among files.

    Args:
        paths: Folders and files.
        gsd_m: Ground sample distance in metres of images without a map position.
        bands: Names of the bands of bare images, in file order, where the files do not say.

    Returns:
        Scenes and refused files; the same files give the same inventory.

    Raises:
        InputError: A path does not exist, ``gsd_m`` is no length, or there is no image at all.
    """
    if gsd_m is not None and not 0 < gsd_m < 1e5:
        raise InputError(f"ground sample distance {gsd_m} m: give metres, more than 0")
    refused: list[Refused] = []
    bare: list[_Bare] = []
    for found in _walk(paths, refused):
        if not (found.named or found.path.suffix.lower() in IMAGES):
            continue
        try:
            bare.append(_read_bare(found, gsd_m, bands))
        except UnreadableError as error:
            refused.append(Refused(found.path, error.reason, str(error)))
    scenes = _families(bare, gsd_m)
    if not scenes and not refused:
        raise InputError(
            f"no image in {', '.join(str(path) for path in paths)}: looked for STAC Items (.json), GeoTIFF, "
            "PNG, JPEG, JPEG 2000, NetCDF and Zarr at any depth"
        )
    return _unique(scenes, refused)


def _walk(paths: Sequence[Path], refused: list[Refused]) -> Iterator[Found]:
    """Every file below the paths, sorted, each once; what cannot be followed is refused."""
    missing = [path for path in paths if not path.exists()]
    if missing or not paths:
        raise InputError(f"no such file or folder: {', '.join(map(str, missing)) or '(none given)'}")
    roots = sorted({path if path.is_dir() else path.parent for path in paths})
    seen: set[Path] = set()
    for path in sorted(set(paths)):
        root = path if path.is_dir() else path.parent
        twins = sum(other.name == root.name for other in roots)
        label = "" if len(roots) == 1 else root.name if twins == 1 else root.as_posix()
        for file in _files(path, root, refused) if path.is_dir() else [path]:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield Found(file, root, label, named=file == path)


def _files(folder: Path, root: Path, refused: list[Refused]) -> Iterator[Path]:
    inside = root.resolve()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [Path(place, name) for name in folders if Path(place, name).is_symlink()]
        files = [Path(place, name) for name in sorted(names) if not name.startswith(".")]
        for path in [*links, *files]:
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                if path in links or path.suffix.lower() in IMAGES:
                    refused.append(
                        Refused(
                            path,
                            "outside-folder",
                            f"{path.name} is a link out of {root}: copy its target there, or name it",
                        )
                    )
            elif path not in links:
                yield path


@dataclass(frozen=True)
class _Bare:
    """A file that stands for itself."""

    found: Found
    header: Header
    name: NameFacts
    scene: Scene

    @property
    def family(self) -> tuple[Path, str, str]:
        """Files that agree in it show one acquisition, a band each."""
        crs = "" if self.header.grid is None else str(self.header.grid.crs)
        folder = self.found.path.parent
        if folder.name in {"R10m", "R20m", "R60m"}:
            folder = folder.parent
        return folder, self.name.family, crs


def _read_bare(found: Found, gsd_m: float | None, stated: Sequence[str] | None) -> _Bare:
    header = read_header(found.path)
    placed(header, gsd_m)
    name = read_name(found.path.stem)
    bands = band_names(header, name, sensor_of(header, name), stated)
    sensor = sensor_of(header, name, bands.names) or "unknown"
    taken_at, time_from = time_of(header, name)
    scale, offset = _scale(header)
    asset = Asset(found.path, bands.names, scale=scale, offset=offset, nodata=SENSORS[sensor].nodata)
    scene = Scene(
        id=found.key,
        assets=(asset,),
        sensor=sensor,
        taken_at=taken_at,
        gsd_m=gsd_m if header.grid is None else None,
        simulated=is_simulated(header),
        properties=MappingProxyType({"time_from": time_from, "bands_from": bands.source}),
    )
    return _Bare(found, header, name, scene)


def _scale(header: Header) -> tuple[float, float]:
    stated = {pair for i, pair in enumerate(header.scales) if i in header.data_bands}
    if len(stated) > 1 and len(stated - {(1.0, 0.0)}) > 1:
        raise UnreadableError(
            f"{header.path.name} states several scales ({sorted(stated)}): store one file a scale",
            "mixed-scales",
        )
    return next(iter(stated - {(1.0, 0.0)}), (1.0, 0.0))


def _families(files: Iterable[_Bare], gsd_m: float | None) -> list[Scene]:
    """One Scene a file, but single-band files of one acquisition together."""
    groups: dict[tuple[Path, str, str], list[_Bare]] = {}
    scenes = []
    for file in files:
        if file.name.band and len(file.scene.bands) == 1:
            groups.setdefault(file.family, []).append(file)
        else:
            scenes.append(file.scene)
    for (folder, family, _), members in sorted(groups.items()):
        scenes.append(members[0].scene if len(members) == 1 else _joined(folder, family, members))
    return scenes


def _joined(folder: Path, family: str, members: list[_Bare]) -> Scene:
    finest: dict[str, _Bare] = {}
    for member in sorted(members, key=lambda m: ground_gsd(placed(m.header, m.scene.gsd_m))):
        finest.setdefault(member.scene.bands[0], member)
    chosen = [finest[band] for band in sorted(finest)]
    first = chosen[0].scene
    found = chosen[0].found
    sensor = first.sensor
    if sensor == "unknown":
        sensor = sensor_of_bands(tuple(sorted(finest))) or "unknown"
    return replace(
        first,
        id=replace(found, path=folder / f"{family}.x").key,
        assets=tuple(member.scene.assets[0] for member in chosen),
        sensor=sensor,
        simulated=any(member.scene.simulated for member in chosen),
    )


def _unique(scenes: list[Scene], refused: list[Refused]) -> Inventory:
    """Ids told apart by file ending where that is all that differs; else the second is refused."""
    times: dict[str, int] = {}
    for scene in scenes:
        times[scene.id] = times.get(scene.id, 0) + 1
    kept: dict[str, Scene] = {}
    for scene in sorted(scenes, key=lambda scene: (scene.id, str(scene.assets[0].path))):
        path = scene.assets[0].path
        named = replace(scene, id=scene.id + path.suffix) if times[scene.id] > 1 else scene
        if named.id in kept:
            refused.append(
                Refused(
                    path,
                    "duplicate-id",
                    f"scene {named.id!r} is there already ({kept[named.id].assets[0].path}): "
                    "remove one of them or change its id",
                )
            )
        else:
            kept[named.id] = named
    return Inventory(
        tuple(kept[key] for key in sorted(kept)),
        tuple(sorted(refused, key=lambda r: (str(r.path), r.reason))),
    )
