"""Images without a STAC Item: one Scene a file, but the single-band files of one acquisition together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from imagery.grid import ground_gsd
from imagery.scenes import Asset, Scene
from imagery.sensors import SENSORS
from imagery.sources.files.rasterfile import Header, placed, read_header
from imagery.sources.folders.headers import (
    backscatter_of,
    band_names,
    is_simulated,
    scale_of,
    sensor_of,
    sensor_of_bands,
    time_of,
)
from imagery.sources.folders.names import NameFacts, read_name
from imagery.sources.folders.walk import Found


@dataclass(frozen=True)
class BareImage:
    """An image file that stands for itself."""

    found: Found
    """The file."""
    header: Header
    """What it says of itself."""
    name: NameFacts
    """What its name says."""
    scene: Scene
    """The Scene that it makes alone."""

    @property
    def family(self) -> tuple[Path, str, str]:
        """Files that agree in it show one acquisition, a band each: folder, name, CRS."""
        crs = "" if self.header.grid is None else str(self.header.grid.crs)
        folder = self.found.path.parent
        # Sentinel-2 products keep each resolution in a folder of its own.
        return folder.parent if folder.name in {"R10m", "R20m", "R60m"} else folder, self.name.family, crs


def read_bare(found: Found, gsd_m: float | None, stated: Sequence[str] | None) -> BareImage:
    """Read the header of an image.

    Args:
        found: The file.
        gsd_m: Ground sample distance in metres, used where the file has no map position.
        stated: Names of its bands as the user states them.

    Raises:
        UnreadableError: It is no image, damaged, or lacks what it takes to be measured.
    """
    header = read_header(found.path)
    placed(header, gsd_m)
    name = read_name(found.path.stem)
    bands = band_names(header, name, sensor_of(header, name), stated)
    sensor = sensor_of(header, name, bands.names) or "unknown"
    taken_at, time_from = time_of(header, name)
    scale, offset = scale_of(header)
    asset = Asset(found.path, bands.names, scale=scale, offset=offset, nodata=SENSORS[sensor].nodata)
    scene = Scene(
        id=found.key,
        assets=(asset,),
        sensor=sensor,
        taken_at=taken_at,
        gsd_m=gsd_m if header.grid is None else None,
        simulated=is_simulated(header),
        properties=MappingProxyType(
            {"time_from": time_from, "bands_from": bands.source, **backscatter_of(header, sensor)}
        ),
    )
    if header.pages > 1:
        scene = replace(scene, properties={**scene.properties, "pages": header.pages})
    return BareImage(found, header, name, scene)


def families(files: Iterable[BareImage]) -> list[Scene]:
    """One Scene a file, but single-band files of one acquisition together."""
    groups: dict[tuple[Path, str, str], list[BareImage]] = {}
    scenes = []
    for file in files:
        if file.name.band and len(file.scene.bands) == 1:
            groups.setdefault(file.family, []).append(file)
        else:
            scenes.append(file.scene)
    for (folder, family, _), members in sorted(groups.items()):
        scenes.append(members[0].scene if len(members) == 1 else _joined(folder / family, members))
    return scenes


def _joined(stem: Path, members: list[BareImage]) -> Scene:
    """One Scene of several bands; of a band in two resolutions the finer one."""
    finest: dict[str, BareImage] = {}
    for member in sorted(members, key=lambda m: ground_gsd(placed(m.header, m.scene.gsd_m))):
        finest.setdefault(member.scene.bands[0], member)
    chosen = [finest[band] for band in sorted(finest)]
    first = chosen[0].scene
    sensor = first.sensor
    if sensor == "unknown":
        sensor = sensor_of_bands(tuple(finest)) or "unknown"
    return replace(
        first,
        id=chosen[0].found.key_of(stem),
        assets=tuple(member.scene.assets[0] for member in chosen),
        sensor=sensor,
        simulated=any(member.scene.simulated for member in chosen),
    )
