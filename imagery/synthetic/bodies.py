"""Each form of wagon seen from above, in its own frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.canvas import Patch
from imagery.synthetic.layout import Colour
from imagery.synthetic.light import Light
from imagery.synthetic.materials import grain
from imagery.synthetic.sheet import Sheet
from imagery.synthetic.tarps import cover
from imagery.synthetic.wagons import WagonSpec

_OVERHANG_M = 0.55
"""Buffers and couplers stick out this far at each end."""

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


@lru_cache(maxsize=160)
def _body(spec: WagonSpec, px_m: float, light: Light, angle_deg: float) -> Patch:
    fine = min(max(px_m / 2, 0.1), 0.25)
    sheet = Sheet((spec.length_m + 2 * _OVERHANG_M, spec.width_m + 0.3), fine, light, angle_deg)
    rng = np.random.default_rng(spec.seed)
    _gear(sheet, spec)
    _PAINTERS[spec.form](sheet, spec, rng)
    if spec.tarp != "none":
        cover(sheet, spec, rng)
    sheet.stain(spec.seed, spec.wear * (0.5 if spec.tarp != "none" else 1.0))
    sheet.snowfall(spec.seed, spec.snow)
    return sheet.patch(px_m * 0.7)


def body(spec: WagonSpec, px_m: float, light: Light, angle_deg: float) -> Patch:
    """Paint one wagon at a pixel size, shaded for its direction to within some degrees.

    Args:
        spec: The wagon.
        px_m: Pixel of the canvas that it is meant for.
        light: The sun.
        angle_deg: Its direction on the ground.

    Returns:
        Body, buffers and couplers; the body is centred. Equal wagons share one patch.
    """
    return _body(spec, px_m, light, 8.0 * round(angle_deg / 8.0))


def _gear(sheet: Sheet, spec: WagonSpec) -> None:
    """Couplers and buffers in the gap, dark and low."""
    end = spec.length_m / 2
    for side in (-1, 1):
        x = sorted((side * (end - 0.3), side * (end + 0.5)))
        sheet.box((x[0], x[1]), (-0.16, 0.16), (66, 56, 50), 0.9)
        for y in (-0.9, 0.9):
            sheet.box((x[0], x[1] - 0.1), (y - 0.2, y + 0.2), (52, 48, 46), 0.95)


def _hull(
    sheet: Sheet, spec: WagonSpec, inset: float = 0.0
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Extent of the body along and across."""
    x, y = spec.length_m / 2 - inset, spec.width_m / 2
    return (-x, x), (-y, y)


def _roof(
    sheet: Sheet, spec: WagonSpec, rise: float, gloss: float, colour: Colour | None = None
) -> tuple[slice, slice]:
    """A roof arched by ``rise``, with darker rims."""
    x, y = _hull(sheet, spec)
    at = sheet.box(x, y, colour or spec.colour, spec.height_m)
    across = sheet.y[at[0]]
    arch = np.asarray(-rise * (2 * across / spec.width_m) ** 2, dtype=np.float32)
    sheet.shade(at, arch, gloss)
    for side in (y[0], y[1] - 0.14):
        sheet.tint(x, (side, side + 0.14), 0.8)
    for end in (x[0], x[1] - 0.12):
        sheet.tint((end, end + 0.12), y, 0.8)
    return at


def _gondola(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    x, y = _hull(sheet, spec)
    wall = rng.uniform(0.1, 0.2)
    sheet.box(x, y, spec.colour, spec.height_m)
    sheet.ribs(x, y, rng.uniform(1.2, 2.4), 0.2, rng.uniform(0.75, 1.2))
    inside_x, inside_y = (x[0] + wall, x[1] - wall), (y[0] + wall, y[1] - wall)
    if spec.load == "empty":
        floor: Colour = (
            (104, 84, 68) if rng.random() < 0.6 else (spec.colour[0] // 2 + 40, spec.colour[1] // 2 + 36, 80)
        )
        sheet.pit(inside_x, inside_y, floor, 1.25, spec.height_m)
        if rng.random() < 0.6:
            sheet.ribs(inside_x, inside_y, rng.uniform(1.2, 2.2), 0.15, rng.uniform(0.7, 1.3))
        if rng.random() < 0.4:
            sheet.ribs(inside_x, inside_y, spec.length_m / rng.integers(2, 5), 0.14, 1.5)
    else:
        _heap(sheet, spec, inside_x, inside_y, rng, spec.height_m - rng.uniform(-0.25, 0.7))


def _heap(
    sheet: Sheet,
    spec: WagonSpec,
    x: tuple[float, float],
    y: tuple[float, float],
    rng: np.random.Generator,
    level_m: float,
) -> None:
    """What lies in an open wagon: humps of bulk goods, or logs."""
    at = sheet.window(*x, *y)
    along, across = sheet.x[:, at[1]], sheet.y[at[0]]
    colours = LOADS.get(spec.load, LOADS["sand"])
    colour = np.array(colours[rng.integers(len(colours))], dtype=np.float32) * np.float32(
        rng.uniform(0.8, 1.15)
    )
    shape = along.shape[1], across.shape[0]
    px = sheet.px_m
    if spec.load in ("timber", "planks"):
        logs = grain(spec.seed + 2, (shape[1], shape[0]), (0.3 / px, 4.0 / px))
        sheet.box(x, y, colour, level_m)
        sheet.rgb[at] *= (1 + 0.2 * logs)[..., None]
        pack = rng.choice([3.0, 4.0, 6.0])
        sheet.ribs(x, y, float(pack), 0.3, 0.35)
        return
    humps = rng.integers(1, 5)
    z = 0.5 * rng.uniform(0.2, 1.0) * np.cos(np.pi * humps * (along / (x[1] - x[0]) + 0.5)) ** 2
    z = z * (1 - (2 * across / (y[1] - y[0])) ** 2)
    rough = 0.28 if spec.load == "scrap" else 0.06
    z = z + rough * grain(spec.seed + 9, (shape[1], shape[0]), (0.35 / px, 0.45 / px))
    sheet.box(x, y, colour, max(level_m, 1.4))
    sheet.shade(at, z.astype(np.float32))
    if spec.load == "scrap":
        sheet.rgb[at] *= (1 + 0.25 * grain(spec.seed + 4, (shape[1], shape[0]), (1, 1.5)))[..., None]
    below = spec.height_m - level_m
    if below > 0.2:  # the shadow of the wall on the load
        side = 1.0 if sheet.sun[1] > 0 else -1.0
        wide = min(1.5, below * abs(sheet.sun[1]) / sheet.sun[2])
        edge = (y[1] - wide, y[1]) if side > 0 else (y[0], y[0] + wide)
        sheet.tint(x, edge, sheet.light.shade + 0.1)


def _boxcar(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    flat = rng.random() < 0.3
    at = _roof(sheet, spec, 0.05 if flat else rng.uniform(0.2, 0.55), rng.choice([0.0, 0.0, 0.4, 0.9]))
    x, y = _hull(sheet, spec)
    if rng.random() < 0.7:
        sheet.ribs(x, y, rng.uniform(0.7, 1.6), 0.1, rng.uniform(0.78, 1.12))
    if rng.random() < 0.3:
        sheet.box((x[0], x[1]), (-0.3, 0.3), _lighter(spec.colour, rng.uniform(0.75, 1.3)), None)
    if rng.random() < 0.25:  # sheets replaced or bleached
        cut = np.sort(rng.uniform(x[0], x[1], 2))
        sheet.tint((cut[0], cut[1]), y, rng.uniform(0.8, 1.2))
    if rng.random() < 0.2:
        for spot in np.linspace(x[0] + 1.5, x[1] - 1.5, rng.integers(2, 6)):
            sheet.box((spot - 0.3, spot + 0.3), (-0.3, 0.3), _lighter(spec.colour, 0.6), None)
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


def _covered_hopper(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    _roof(sheet, spec, rng.uniform(0.3, 0.9), 0.2)
    x, y = _hull(sheet, spec)
    if rng.random() < 0.55:  # a trough of hatches
        sheet.box(
            (x[0] + 0.6, x[1] - 0.6),
            (-0.35, 0.35),
            _lighter(spec.colour, rng.choice([0.7, 0.85, 1.12])),
            None,
        )
        sheet.ribs((x[0] + 0.6, x[1] - 0.6), (-0.35, 0.35), rng.uniform(1.5, 3.5), 0.2, 0.5)
    else:
        for spot in np.linspace(x[0] + 1.8, x[1] - 1.8, rng.integers(3, 8)):
            sheet.box((spot - 0.35, spot + 0.35), (-0.35, 0.35), _lighter(spec.colour, 0.7), None)
    if rng.random() < 0.6:
        for side in (-1, 1):
            sheet.box((x[0], x[1]), tuple(sorted((side * 0.75, side * 1.05))), (120, 116, 110), None)
    if rng.random() < 0.5:  # open ends: frame and slope sheets
        for side in (-1, 1):
            ends = sorted((side * (x[1] - rng.uniform(0.6, 1.3)), side * x[1]))
            sheet.box((ends[0], ends[1]), y, (70, 64, 60), 1.6)


def _open_hopper(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    _gondola(sheet, spec, rng)
    if spec.load == "empty":
        x, y = _hull(sheet, spec)
        bays = int(rng.integers(2, 5))
        for edge in np.linspace(x[0], x[1], bays + 1)[1:-1]:
            sheet.box((edge - 0.1, edge + 0.1), y, _lighter(spec.colour, 1.1), None)


def _tank(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    x, y = _hull(sheet, spec)
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
    tone = _lighter(spec.colour, rng.choice([0.5, 0.7, 1.25])) if rng.random() < 0.6 else (186, 184, 178)
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
        sheet.box((spot - 0.4, spot + 0.4), (-0.4, 0.4), _lighter(spec.colour, 0.55), spec.height_m + 0.25)


def _flat(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    x, y = _hull(sheet, spec)
    at = sheet.box(x, y, spec.colour, spec.height_m)
    px = sheet.px_m
    planks = grain(spec.seed + 6, (at[0].stop - at[0].start, at[1].stop - at[1].start), (9.0 / px, 0.22 / px))
    sheet.rgb[at] *= (1 + rng.uniform(0.04, 0.13) * planks)[..., None]
    for side in (y[0], y[1] - 0.12):
        sheet.box(x, (side, side + 0.12), _lighter(spec.colour, rng.uniform(0.55, 0.9)), None)
    if rng.random() < 0.5:
        sheet.ribs(x, (y[0], y[1]), rng.uniform(1.8, 2.6), 0.14, 0.7)
    if rng.random() < 0.3:  # end walls
        for side in (-1, 1):
            ends = sorted((side * (x[1] - 0.12), side * x[1]))
            sheet.box((ends[0], ends[1]), y, spec.colour, spec.height_m + 0.5)
    if spec.load in ("timber", "planks"):
        packs = int(rng.integers(1, 5))
        cuts = np.linspace(x[0] + 0.3, x[1] - 0.3, packs + 1)
        for start, stop in pairwise(cuts.tolist()):
            if rng.random() < 0.85:
                _heap(
                    sheet,
                    spec,
                    (start + 0.15, stop - 0.15),
                    (y[0] + 0.15, y[1] - 0.15),
                    rng,
                    rng.uniform(2.0, 3.6),
                )
    elif spec.load == "boxes":
        for _ in range(int(rng.integers(1, 5))):
            spot, half = rng.uniform(x[0] + 1, x[1] - 1), rng.uniform(0.5, 1.8)
            _crate(
                sheet,
                (max(x[0], spot - half), min(x[1], spot + half)),
                (-1.1, 1.1),
                rng,
                rng.uniform(1.8, 3.2),
            )


def _crate(
    sheet: Sheet, x: tuple[float, float], y: tuple[float, float], rng: np.random.Generator, height_m: float
) -> None:
    """A container or crate: faint corrugation, darker rims."""
    colour = np.array(BOXES[rng.integers(len(BOXES))], dtype=np.float32) * np.float32(rng.uniform(0.75, 1.1))
    sheet.box(x, y, colour, height_m)
    sheet.ribs(x, y, rng.choice([0.3, 0.6, 1.2]), 0.12, rng.uniform(0.85, 1.1))
    for side in (y[0], y[1] - 0.12):
        sheet.tint(x, (side, side + 0.12), 0.75)
    for end in (x[0], x[1] - 0.12):
        sheet.tint((end, end + 0.12), y, 0.75)


def _container_flat(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    x, y = _hull(sheet, spec)
    sheet.box(x, (y[0] + 0.1, y[1] - 0.1), _lighter(spec.colour, 0.75), 1.15)
    sheet.box(x, (-0.25, 0.25), spec.colour, 1.2)
    sheet.ribs(x, y, rng.uniform(1.5, 3.0), 0.4, rng.uniform(0.6, 1.5))
    room = spec.length_m - 0.3
    boxes: list[float] = []
    while sum(boxes) + 0.15 * len(boxes) + 6.06 <= room:
        fits = [size for size in (6.06, 7.45, 12.19, 13.6) if sum(boxes) + 0.15 * len(boxes) + size <= room]
        boxes.append(float(rng.choice(fits)))
    spare = room - sum(boxes)
    gap = spare / max(1, len(boxes)) if rng.random() < 0.6 else 0.15
    at = x[0] + 0.15 + (spare - gap * len(boxes)) * rng.random() + gap / 2
    half = min(1.22 if rng.random() < 0.7 else 1.27, spec.width_m / 2)
    emptied = rng.random() < 0.25
    for size in boxes:
        if not (emptied and rng.random() < 0.5):
            _crate(sheet, (at, at + size), (-half, half), rng, spec.height_m + rng.choice([0.0, 0.3]))
        at += size + gap


def _autorack(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    _roof(sheet, spec, rng.uniform(0.05, 0.25), 0.1)
    x, y = _hull(sheet, spec)
    sheet.ribs(x, y, rng.uniform(0.5, 1.0), 0.2, rng.uniform(0.82, 0.95))
    if rng.random() < 0.5:
        sheet.ribs(x, y, spec.length_m / rng.integers(4, 9), 0.25, rng.uniform(0.7, 1.15))
    for side in (-1, 1):
        ends = sorted((side * (x[1] - rng.uniform(0.3, 0.9)), side * x[1]))
        sheet.tint((ends[0], ends[1]), y, rng.uniform(0.6, 0.9))


def _locomotive(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    x, y = _hull(sheet, spec)
    hood = rng.random() < 0.4
    if hood:  # narrow hoods, walkways beside them, one high cab
        sheet.box(x, y, (82, 80, 78), 1.6)
        at = sheet.box(x, (y[0] + 0.65, y[1] - 0.65), spec.colour, spec.height_m - 0.5)
        cab = rng.uniform(-0.3, 0.3) * spec.length_m
        sheet.box((cab - 1.1, cab + 1.1), y, _lighter(spec.colour, 0.9), spec.height_m)
    else:
        at = _roof(sheet, spec, 0.3, 0.2)
        roof: Colour = (96, 96, 98) if rng.random() < 0.6 else _lighter(spec.colour, 0.8)
        sheet.box((x[0] + 1.8, x[1] - 1.8), (y[0] + 0.3, y[1] - 0.3), roof, None)
    for spot in np.linspace(x[0] + 2.5, x[1] - 2.5, rng.integers(4, 9)):
        half, dark = rng.uniform(0.3, 0.9), rng.choice([0.4, 0.6, 1.4])
        wide = rng.uniform(0.3, 0.75)
        sheet.box((spot - half, spot + half), (-wide, wide), _lighter((110, 110, 112), dark), None)
    for side in (-1, 1):
        ends = sorted((side * (x[1] - 0.9), side * (x[1] - 0.3)))
        sheet.tint((ends[0], ends[1]), y, 0.45)
    sheet.tint((x[0], x[1]), (y[0], y[0] + 0.15), 0.8)
    sheet.rgb[at] *= 1.0 + 0.05 * grain(spec.seed, sheet.rgb[at].shape[:2], (2, 3))[..., None]


def _coach(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    _roof(sheet, spec, rng.uniform(0.4, 0.9), 0.5)
    x, y = _hull(sheet, spec)
    sheet.ribs(x, y, rng.uniform(0.8, 2.5), 0.1, 0.88)
    for spot in np.linspace(x[0] + 2, x[1] - 2, rng.integers(2, 9)):
        half = rng.uniform(0.2, 1.3)
        sheet.box(
            (spot - half, spot + half), (-0.5, 0.5), _lighter(spec.colour, rng.choice([0.6, 0.8, 1.2])), None
        )


def _lighter(colour: Colour, factor: float) -> Colour:
    return tuple(int(min(250, c * factor)) for c in colour)  # type: ignore[return-value]


_PAINTERS: dict[str, Callable[[Sheet, WagonSpec, np.random.Generator], None]] = {
    "gondola": _gondola,
    "boxcar": _boxcar,
    "covered hopper": _covered_hopper,
    "open hopper": _open_hopper,
    "tank": _tank,
    "flat": _flat,
    "container flat": _container_flat,
    "autorack": _autorack,
    "locomotive": _locomotive,
    "coach": _coach,
}
