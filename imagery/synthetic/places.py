"""Random yards, or real sites on invented ground, for training and testing what reads coarse images."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.spatial import cKDTree

from imagery.grid import pixel_to_lonlat
from imagery.sites import Site, Track
from imagery.synthetic.coarse import Thing
from imagery.synthetic.eyes import EYES
from imagery.synthetic.frame import Frame, frame_of
from imagery.synthetic.layout import Colour, Points
from imagery.synthetic.scenario import Ground, Patch, Roof
from imagery.synthetic.season import Climate
from imagery.synthetic.spectra import BANDS, GROUND, painted
from imagery.synthetic.terrain import BED_M, Terrain, terrain_of

MARGIN_M = 180.0
"""How far the scenes of a random place reach beyond its tracks."""
_STEP_M = 10.0
_ROOFS: tuple[Colour, ...] = (
    (150, 84, 66), (196, 194, 188), (120, 150, 190), (140, 78, 62), (118, 116, 114), (90, 92, 96),
    (225, 224, 220),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SimulatedPlace:
    """A place that can be visited: its ground and tracks never change, its state does."""

    frame: Frame
    """Local metres: x east, y south; ``frame.site`` is the Site, ``frame.tracks`` its lines."""
    terrain: Terrain
    """Materials and textures on cells of ``cell_m``."""
    cell_m: float
    """Side of a terrain cell."""
    roofs: tuple[Thing, ...]
    """Buildings."""
    reflectance: NDArray[np.float64]
    """(materials, 10) of GROUND's materials here, dry and without growth."""
    climate: Climate
    """How the year runs."""
    spans_m: tuple[tuple[tuple[float, float], ...], ...]
    """Of each track: stretches (start, end) on which wagons may stand."""
    restless: float
    """How much ground and light change from date to date; 1 is usual."""
    seed: int
    """What chance follows from where it is the same on all dates."""

    @property
    def site(self) -> Site:
        """The place as the estimators know it: tracks and footprint in degrees."""
        return self.frame.site

    @property
    def tracks_m(self) -> tuple[Points, ...]:
        """Lines (n, 2) in local metres, in the order of ``site.tracks``."""
        return self.frame.tracks.tracks_m

    @property
    def track_length_m(self) -> float:
        """Of all tracks together."""
        return sum(self.frame.tracks.length_m(i) for i in range(len(self.tracks_m)))


def random_place(rng: np.random.Generator, gsd_m: float = 10.0) -> SimulatedPlace:
    """A yard of 2 to 14 roughly parallel tracks somewhere between 24 and 54 degrees north.

    Tracks are 250 to 1500 m long, 4.5 to 6 m apart (now and then two groups), straight, curved or in a
    ladder, at any heading.

    Args:
        rng: Source of randomness: the same state gives the same place.
        gsd_m: Of the images that will be painted: below 5 the ground is laid out in finer cells.
    """
    lines = _lines(rng)
    lat, zone = rng.uniform(24, 54), int(rng.integers(1, 61))
    origin = round(rng.uniform(3e5, 7e5)), round(lat * 110_900.0)
    grid = GeoBox((1, 1), Affine(1, 0, origin[0], 0, -1, origin[1]), f"EPSG:{32600 + zone}")
    hull = shapely.MultiPoint(np.concatenate(lines)).convex_hull.buffer(40.0)
    footprint = shapely.Polygon(pixel_to_lonlat(grid, shapely.get_coordinates(hull.exterior)))
    name = f"simulated-{int(rng.integers(1 << 40)):010x}"
    site = Site(
        id=name,
        name=f"SIMULATED yard {name[-6:]}",
        footprint=footprint,
        search_box=footprint.bounds,
        tracks=tuple(
            Track(f"track-{i + 1}", pixel_to_lonlat(grid, line), approximate=False)
            for i, line in enumerate(lines)
        ),
        areas=(),
        points=(),
        uncertainty_m=1.0,
    )
    return place_of(site, rng, gsd_m)


def place_of(
    site: Site,
    rng: np.random.Generator,
    gsd_m: float = 10.0,
    ground: Ground | None = None,
    margin_m: float = MARGIN_M,
) -> SimulatedPlace:
    """A site, real or invented, on painted ground.

    Args:
        site: With at least one track.
        rng: Source of randomness.
        gsd_m: Of the images that will be painted.
        ground: What lies there; invented if None.
        margin_m: How far scenes reach beyond the site's tracks and areas.

    Raises:
        InputError: The site has no tracks.
        ConfigError: The ground names an unknown material or area.
    """
    frame = frame_of(site, margin_m)
    eye = EYES["planetscope" if gsd_m < 5 else "sentinel-2"]
    seed = int(rng.integers(1 << 31))
    laid = ground or _ground(frame, rng)
    terrain = _worn(terrain_of(frame, laid, seed, eye.cell_m), frame, eye.cell_m, rng)
    beside = cKDTree(np.concatenate(frame.tracks.tracks_m))
    roofs = [_roof(frame, roof) for roof in laid.roofs]
    return SimulatedPlace(
        frame=frame,
        terrain=terrain,
        cell_m=eye.cell_m,
        roofs=tuple(r for r in roofs if beside.query(r.centre_m)[0] > max(r.size_m) / 2 + 6.0),
        reflectance=_materials(rng),
        climate=Climate(
            green_up=float(rng.uniform(75, 145)),
            senescence=float(rng.uniform(240, 310)),
            wet_share=float(rng.uniform(0.08, 0.4)),
            snowfalls=(0, int(rng.integers(1, 7))),
        ),
        spans_m=tuple(tuple(spans) for spans in frame.tracks.free_spans()),
        restless=float(rng.lognormal(0, 0.4)),
        seed=seed,
    )


def _lines(rng: np.random.Generator) -> list[Points]:
    """Track lines (n, 2) in metres about any origin."""
    count, longest = int(rng.integers(2, 15)), float(rng.uniform(250, 1500))
    spacing = rng.uniform(4.5, 6.0) + rng.uniform(-0.15, 0.15, count)
    if count > 4 and rng.random() < 0.2:
        spacing[int(rng.integers(1, count))] += rng.uniform(6, 25)
    across = np.cumsum(spacing) - spacing[0]
    run = np.arange(-longest / 2, longest / 2 + _STEP_M, _STEP_M)
    bend = _bend(rng, run)
    heading = rng.uniform(0, 2 * np.pi) + bend
    u = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    normal = np.stack([-u[:, 1], u[:, 0]], axis=1)
    spine = np.cumsum(u, axis=0) * _STEP_M
    ladder, skew = rng.uniform(0, 8) * (rng.random() < 0.5), rng.uniform(-5, 5) * (rng.random() < 0.4)
    lines = []
    for off in across:
        cut = min(ladder * abs(off - across.mean() * (skew != 0)), (longest - 250) / 2)
        free = max(longest - 2 * cut - 250, 0)
        first, last = cut + rng.uniform(0, 0.25) * free, longest - cut - rng.uniform(0, 0.25) * free
        move = np.clip(skew * off, -first, longest - last)
        part = (run >= first + move - longest / 2 - 1) & (run <= last + move - longest / 2 + 1)
        lines.append((spine + off * normal)[part])
    return lines


def _bend(rng: np.random.Generator, run: Points) -> NDArray[np.float64]:
    """Change of heading along the run: none, an arc, or an S."""
    kind = rng.choice(["straight", "arc", "double"], p=[0.55, 0.3, 0.15])
    if kind == "straight":
        return np.zeros_like(run)
    turn = run / rng.uniform(600, 3000) * rng.choice([-1, 1])
    return np.asarray(turn if kind == "arc" else np.abs(turn))


def _materials(rng: np.random.Generator) -> NDArray[np.float64]:
    """GROUND's materials as bright, and as tilted between blue and infrared, as they happen to be here."""
    bare = np.array([material.bare for material in GROUND.values()])
    tilt = np.linspace(-1, 1, len(BANDS))
    level = rng.normal(0, 0.2, (len(bare), 1))
    level[list(GROUND).index("ballast")] = rng.uniform(-0.55, 0.5)  # old ballast is dark with dust
    return np.asarray(bare * np.exp(level + rng.normal(0, 0.1, (len(bare), 1)) * tilt))


def _worn(terrain: Terrain, frame: Frame, cell_m: float, rng: np.random.Generator) -> Terrain:
    """Beds differ from track to track, and along each of them."""
    layout, rows = frame.tracks, terrain.shape[0]
    along = [layout.at(i, np.arange(0.0, layout.length_m(i), 4.0)) for i in range(len(layout.tracks_m))]
    owner = np.repeat(np.arange(len(along)), [len(points) for points in along])
    wear = np.concatenate([_smoothed(rng, len(points)) for points in along])
    wear += rng.normal(0, 0.8, len(along))[owner]
    flat = np.flatnonzero(terrain.material == list(GROUND).index("ballast"))
    xy = (np.stack(np.divmod(flat, terrain.shape[1])[::-1], axis=1) + 0.5) * cell_m
    near, which = cKDTree(np.concatenate(along)).query(xy, distance_upper_bound=2 * BED_M)
    texture = terrain.texture.reshape(2, -1).copy()
    texture[:, flat] += np.append(wear, 0.0)[which] * (near < 2 * BED_M)
    return replace(terrain, texture=texture.reshape(2, rows, -1))


def _smoothed(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Noise along a track, smooth over some 40 m."""
    knots = rng.normal(0, 0.7, count // 10 + 2)
    return np.asarray(np.interp(np.linspace(0, len(knots) - 1, count), np.arange(len(knots)), knots))


def _ground(frame: Frame, rng: np.random.Generator) -> Ground:
    """Fields, woods, roads, water, hard standing and roofs about a yard."""
    shares = rng.dirichlet(np.full(4, 1.2))
    reach = max(frame.grid.shape) / 2
    half = _half_width(frame)
    patches = []
    for _ in range(int(rng.integers(1, 5))):
        away = float(rng.choice([-1, 1]) * (half + rng.uniform(15, 130)))
        patches.append(
            Patch(
                material=str(rng.choice(["gravel", "concrete", "asphalt", "soil"])),
                along_m=float(rng.uniform(-0.6, 0.6) * reach),
                across_m=away,
                length_m=float(rng.uniform(60, 400)),
                width_m=float(rng.uniform(20, 90)),
            )
        )
    for _ in range(int(rng.integers(1, 4))):
        patches.append(_strip(rng, "asphalt", half, rng.uniform(6, 14)))
    if rng.random() < 0.35:
        patches.append(_strip(rng, "water", half + 60, rng.uniform(15, 120)))
    roofs = [_random_roof(rng, reach, half) for _ in range(int(rng.integers(2, 16)))]
    return Ground(
        parcels=dict(zip(("field", "grass", "forest", "soil"), shares.tolist(), strict=True)),
        parcel_m=float(rng.uniform(40, 140)),
        leads_m=(float(rng.uniform(0, 600)), float(rng.uniform(0, 600))),
        patches=tuple(patches),
        roofs=tuple(roofs),
    )


def _half_width(frame: Frame) -> float:
    """Half of what the tracks take up across their direction."""
    turn = math.radians(frame.angle_deg)
    points = np.concatenate(frame.tracks.tracks_m) - np.array(frame.middle_m)
    return float(np.abs(points @ np.array([-math.sin(turn), math.cos(turn)])).max())


def _strip(rng: np.random.Generator, material: str, off_m: float, width_m: float) -> Patch:
    """A road or a river that runs through the whole scene, nearly along the tracks."""
    return Patch(
        material=material,
        along_m=0.0,
        across_m=float(rng.choice([-1, 1]) * (off_m + width_m / 2 + rng.uniform(12, 100))),
        length_m=5000.0,
        width_m=float(width_m),
        angle_deg=float(rng.normal(0, 3)),
    )


def _random_roof(rng: np.random.Generator, reach_m: float, half_m: float) -> Roof:
    length, width = rng.uniform(12, 90), rng.uniform(8, 30)
    return Roof(
        along_m=float(rng.uniform(-0.7, 0.7) * reach_m),
        across_m=float(rng.choice([-1, 1]) * (half_m + 12 + width / 2 + rng.exponential(60))),
        length_m=float(length),
        width_m=float(width),
        height_m=float(rng.uniform(3, 14)),
        angle_deg=float(rng.choice([0.0, 90.0, rng.uniform(0, 180)], p=[0.6, 0.2, 0.2])),
        colour=_ROOFS[int(rng.integers(len(_ROOFS)))],
    )


def _roof(frame: Frame, roof: Roof) -> Thing:
    return Thing(
        frame.place(roof.along_m, roof.across_m),
        (roof.length_m, roof.width_m),
        frame.angle_deg + roof.angle_deg,
        roof.height_m,
        painted(roof.colour),
    )
