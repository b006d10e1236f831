"""What lies in and on open wagons: bulk goods, scrap, logs, planks, containers and crates."""

from __future__ import annotations

import numpy as np

from imagery.synthetic.layout import Colour
from imagery.synthetic.materials import grain
from imagery.synthetic.sheet import Sheet

Pair = tuple[float, float]
"""From and to, metres."""

LOADS: dict[str, tuple[Colour, ...]] = {
    "coal": ((38, 37, 39), (50, 48, 48), (62, 58, 56)),
    "ore": ((112, 72, 54), (92, 60, 50), (128, 96, 78)),
    "scrap": ((112, 98, 88), (92, 88, 88)),
    "timber": ((172, 136, 94), (150, 118, 84), (196, 168, 128)),
    "sand": ((190, 168, 128), (206, 196, 176), (160, 152, 142)),
    "planks": ((198, 170, 124), (176, 150, 112)),
}
"""Colours of loads."""

BOXES: tuple[Colour, ...] = (
    (150, 58, 46),
    (44, 78, 140),
    (62, 110, 150),
    (196, 92, 40),
    (60, 104, 74),
    (176, 178, 178),
    (232, 230, 224),
    (110, 112, 114),
    (108, 54, 48),
    (205, 176, 80),
    (232, 228, 218),
)
"""Colours of containers and swap bodies."""


def fill(sheet: Sheet, load: str, x: Pair, y: Pair, level_m: float, rng: np.random.Generator) -> None:
    """Fill a rectangle with a load up to a level.

    Args:
        sheet: The wagon so far.
        load: Key into LOADS; anything else is taken for sand.
        x: Extent along.
        y: Extent across.
        level_m: Height of the load's edge above rail.
        rng: Source of humps and colour.
    """
    colours = LOADS.get(load, LOADS["sand"])
    colour = np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.8, 1.15)
    at = sheet.box(x, y, colour.astype(np.float32), level_m)
    if load in ("timber", "planks"):
        _logs(sheet, at, rng)
        sheet.ribs(x, y, rng.choice([3.0, 4.0, 6.0]), 0.3, 0.35)
        return
    along, across = sheet.x[:, at[1]], sheet.y[at[0]]
    shape, seed, px = _shape(at), int(rng.integers(1 << 20)), sheet.px_m
    humps = rng.integers(1, 5)
    z = 0.5 * rng.uniform(0.2, 1.0) * np.cos(np.pi * humps * (along / (x[1] - x[0]) + 0.5)) ** 2
    z = z * (1 - (2 * across / (y[1] - y[0])) ** 2)
    z = z + (0.28 if load == "scrap" else 0.06) * grain(seed, shape, (0.35 / px, 0.45 / px))
    sheet.shade(at, np.asarray(z, dtype=np.float32))
    if load == "scrap":
        sheet.rgb[at] *= (1 + 0.25 * grain(seed + 4, shape, (1, 1.5)))[..., None]


def crate(sheet: Sheet, x: Pair, y: Pair, height_m: float, rng: np.random.Generator) -> None:
    """A container or crate: faint corrugation, darker rims."""
    colour = np.array(BOXES[rng.integers(len(BOXES))]) * rng.uniform(0.75, 1.1)
    sheet.box(x, y, colour.astype(np.float32), height_m)
    sheet.ribs(x, y, rng.choice([0.3, 0.6, 1.2]), 0.12, rng.uniform(0.85, 1.1))
    for side in (y[0], y[1] - 0.12):
        sheet.tint(x, (side, side + 0.12), 0.75)
    for end in (x[0], x[1] - 0.12):
        sheet.tint((end, end + 0.12), y, 0.75)


def containers(sheet: Sheet, x: Pair, y: Pair, height_m: float, rng: np.random.Generator) -> None:
    """One to three containers or swap bodies in a row, some places perhaps left free."""
    room = x[1] - x[0]
    sizes: list[float] = []
    while sum(sizes) + 0.15 * len(sizes) + 6.06 <= room:
        left = room - sum(sizes) - 0.15 * len(sizes)
        fits = [size for size in (6.06, 7.45, 12.19, 13.6) if size <= left]
        sizes.append(fits[rng.integers(len(fits))])
    gap = (room - sum(sizes)) / max(1, len(sizes)) if rng.random() < 0.6 else 0.15
    start = x[0] + (room - sum(sizes) - gap * len(sizes)) * rng.random() + gap / 2
    emptied = rng.random() < 0.25
    for size in sizes:
        if not (emptied and rng.random() < 0.5):
            crate(sheet, (start, start + size), y, height_m + rng.choice([0.0, 0.3]), rng)
        start += size + gap


def _logs(sheet: Sheet, at: tuple[slice, slice], rng: np.random.Generator) -> None:
    logs = grain(int(rng.integers(1 << 20)), _shape(at), (0.3 / sheet.px_m, 4.0 / sheet.px_m))
    sheet.rgb[at] *= (1 + 0.2 * logs)[..., None]


def _shape(at: tuple[slice, slice]) -> tuple[int, int]:
    return at[0].stop - at[0].start, at[1].stop - at[1].start
