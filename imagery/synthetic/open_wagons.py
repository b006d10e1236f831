"""Open wagons from above: gondolas and hoppers, flats, container flats."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from imagery.synthetic.layout import Colour
from imagery.synthetic.loads import containers, crate, fill
from imagery.synthetic.materials import grain
from imagery.synthetic.sheet import Sheet, lighter
from imagery.synthetic.wagons import WagonSpec


def gondola(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """Walls, ribs, and what lies inside: a floor in the shadow of the walls, or a load."""
    x, y = spec.hull
    wall = rng.uniform(0.1, 0.2)
    sheet.box(x, y, spec.colour, spec.height_m)
    sheet.ribs(x, y, rng.uniform(1.2, 2.4), 0.2, rng.uniform(0.75, 1.2))
    inside_x, inside_y = (x[0] + wall, x[1] - wall), (y[0] + wall, y[1] - wall)
    if spec.load != "empty":
        _laden(sheet, spec, inside_x, inside_y)
        return
    floor: Colour = (104, 84, 68) if rng.random() < 0.6 else lighter(spec.colour, rng.uniform(0.8, 1.3))
    sheet.pit(inside_x, inside_y, floor, 1.25, spec.height_m)
    if rng.random() < 0.6:
        sheet.ribs(inside_x, inside_y, rng.uniform(1.2, 2.2), 0.15, rng.uniform(0.7, 1.3))
    if rng.random() < 0.4:  # braces from wall to wall
        sheet.ribs(inside_x, inside_y, spec.length_m / rng.integers(2, 5), 0.14, 1.5)


def _laden(sheet: Sheet, spec: WagonSpec, x: tuple[float, float], y: tuple[float, float]) -> None:
    rng = np.random.default_rng(spec.seed)
    below = rng.uniform(-0.25, 0.7)
    fill(sheet, spec.load, x, y, max(spec.height_m - below, 1.4), rng)
    if below > 0.2:  # the shadow of the wall on the load
        wide = min(1.5, below * abs(sheet.sun[1]) / sheet.sun[2])
        edge = (y[1] - wide, y[1]) if sheet.sun[1] > 0 else (y[0], y[0] + wide)
        sheet.tint(x, edge, sheet.light.shade + 0.1)


def open_hopper(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """A gondola with bays."""
    gondola(sheet, spec, rng)
    if spec.load == "empty":
        x, y = spec.hull
        bays = int(rng.integers(2, 5))
        for edge in np.linspace(x[0], x[1], bays + 1)[1:-1]:
            sheet.box((edge - 0.1, edge + 0.1), y, lighter(spec.colour, 1.1), None)


def flat(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """Planks or an open frame, stakes and end walls, low; perhaps bundles or crates."""
    x, y = spec.hull
    if spec.load == "empty" and rng.random() < 0.25:
        _frame(sheet, spec, rng)
        return
    at = sheet.box(x, y, spec.colour, spec.height_m)
    px = sheet.px_m
    planks = grain(spec.seed + 6, (at[0].stop - at[0].start, at[1].stop - at[1].start), (9.0 / px, 0.22 / px))
    sheet.rgb[at] *= (1 + rng.uniform(0.04, 0.13) * planks)[..., None]
    for side in (y[0], y[1] - 0.12):
        sheet.box(x, (side, side + 0.12), lighter(spec.colour, rng.uniform(0.55, 0.9)), None)
    if rng.random() < 0.5:
        sheet.ribs(x, y, rng.uniform(1.8, 2.6), 0.14, 0.7)
    if rng.random() < 0.3:  # end walls
        for side in (-1, 1):
            ends = sorted((side * (x[1] - 0.12), side * x[1]))
            sheet.box((ends[0], ends[1]), y, spec.colour, spec.height_m + 0.5)
    _on_deck(sheet, spec)


def _on_deck(sheet: Sheet, spec: WagonSpec) -> None:
    """Bundles in a row, or crates here and there."""
    x, y = spec.hull
    rng = np.random.default_rng(spec.seed)
    across = (y[0] + 0.15, y[1] - 0.15)
    if spec.load in ("timber", "planks"):
        for start, stop in pairwise(np.linspace(x[0] + 0.3, x[1] - 0.3, int(rng.integers(2, 6))).tolist()):
            if rng.random() < 0.85:
                fill(sheet, spec.load, (start + 0.15, stop - 0.15), across, rng.uniform(2.0, 3.6), rng)
    elif spec.load == "boxes":
        for _ in range(int(rng.integers(1, 5))):
            spot, half = rng.uniform(x[0] + 1, x[1] - 1), rng.uniform(0.5, 1.8)
            along = (max(x[0], spot - half), min(x[1], spot + half))
            crate(sheet, along, (-1.1, 1.1), rng.uniform(1.8, 3.2), rng)


def _frame(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """An empty skeleton: sills and cross-beams, the track seen between them."""
    x, y = spec.hull
    beam = rng.uniform(0.12, 0.3)
    for side in (y[0], -beam, y[1] - 2 * beam):
        sheet.box(x, (side, side + 2 * beam), spec.colour, spec.height_m)
    pitch = rng.uniform(1.2, 2.6)
    tone = lighter(spec.colour, rng.choice([0.6, 1.0, 1.5]))
    for spot in np.arange(x[0] + 0.2, x[1] - 0.1, pitch):
        sheet.box((spot - beam, spot + beam), y, tone, spec.height_m)
        if pitch > 1.8:
            sheet.box((spot - beam, spot + beam), (y[0], y[0] + 0.3), (60, 58, 56), spec.height_m + 0.8)
            sheet.box((spot - beam, spot + beam), (y[1] - 0.3, y[1]), (60, 58, 56), spec.height_m + 0.8)
    for end in (x[0] + 1.5, x[1] - 3.5):  # bogies show through
        sheet.box((end, end + 2.0), (-1.1, 1.1), (62, 54, 48), 0.9)


def container_flat(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """A frame with containers or swap bodies."""
    x, y = spec.hull
    if rng.random() < 0.5:
        _frame(sheet, spec, rng)
    else:
        sheet.box(x, (y[0] + 0.1, y[1] - 0.1), lighter(spec.colour, 0.75), 1.15)
        sheet.box(x, (-0.25, 0.25), spec.colour, 1.2)
        sheet.ribs(x, y, rng.uniform(1.5, 3.0), 0.4, rng.uniform(0.6, 1.5))
    half = min(rng.uniform(1.2, 1.28), spec.width_m / 2)
    if spec.load != "empty":
        place = (x[0] + 0.15, x[1] - 0.15)
        containers(sheet, place, (-half, half), spec.height_m, np.random.default_rng(spec.seed))
