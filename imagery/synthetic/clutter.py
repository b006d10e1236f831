"""Things that are no wagons: roofs, trailers, cars, containers, barges, piles, trees; masts and wires."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.canvas import Canvas, Patch
from imagery.synthetic.layout import Block, Colour, Span
from imagery.synthetic.light import Light
from imagery.synthetic.materials import grain
from imagery.synthetic.sheet import Sheet


def draw_blocks(canvas: Canvas, blocks: Sequence[Block], light: Light) -> None:
    """Stamp each block that the canvas may show."""
    for block in blocks:
        if not canvas.holds(*block.centre_m, max(block.size_m) / 2 + 2):
            continue
        step = 6.0 * round(block.angle_deg / 6.0)
        look = _look(
            block.kind, block.size_m, block.height_m, block.colour, block.seed, step, canvas.px_m, light
        )
        canvas.stamp(look, block.centre_m, block.angle_deg)


@lru_cache(maxsize=48)
def _look(
    kind: str,
    size_m: tuple[float, float],
    height_m: float,
    colour: Colour,
    seed: int,
    angle_deg: float,
    px_m: float,
    light: Light,
) -> Patch:
    """A block seen from above; equal ones share a patch."""
    block = Block(kind, (0.0, 0.0), size_m, angle_deg, height_m, colour, seed)
    # Large roofs are painted a little coarser: their sheets would cost more than the whole picture.
    fine = max(0.12, px_m * (0.6 if size_m[0] * size_m[1] < 100.0 else 0.9))
    sheet = Sheet(block.size_m, fine, light, block.angle_deg)
    KINDS[block.kind](sheet, block, np.random.default_rng(block.seed))
    return sheet.patch(px_m * 0.7)


def draw_spans(canvas: Canvas, spans: Sequence[Span], light: Light) -> NDArray[np.float32]:
    """Draw the shadows of thin things.

    Args:
        canvas: Gives the frame.
        spans: Masts, beams, wires.
        light: The sun.

    Returns:
        The share of the sun that they leave, (rows, cols) 0 to 1.
    """
    shift = np.array(light.shadow_m)
    return 1.0 - _lines(canvas, spans, shift) * np.float32(1 / 255)


def overlay_spans(
    canvas: Canvas, image: NDArray[np.uint8], spans: Sequence[Span], lean: tuple[float, float]
) -> NDArray[np.uint8]:
    """Draw the thin things themselves over the finished canvas, where they lean to."""
    if not spans:
        return image
    share = _lines(canvas, spans, np.array(lean)) * np.float32(0.85 / 255)
    metal = np.full_like(image, 150)
    return np.asarray(cv2.blendLinear(image, metal, 1.0 - share, share))


def _lines(canvas: Canvas, spans: Sequence[Span], shift: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Cover of each pixel by spans moved by their height times ``shift`` metres, 0 to 255."""
    mask = np.zeros(canvas.size, dtype=np.uint8)
    for span in spans:
        ends = np.array([span.start_m, span.end_m])
        points = canvas.to_px(ends[:, :2] + ends[:, 2:] * shift).clip(-30000, 30000)
        share = min(1.0, span.width_m / canvas.px_m)
        if share * 255 < 12:
            continue
        fixed = np.round((points - 0.5) * 16).astype(np.int32)
        line = np.zeros_like(mask) if share < 0.5 else mask
        cv2.line(
            line,
            fixed[0].tolist(),
            fixed[1].tolist(),
            round(255 * share),
            max(1, round(span.width_m / canvas.px_m)),
            cv2.LINE_AA,
            4,
        )
        if line is not mask:
            np.maximum(mask, line, out=mask)
    return mask


def _whole(sheet: Sheet, block: Block, height_m: float) -> tuple[slice, slice]:
    x, y = block.size_m[0] / 2, block.size_m[1] / 2
    return sheet.box((-x, x), (-y, y), block.colour, height_m)


def _roof(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A roof: flat with a parapet and fans, or ridged with sheets."""
    at = _whole(sheet, block, block.height_m)
    x, y = block.size_m[0] / 2, block.size_m[1] / 2
    px = sheet.px_m
    if rng.random() < 0.55:
        rise = rng.uniform(0.1, 0.45)
        slope = np.asarray(-rise * np.abs(sheet.y[at[0]]), dtype=np.float32)
        sheet.height[at] += slope + rise * y
        sheet.shade(at, slope)
        sheet.ribs((-x, x), (-y, y), rng.choice([0.9, 1.2, 3.0, 6.0]), 0.15, rng.uniform(0.8, 0.97))
        if rng.random() < 0.3:
            sheet.ribs((-x, x), (-y * 0.8, y * 0.8), rng.choice([4.0, 6.0, 12.0]), 1.0, 1.25)
    else:
        for side in (-y, y - 0.4):
            sheet.tint((-x, x), (side, side + 0.4), rng.choice([0.75, 1.2]))
        for _ in range(int(rng.integers(0, 12))):
            cx, cy, half = rng.uniform(-x, x) * 0.9, rng.uniform(-y, y) * 0.8, rng.uniform(0.4, 2.0)
            sheet.box(
                (cx - half, cx + half),
                (cy - half * 0.7, cy + half * 0.7),
                (170, 170, 168),
                block.height_m + half,
            )
    sheet.rgb *= (1 + 0.05 * grain(block.seed, sheet.shape, (2 / px, 6 / px)))[..., None]
    sheet.stain(block.seed, rng.uniform(0, 0.6))


def _shed(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A long ridged shed, as for poultry."""
    at = _whole(sheet, block, block.height_m)
    slope = np.asarray(-0.3 * np.abs(sheet.y[at[0]]), dtype=np.float32)
    sheet.height[at] += slope
    sheet.shade(at, slope)
    x = block.size_m[0] / 2
    sheet.tint((-x, x), (-0.3, 0.3), rng.uniform(0.7, 1.2))
    for spot in np.arange(-x + 3, x - 2, rng.uniform(4, 12)):
        sheet.box((spot - 0.4, spot + 0.4), (-0.4, 0.4), (120, 120, 118), block.height_m + 0.4)
    sheet.stain(block.seed, rng.uniform(0, 0.7))


def _trailer(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A semi-trailer or lorry: a box, perhaps with a cab before it."""
    x, y = block.size_m[0] / 2, block.size_m[1] / 2
    cab = 2.6 if block.size_m[0] > 15.5 else 0.0
    sheet.box((-x, x - cab - (0.5 if cab else 0)), (-y, y), block.colour, block.height_m)
    sheet.ribs((-x, x - cab), (-y, y), rng.choice([0.6, 1.2, 2.0]), 0.1, rng.uniform(0.85, 1.0))
    if cab:
        sheet.box((x - cab - 0.5, x - cab), (-0.5, 0.5), (60, 58, 56), 1.1)
        cabs = ((200, 200, 198), (160, 40, 40), (40, 70, 140), (60, 62, 64))
        sheet.box((x - cab, x), (-y, y), cabs[rng.integers(4)], 3.0)
        sheet.tint((x - 0.6, x - 0.2), (-y, y), 0.45)
    sheet.stain(block.seed, rng.uniform(0, 0.4))


def _car(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    x, y = block.size_m[0] / 2, block.size_m[1] / 2
    at = sheet.box((-x, x), (-y, y), block.colour, 0.9)
    sheet.shade(at, np.asarray(-0.5 * (sheet.y[at[0]] / y) ** 2, dtype=np.float32), 0.4)
    sheet.box((-0.55 * x, 0.35 * x), (-0.8 * y, 0.8 * y), (46, 48, 52), 1.4)
    sheet.box((-0.35 * x, 0.12 * x), (-0.75 * y, 0.75 * y), block.colour, 1.45)


def _bus(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    at = _whole(sheet, block, block.height_m)
    y = block.size_m[1] / 2
    sheet.shade(at, np.asarray(-0.2 * (sheet.y[at[0]] / y) ** 2, dtype=np.float32), 0.3)
    for spot in rng.uniform(-0.4, 0.4, 3) * block.size_m[0]:
        sheet.box((spot - 0.6, spot + 0.6), (-0.5, 0.5), (150, 150, 150), block.height_m + 0.2)


def _container(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    _whole(sheet, block, block.height_m)
    x, y = block.size_m[0] / 2, block.size_m[1] / 2
    sheet.ribs((-x, x), (-y, y), 0.6, 0.12, rng.uniform(0.85, 1.0))
    for side in (-y, y - 0.12):
        sheet.tint((-x, x), (side, side + 0.12), 0.75)
    sheet.tint((-x, -x + 0.15), (-y, y), 0.7)
    sheet.stain(block.seed, rng.uniform(0, 0.6))


def _barge(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    x, y = block.size_m[0] / 2, block.size_m[1] / 2
    _whole(sheet, block, block.height_m)
    if rng.random() < 0.5:
        inner = (-x + 3, x - 3), (-y + 1, y - 1)
        at = sheet.window(*inner[0], *inner[1])
        sheet.box(*inner, ((54, 52, 52), (150, 130, 100), (96, 70, 56))[rng.integers(3)], block.height_m)
        relief = 1.2 * grain(block.seed, sheet.rgb[at].shape[:2], (3 / sheet.px_m, 6 / sheet.px_m))
        sheet.shade(at, relief.astype(np.float32))
    else:
        sheet.ribs((-x + 2, x - 2), (-y + 0.8, y - 0.8), rng.uniform(3, 10), 0.4, 0.75)
    sheet.stain(block.seed, 0.4)


def _conveyor(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    at = _whole(sheet, block, block.height_m)
    sheet.shade(at, np.asarray(-0.6 * np.abs(sheet.y[at[0]]), dtype=np.float32))
    x, y = block.size_m[0] / 2, block.size_m[1] / 2
    sheet.ribs((-x, x), (-y, y), rng.uniform(2, 8), 0.2, 0.8)


def _pile(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    """A heap of bulk goods."""
    x, y = block.size_m[0] / 2, block.size_m[1] / 2
    px = sheet.px_m
    bumps = 1 + 0.18 * grain(block.seed, sheet.shape, (5 / px, 7 / px))
    dome = np.clip((1 - np.maximum(np.abs(sheet.x / x), 0) ** 2.5) - (sheet.y / y) ** 2, 0, 1) * bumps
    z = (block.height_m * np.clip(dome, 0, None) ** 0.8).astype(np.float32)
    _whole(sheet, block, 0.0)
    sheet.height[:] = z
    sheet.alpha[:] = np.clip(z / (0.12 * block.height_m), 0, 1)
    sheet.shade((slice(None), slice(None)), z)
    sheet.rgb *= (1 + 0.08 * grain(block.seed + 3, sheet.shape, (1, 1)))[..., None]


def _tree(sheet: Sheet, block: Block, rng: np.random.Generator) -> None:
    x, px = block.size_m[0] / 2, sheet.px_m
    reach = np.sqrt(sheet.x**2 + sheet.y**2) / x + 0.16 * grain(block.seed, sheet.shape, (1.2 / px, 1.2 / px))
    z = block.height_m * np.sqrt(np.clip(1 - reach**2, 0, 1)) + 0.35 * grain(
        block.seed + 5, sheet.shape, (0.7 / px, 0.7 / px)
    )
    _whole(sheet, block, 0.0)
    sheet.height[:] = np.maximum(z, 0.0)
    sheet.alpha[:] = np.clip((1 - reach) * x / px + 0.5, 0, 1)
    sheet.shade((slice(None), slice(None)), (0.7 * z).astype(np.float32))
    sheet.rgb *= (1 + 0.2 * grain(block.seed + 3, sheet.shape, (1, 1)))[..., None]


KINDS: dict[str, Callable[[Sheet, Block, np.random.Generator], None]] = {
    "roof": _roof,
    "shed": _shed,
    "trailer": _trailer,
    "car": _car,
    "bus": _bus,
    "container": _container,
    "barge": _barge,
    "conveyor": _conveyor,
    "pile": _pile,
    "tree": _tree,
}
"""How each kind of block is painted."""
