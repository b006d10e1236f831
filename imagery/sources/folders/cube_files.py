"""NetCDF and Zarr cubes into Scenes: one a time step, the 10 m and 20 m cubes of one place together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np

from imagery.cubes import Cube, no_gsd, read_cube
from imagery.errors import UnreadableError
from imagery.grid import ground_gsd, outline, pixel_to_map
from imagery.scenes import Asset, Scene
from imagery.sensors import SENSORS
from imagery.sources.folders.headers import sensor_of_bands
from imagery.sources.folders.names import read_name
from imagery.sources.folders.walk import Found


@dataclass(frozen=True, eq=False)
class CubeFile:
    """A cube and where it was found."""

    found: Found
    """The file or Zarr store."""
    cube: Cube
    """What it says of itself."""
    gsd_m: float | None
    """Ground sample distance as the user states it, where the cube has no map position."""

    @property
    def family(self) -> tuple[Path, str]:
        """Cubes that agree in it show one place in several resolutions: folder and name without it."""
        return self.found.path.parent, read_name(self.found.path.stem).family


def read_cube_file(found: Found, gsd_m: float | None) -> CubeFile:
    """Read what a cube says of itself.

    Raises:
        UnreadableError: Damaged, unsafe, no cube, or without position and ``gsd_m``.
    """
    cube = read_cube(found.path)
    if cube.grid is None and gsd_m is None:
        raise UnreadableError(no_gsd(found.path), "no-gsd")
    return CubeFile(found, cube, gsd_m if cube.grid is None else None)


def cube_scenes(files: Iterable[CubeFile]) -> list[Scene]:
    """One Scene a time; steps of several cubes of one family at the same second are one Scene."""
    groups: dict[tuple[Path, str], list[CubeFile]] = {}
    for file in files:
        groups.setdefault(file.family, []).append(file)
    scenes = []
    for _, members in sorted(groups.items()):
        members.sort(key=lambda file: (_gsd(file), file.found.path))
        if not _belong_together(members):
            scenes += [scene for member in members for scene in _scenes([member])]
        else:
            scenes += _scenes(members)
    return scenes


def _gsd(file: CubeFile) -> float:
    return file.gsd_m or 1.0 if file.cube.grid is None else ground_gsd(file.cube.grid)


def _belong_together(members: list[CubeFile]) -> bool:
    """Whether they add bands to each other over one piece of ground."""
    names = [band.name for member in members for band in member.cube.bands]
    grids = [member.cube.grid for member in members if member.cube.grid is not None]
    if len(set(names)) < len(names) or len(grids) < len(members):
        return False
    edges = [pixel_to_map(grid, outline(grid)) for grid in grids]
    low, high = np.max([e.min(axis=0) for e in edges], axis=0), np.min([e.max(axis=0) for e in edges], axis=0)
    return len({str(grid.crs) for grid in grids}) == 1 and bool((low < high).all())


def _scenes(members: list[CubeFile]) -> list[Scene]:
    """One Scene a time; a time that one cube holds twice makes two, of which the second is a duplicate."""
    steps: dict[tuple[datetime | None, int], list[tuple[CubeFile, int]]] = {}
    for member in members:
        seen: list[datetime | None] = []
        for step, time in enumerate(member.cube.times or (None,)):
            key = None if time is None else time.replace(microsecond=0)
            steps.setdefault((key, seen.count(key)), []).append((member, step))
            seen.append(key)
    return [_scene(time, parts) for (time, _), parts in steps.items()]


def _scene(time: datetime | None, parts: list[tuple[CubeFile, int]]) -> Scene:
    first = parts[0][0]
    stem = first.family[0] / first.family[1] if len(parts) > 1 else first.found.path.with_suffix("")
    name = read_name(first.found.path.stem)
    key = first.found.key_of(stem)
    bands = tuple(band.name for part, _ in parts for band in part.cube.bands)
    sensor = name.sensor or sensor_of_bands(bands) or "unknown"
    time_from = "time axis" if time else "file name" if name.taken_at else "nowhere"
    return Scene(
        id=f"{key}@{time:%Y%m%dT%H%M%SZ}" if time else key,
        assets=tuple(asset for part, step in parts for asset in _assets(part, step, sensor)),
        sensor=sensor,
        taken_at=time or name.taken_at,
        gsd_m=first.gsd_m,
        sun_azimuth_deg=_angle(parts, "sun_azimuth"),
        sun_elevation_deg=None if (zenith := _angle(parts, "sun_zenith")) is None else 90 - zenith,
        off_nadir_deg=_angle(parts, "view_zenith"),
        properties=MappingProxyType({"time_from": time_from, "bands_from": "cube variables"}),
    )


def _assets(part: CubeFile, step: int, sensor: str) -> list[Asset]:
    """One Asset for all bands of one scale: an Asset has one."""
    groups: dict[tuple[float, float, float | None], list[str]] = {}
    for band in part.cube.bands:
        groups.setdefault((band.scale, band.offset, band.nodata), []).append(band.name)
    return [
        Asset(
            part.found.path,
            tuple(names),
            step=None if part.cube.times is None else step,
            scale=scale,
            offset=offset,
            nodata=SENSORS[sensor].nodata if nodata is None else nodata,
        )
        for (scale, offset, nodata), names in groups.items()
    ]


def _angle(parts: list[tuple[CubeFile, int]], name: str) -> float | None:
    """The angle as the first part that knows it gives it."""
    values = (float(part.cube.angles[name][step]) for part, step in parts if name in part.cube.angles)
    return next((value for value in values if np.isfinite(value)), None)
