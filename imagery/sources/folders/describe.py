"""What was understood of each file: the rows of ``yardwatch info``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imagery.errors import YardwatchError
from imagery.grid import ground_gsd
from imagery.reader import open_scene
from imagery.scenes import Refused, Scene
from imagery.sensors import SENSORS, Regime
from imagery.sources.files.layer import Layer
from imagery.sources.folders.folder import Inventory


@dataclass(frozen=True)
class Row:
    """One Scene as it will be read, or one refused file."""

    path: str
    """Its first file."""
    id: str = ""
    """Scene id, empty where refused."""
    sensor: str = ""
    """Key of the sensor."""
    taken_at: datetime | None = None
    """UTC."""
    time_from: str = ""
    """Where the time was read from."""
    crs: str = ""
    """CRS, or ``pixels`` without a map position."""
    shape: tuple[int, int] | None = None
    """(rows, cols) of the finest file."""
    gsd_m: float | None = None
    """Metres on the ground, by geodesic where there is a CRS."""
    bands: tuple[str, ...] = ()
    """Names."""
    dtype: str = ""
    """Stored types, and the scale that is applied."""
    mask: str = ""
    """What marks pixels without data."""
    regime: Regime | None = None
    """What can be counted in it."""
    note: str = ""
    """What a user should know: resampled, band order assumed, ..."""
    simulated: bool = False
    """Painted, not photographed."""
    refused: str = ""
    """Reason slug, empty where the file is used."""
    detail: str = ""
    """Why it is refused."""


def describe(inventory: Inventory) -> list[Row]:
    """One row a Scene, then one a refused file; each Scene is opened as for measuring, but not read."""
    return [*map(_row, inventory.scenes), *map(_refused, inventory.refused)]


def _refused(file: Refused) -> Row:
    return Row(path=str(file.path), refused=file.reason, detail=file.detail)


def _row(scene: Scene) -> Row:
    path = str(scene.assets[0].path)
    try:
        with open_scene(scene) as raster:
            native = raster.native_grid
            gsd = ground_gsd(native)
            notes = [f"bands: {scene.properties.get('bands_from', '')}"]
            if "pages" in scene.properties:
                notes.append(f"only the first of its {scene.properties['pages']} pages is read")
            if raster.grid is not native:
                notes.append(f"read on a square {raster.grid.crs} grid")
            if any(ground_gsd(layer.grid) > 1.01 * gsd for layer in raster.layers):
                notes.append("coarser bands are read on the finest grid")
            if "joined" in scene.properties:
                notes.append(f"joined of {scene.properties['joined']}")
            return Row(
                path=path,
                id=scene.id,
                sensor=scene.sensor,
                taken_at=scene.taken_at,
                time_from=str(scene.properties.get("time_from", "")),
                crs="pixels" if native.crs is None else str(native.crs),
                shape=(native.shape[0], native.shape[1]),
                gsd_m=gsd,
                bands=raster.bands,
                dtype=", ".join(sorted({_dtype(layer) for layer in raster.layers})),
                mask=", ".join(sorted({layer.mask for layer in raster.layers})),
                regime=SENSORS[scene.sensor].regime(gsd),
                note="; ".join(notes),
                simulated=scene.simulated,
            )
    except YardwatchError as error:
        return Row(path, scene.id, refused=getattr(error, "reason", "unusable"), detail=str(error))


def _dtype(layer: Layer) -> str:
    if layer.asset.scaling:
        return (
            f"{layer.dtype} x {', '.join(f'{scale:g} {offset:+g}' for scale, offset in layer.asset.scaling)}"
        )
    scale, offset = layer.asset.scale, layer.asset.offset
    return f"{layer.dtype} x {scale:g} {offset:+g}" if (scale, offset) != (1.0, 0.0) else str(layer.dtype)
