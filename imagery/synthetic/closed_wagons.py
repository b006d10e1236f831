"""Closed wagons from above: boxcars, covered hoppers, tanks, autoracks, locomotives, coaches."""

from __future__ import annotations

import numpy as np

from imagery.synthetic.layout import Colour
from imagery.synthetic.materials import grain
from imagery.synthetic.sheet import Sheet, lighter
from imagery.synthetic.wagons import WagonSpec


def _roof(
    sheet: Sheet, spec: WagonSpec, rise: float, gloss: float, colour: Colour | None = None
) -> tuple[slice, slice]:
    """A roof arched by ``rise``, with darker rims."""
    x, y = spec.hull
    at = sheet.box(x, y, colour or spec.colour, spec.height_m)
    across = sheet.y[at[0]]
    arch = np.asarray(-rise * (2 * across / spec.width_m) ** 2, dtype=np.float32)
    sheet.shade(at, arch, gloss)
    for side in (y[0], y[1] - 0.14):
        sheet.tint(x, (side, side + 0.14), 0.8)
    for end in (x[0], x[1] - 0.12):
        sheet.tint((end, end + 0.12), y, 0.8)
    return at


def boxcar(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """An arched or flat roof with ribs, a walkway, patches."""
    flat = rng.random() < 0.3
    at = _roof(sheet, spec, 0.05 if flat else rng.uniform(0.2, 0.55), rng.choice([0.0, 0.0, 0.4, 0.9]))
    x, y = spec.hull
    if rng.random() < 0.7:
        sheet.ribs(x, y, rng.uniform(0.7, 1.6), 0.1, rng.uniform(0.78, 1.12))
    if rng.random() < 0.3:
        sheet.box((x[0], x[1]), (-0.3, 0.3), lighter(spec.colour, rng.uniform(0.75, 1.3)), None)
    if rng.random() < 0.25:  # sheets replaced or bleached
        cut = np.sort(rng.uniform(x[0], x[1], 2))
        sheet.tint((cut[0], cut[1]), y, rng.uniform(0.8, 1.2))
    if rng.random() < 0.2:
        for spot in np.linspace(x[0] + 1.5, x[1] - 1.5, rng.integers(2, 6)):
            sheet.box((spot - 0.3, spot + 0.3), (-0.3, 0.3), lighter(spec.colour, 0.6), None)
    if rng.random() < 0.3:
        _ridge_line(sheet, at, rng)
    if rng.random() < 0.15:  # paint by other hands along one edge
        edge = y[0] if rng.random() < 0.5 else y[1] - 0.25
        sheet.box(
            (rng.uniform(x[0], 0), rng.uniform(0, x[1])),
            (edge, edge + 0.25),
            tuple(rng.integers(60, 230, 3)),
            None,
        )


def _ridge_line(sheet: Sheet, at: tuple[slice, slice], rng: np.random.Generator) -> None:
    """A seam or reflection along the middle."""
    y = rng.uniform(-0.4, 0.4)
    sheet.tint((-40, 40), (y, y + 0.16), rng.choice([0.7, 1.35]))


def covered_hopper(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """A rounded roof with hatches and walkways, open ends."""
    _roof(sheet, spec, rng.uniform(0.3, 0.9), 0.2)
    x, y = spec.hull
    if rng.random() < 0.55:  # a trough of hatches
        sheet.box(
            (x[0] + 0.6, x[1] - 0.6),
            (-0.35, 0.35),
            lighter(spec.colour, rng.choice([0.7, 0.85, 1.12])),
            None,
        )
        sheet.ribs((x[0] + 0.6, x[1] - 0.6), (-0.35, 0.35), rng.uniform(1.5, 3.5), 0.2, 0.5)
    else:
        for spot in np.linspace(x[0] + 1.8, x[1] - 1.8, rng.integers(3, 8)):
            sheet.box((spot - 0.35, spot + 0.35), (-0.35, 0.35), lighter(spec.colour, 0.7), None)
    if rng.random() < 0.6:
        for side in (-1, 1):
            sheet.box(x, (side * 0.9 - 0.15, side * 0.9 + 0.15), (120, 116, 110), None)
    if rng.random() < 0.5:  # open ends: frame and slope sheets
        for side in (-1, 1):
            ends = sorted((side * (x[1] - rng.uniform(0.6, 1.3)), side * x[1]))
            sheet.box((ends[0], ends[1]), y, (70, 64, 60), 1.6)


def tank(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """A barrel lit as a cylinder, with dome, walkway, bands and ladder."""
    x, y = spec.hull
    deck = rng.uniform(0.25, 0.9)
    sheet.box(x, (-1.25, 1.25), (74, 68, 64), 1.2)
    for side in (y[0], y[1] - 0.15):  # sills along the shell
        sheet.box(x, (side, side + 0.15), (84, 76, 70), 1.2)
    barrel = (x[0] + deck, x[1] - deck)
    radius = min(spec.width_m / 2, 1.5)
    at = sheet.box(barrel, (-radius, radius), spec.colour, spec.height_m)
    across = sheet.y[at[0]]
    bulge = np.sqrt(np.clip(radius**2 - across**2, 0.12, None)).astype(np.float32)
    sheet.shade(at, bulge, rng.choice([0.15, 0.5, 1.0]))
    sheet.height[at] = (spec.height_m - radius + bulge).repeat(at[1].stop - at[1].start, axis=1)
    ends = np.clip((np.abs(sheet.x[:, at[1]]) - (barrel[1] - 0.35)) / 0.35, 0, 1)
    sheet.rgb[at] *= (1 - 0.35 * ends)[..., None]
    if rng.random() < 0.6:
        sheet.ribs(barrel, (-radius, radius), rng.uniform(1.6, 3.2), 0.12, rng.uniform(0.75, 1.2))
    tone = lighter(spec.colour, rng.choice([0.5, 0.7, 1.25])) if rng.random() < 0.6 else (186, 184, 178)
    walk, half = rng.uniform(0.12, 0.3), rng.uniform(0.12, 0.35)
    if rng.random() < 0.55:  # walkway on top
        sheet.box(
            (barrel[0] + 0.4, barrel[1] - 0.4) if rng.random() < 0.5 else (-1.4, 1.4),
            (-walk, walk),
            tone,
            None,
        )
    if rng.random() < 0.4:  # ladder or band over the middle
        sheet.box((-half, half), (-radius, radius), tone, None)
    for spot in (
        rng.uniform(-1.0, 1.0, 1) if rng.random() < 0.7 else np.linspace(barrel[0] + 2, barrel[1] - 2, 3)
    ):
        sheet.box((spot - 0.4, spot + 0.4), (-0.4, 0.4), lighter(spec.colour, 0.55), spec.height_m + 0.25)


def autorack(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """A long pale corrugated roof."""
    _roof(sheet, spec, rng.uniform(0.05, 0.25), 0.1)
    x, y = spec.hull
    sheet.ribs(x, y, rng.uniform(0.5, 1.0), 0.2, rng.uniform(0.82, 0.95))
    if rng.random() < 0.5:
        sheet.ribs(x, y, spec.length_m / rng.integers(4, 9), 0.25, rng.uniform(0.7, 1.15))
    for side in (-1, 1):
        ends = sorted((side * (x[1] - rng.uniform(0.3, 0.9)), side * x[1]))
        sheet.tint((ends[0], ends[1]), y, rng.uniform(0.6, 0.9))


def locomotive(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """A hood with a cab, or a full body; fans and grilles."""
    x, y = spec.hull
    hood = rng.random() < 0.4
    if hood:  # narrow hoods, walkways beside them, one high cab
        sheet.box(x, y, (82, 80, 78), 1.6)
        at = sheet.box(x, (y[0] + 0.65, y[1] - 0.65), spec.colour, spec.height_m - 0.5)
        cab = rng.uniform(-0.3, 0.3) * spec.length_m
        sheet.box((cab - 1.1, cab + 1.1), y, lighter(spec.colour, 0.9), spec.height_m)
    else:
        at = _roof(sheet, spec, 0.3, 0.2)
        roof: Colour = (96, 96, 98) if rng.random() < 0.6 else lighter(spec.colour, 0.8)
        sheet.box((x[0] + 1.8, x[1] - 1.8), (y[0] + 0.3, y[1] - 0.3), roof, None)
    for spot in np.linspace(x[0] + 2.5, x[1] - 2.5, rng.integers(4, 9)):
        half, dark = rng.uniform(0.3, 0.9), rng.choice([0.4, 0.6, 1.4])
        wide = rng.uniform(0.3, 0.75)
        sheet.box((spot - half, spot + half), (-wide, wide), lighter((110, 110, 112), dark), None)
    for side in (-1, 1):
        ends = sorted((side * (x[1] - 0.9), side * (x[1] - 0.3)))
        sheet.tint((ends[0], ends[1]), y, 0.45)
    sheet.tint((x[0], x[1]), (y[0], y[0] + 0.15), 0.8)
    sheet.rgb[at] *= 1.0 + 0.05 * grain(spec.seed, sheet.rgb[at].shape[:2], (2, 3))[..., None]


def coach(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """A rounded roof with vents."""
    _roof(sheet, spec, rng.uniform(0.4, 0.9), 0.5)
    x, y = spec.hull
    sheet.ribs(x, y, rng.uniform(0.8, 2.5), 0.1, 0.88)
    for spot in np.linspace(x[0] + 2, x[1] - 2, rng.integers(2, 9)):
        half = rng.uniform(0.2, 1.3)
        sheet.box(
            (spot - half, spot + half), (-0.5, 0.5), lighter(spec.colour, rng.choice([0.6, 0.8, 1.2])), None
        )
