"""The ground of a site as a map of materials: laid once, mixed anew on each date (backdrop)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imagery.errors import ConfigError
from imagery.synthetic.chance import stream
from imagery.synthetic.frame import Frame, leads
from imagery.synthetic.layout import Points
from imagery.synthetic.scenario import Ground
from imagery.synthetic.spectra import GROUND

CELL_M = 2.0
"""Size of a cell: things finer than this are drawn by the share of the cell that they cover."""
BED_M = 3.2
"""Half the width of a track's ballast."""
SHOULDER_M = 9.0
"""Bare ground beside the outermost track."""

_NAMES = tuple(GROUND)


@dataclass(frozen=True, eq=False)
class Terrain:
    """Materials and textures of a site, on cells from the frame's corner."""

    material: NDArray[np.uint8]
    """(rows, cols) index into spectra.GROUND."""
    parcel: NDArray[np.int32]
    """(rows, cols) which field or wood a cell belongs to; they grow a little differently each year."""
    texture: NDArray[np.float64]
    """(2, rows, cols) standard normal, smooth over some metres: visible, infrared."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.material.shape[0], self.material.shape[1]


def terrain_of(frame: Frame, ground: Ground, seed: int, cell_m: float = CELL_M) -> Terrain:
    """Lay a site's ground: parcels, shoulders, patches, the site's own areas, then the track bed on top.

    Args:
        frame: Its local metres and tracks.
        ground: What the scenario says of it.
        seed: The scenario's seed.
        cell_m: Side of a cell.

    Raises:
        ConfigError: A material or an area is unknown.
    """
    rows, cols = (int(side / cell_m) for side in frame.grid.shape)
    y, x = (np.mgrid[:rows, :cols] + 0.5) * cell_m
    site = frame.site.id
    material, parcel = _parcels(frame, ground, np.stack([x, y], axis=-1), stream(seed, site, "parcels"))
    beside = _distance(frame, ground, x, y)
    material[beside < SHOULDER_M] = _index("soil")
    for patch in ground.patches:
        outline = frame.outline(
            patch.along_m, patch.across_m, (patch.length_m, patch.width_m), patch.angle_deg
        )
        material[_inside(outline, x, y)] = _index(patch.material)
    areas = {area.id: area for area in frame.site.areas}
    for name, what in ground.areas.items():
        if name not in areas:
            raise ConfigError(
                f"{site}: unknown area {name!r} in its ground file; known are {', '.join(areas)}"
            )
        material[_inside(frame.local(areas[name].polygon), x, y)] = _index(what)
    material[beside < BED_M] = _index("ballast")
    rng = stream(seed, site, "texture")
    common = fractal(rng, (rows, cols), 1.7)
    texture = np.stack([common, 0.7 * common + 0.7 * fractal(rng, (rows, cols), 1.7)])
    return Terrain(material, parcel, texture)


def fractal(rng: np.random.Generator, shape: tuple[int, int], beta: float) -> NDArray[np.float64]:
    """Noise whose amplitude falls with spatial frequency to the power ``beta``; mean 0, variance 1."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    radius = np.hypot(fy, fx)
    radius[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * radius**-beta, shape)
    return np.asarray((noise - noise.mean()) / noise.std())


def _parcels(
    frame: Frame, ground: Ground, xy: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Fields and woods: each cell belongs to the nearest of random points, in axes turned with the tracks."""
    rows, cols = frame.grid.shape
    count = max(4, int(rows * cols / ground.parcel_m**2))
    seeds = rng.uniform(0, 1, (count, 2)) * [cols, rows]
    shares = np.array(list(ground.parcels.values()), dtype=np.float64)
    kinds = np.array([_index(name) for name in ground.parcels], dtype=np.uint8)
    turn = np.deg2rad(frame.angle_deg)
    # Fields are longer than wide and lie with the valley, as the tracks do.
    squeeze = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * [0.6, 1.0]
    nearest = cKDTree(seeds @ squeeze).query(xy @ squeeze, p=1)[1].astype(np.int32)
    return kinds[rng.choice(len(kinds), count, p=shares / shares.sum())][nearest], nearest


def _distance(
    frame: Frame, ground: Ground, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Metres from each cell to the nearest rail, at most twice SHOULDER_M."""
    layout = frame.tracks
    lines: list[Points] = [
        layout.at(i, np.arange(0.0, layout.length_m(i) + 1.0)) for i in range(len(layout.tracks_m))
    ]
    for line in leads(frame, ground.leads_m):
        arc = np.linspace(0, 1, 10 * len(line))
        lines.append(
            np.stack([np.interp(arc, np.linspace(0, 1, len(line)), part) for part in line.T], axis=1)
        )
    tree = cKDTree(np.concatenate(lines))
    distance = tree.query(np.stack([x, y], axis=-1), distance_upper_bound=2 * SHOULDER_M)[0]
    return np.asarray(np.minimum(distance, 2 * SHOULDER_M))


def _inside(outline: Points, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    polygon = shapely.Polygon(outline)
    shapely.prepare(polygon)
    return np.asarray(shapely.contains_xy(polygon, x, y), dtype=bool)


def _index(name: str) -> int:
    if name not in GROUND:
        raise ConfigError(f"unknown ground material {name!r}: known are {', '.join(GROUND)}")
    return _NAMES.index(name)
