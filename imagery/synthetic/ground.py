"""The ground of a painted yard: surfaces, ballast, sleepers and rails, growth, stains and snow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.canvas import Canvas
from imagery.synthetic.layout import Layout, Points
from imagery.synthetic.materials import SURFACES, grain, speckle

_SHIFT = 4
_Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class _Bed:
    """How the tracks of one yard are built."""

    tone: tuple[float, ...]
    """Colour of the ballast between the sleepers."""
    sleeper: tuple[float, ...]
    """Colour of the sleepers."""
    stain: tuple[float, ...]
    """Colour of the rusty strip between the rails."""
    gauge_m: float
    """Between the rails' middles."""


def draw_ground(canvas: Canvas, layout: Layout) -> None:
    """Paint surfaces and tracks onto an empty canvas, from the layout's own seed."""
    rng = np.random.default_rng(layout.seed)
    soil = SURFACES[layout.soil]
    base = _flat(canvas.size, soil.colours[rng.integers(len(soil.colours))])
    # Fine and broad texture, as shares of brightness x 500.
    rough = _flat(canvas.size, (round(soil.fine * 500), round(soil.broad * 500)))
    for surface in layout.surfaces:
        material = SURFACES[surface.material]
        colour = (
            layout.ballast
            if surface.material == "ballast"
            else material.colours[rng.integers(len(material.colours))]
        )
        outline = [_fixed(canvas, surface.outline_m)]
        cv2.fillPoly(base, outline, colour, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(
            rough, outline, (round(material.fine * 500), round(material.broad * 500)), cv2.LINE_8, _SHIFT
        )
        if surface.height_m:
            mask = np.zeros(canvas.size, dtype=np.uint8)
            cv2.fillPoly(mask, outline, 255, cv2.LINE_AA, _SHIFT)
            np.maximum(canvas.height, mask * np.float32(surface.height_m / 255), out=canvas.height)
    _tracks(canvas, layout, base, rough, rng)
    base = _growth(canvas, layout, base, rough, rng)
    tone = _texture(canvas, layout, rough)
    tone *= 1.0 + _stains(canvas, layout, rng)
    # Broad patches differ in colour too: yellower where brighter.
    hue = 0.035 * grain(layout.seed + 47, canvas.size, (14.0 / canvas.px_m, 14.0 / canvas.px_m))
    planes = [
        cv2.convertScaleAbs(plane, alpha=128)
        for plane in (tone * (1.0 + 0.5 * hue), tone, tone * (1.0 - hue))
    ]
    cv2.multiply(base, cv2.merge(planes), canvas.colour, scale=1 / 128)
    _snow(canvas, layout)


def over_ground(canvas: Canvas, layout: Layout, ground: _Bytes, rng: np.random.Generator) -> float:
    """Lay a real picture over the painted ground, which stays on the yard, or on the tracks, or nowhere.

    The real picture is brought to the brightness of the painted one, so that all that follows fits it.

    Args:
        canvas: Holds the painted ground.
        layout: Where the tracks are.
        ground: (rows, cols, 3) of the frame.
        rng: Chooses how much of the painted ground stays.

    Returns:
        The factor that brings the finished picture back to the real one's brightness.
    """
    left, top, right, bottom = canvas.margin
    real = cv2.copyMakeBorder(ground, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    mask = np.zeros(canvas.size, dtype=np.uint8)
    way = rng.random()
    if way < 0.45:
        outlines = [_fixed(canvas, s.outline_m) for s in layout.surfaces if s.material == "ballast"]
        cv2.fillPoly(mask, outlines, 255, cv2.LINE_AA, _SHIFT)
    if way < 0.9:
        width = max(1, round(rng.uniform(2.6, 4.2) / canvas.px_m))
        lines = [_fixed(canvas, line) for line in (*layout.tracks_m, *layout.links_m)]
        cv2.polylines(
            mask,
            lines,
            False,
            round(255 * rng.uniform(0.6, 1.0)) if way >= 0.45 else 255,
            width,
            cv2.LINE_AA,
            _SHIFT,
        )
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.4, rng.uniform(0.1, 0.8) / canvas.px_m)) * np.float32(1 / 255)
    factor = float(np.clip((np.median(real) / np.median(canvas.colour)) ** 0.75, 0.45, 1.0))
    factor = max(factor, float(np.percentile(ground[::4, ::4], 99.5)) / 255)
    canvas.colour[:] = cv2.blendLinear(
        canvas.colour, cv2.convertScaleAbs(real, alpha=1 / factor), soft, 1.0 - soft
    )
    return factor


def settled(image: _Bytes, ground: _Bytes) -> _Bytes:
    """Blur what has been painted on a real picture as that picture is blurred, and leave the rest alone.

    The blur is read from how fast the picture changes: the mean squared difference of neighbours over that
    of pixels two apart is 0.43 for unblurred edges and falls towards 0.25 (simulated step edges).
    """
    grey = cv2.cvtColor(ground, cv2.COLOR_RGB2GRAY).astype(np.float32)
    near = float(np.mean((grey[:, 1:] - grey[:, :-1]) ** 2))
    apart = float(np.mean((grey[:, 2:] - grey[:, :-2]) ** 2))
    ratio = near / max(apart, 1e-6)
    sigma = float(
        np.interp(-ratio, [-0.43, -0.38, -0.34, -0.31, -0.285, -0.27], [0, 0.3, 0.5, 0.7, 1.0, 1.3])
    )
    if sigma < 0.25:
        return image
    changed = (cv2.absdiff(image, ground).max(axis=2) > 6).astype(np.float32)
    changed = cv2.GaussianBlur(cv2.dilate(changed, np.ones((3, 3), np.uint8)), (0, 0), 1.0)
    return np.asarray(cv2.blendLinear(cv2.GaussianBlur(image, (0, 0), sigma), image, changed, 1.0 - changed))


def _tracks(canvas: Canvas, layout: Layout, base: _Bytes, rough: _Bytes, rng: np.random.Generator) -> None:
    ballast = np.array(layout.ballast, dtype=np.float64)
    rust = rng.uniform(0.0, 0.75)
    brown = np.array([112.0, 92.0, 76.0])
    dark = rng.uniform(0.5, 0.95)
    pale = rng.random() < 0.25  # concrete sleepers
    gauge = 1.6 if rng.random() < 0.5 else 1.505
    for line in (*layout.links_m, *layout.tracks_m):
        mix = np.clip(rust + rng.normal(0, 0.12), 0, 0.9)
        tone = (ballast * (1 - mix) + brown * mix) * rng.uniform(0.86, 1.06)
        wood = np.array([186.0, 182.0, 174.0]) if pale and rng.random() < 0.8 else tone * dark * 0.75
        bed = _Bed(tuple(tone), tuple(wood), tuple(tone * 0.8 + np.array([16.0, 6.0, -4.0])), gauge)
        _track(canvas, base, line, bed, rng)
        cv2.polylines(
            rough,
            [_fixed(canvas, line)],
            False,
            (40, 30),
            max(1, round(2.5 / canvas.px_m)),
            cv2.LINE_8,
            _SHIFT,
        )


def _track(canvas: Canvas, base: _Bytes, line: Points, bed: _Bed, rng: np.random.Generator) -> None:
    """One track: bed, stain, sleepers where they can be resolved, rails."""
    px = canvas.px_m
    points = _fixed(canvas, line)
    tone, sleeper = np.array(bed.tone), np.array(bed.sleeper)
    seen = float(np.clip((0.42 - px) / 0.17, 0, 1))  # sleepers fade into their mean between 0.25 and 0.42 m
    mean = 0.58 * tone + 0.42 * sleeper
    under = seen * tone + (1 - seen) * mean
    cv2.polylines(base, [points], False, under.tolist(), max(1, round(2.55 / px)), cv2.LINE_AA, _SHIFT)
    stain = 0.55 * under + 0.45 * np.array(bed.stain)
    cv2.polylines(base, [points], False, stain.tolist(), max(1, round(1.3 / px)), cv2.LINE_AA, _SHIFT)
    steps = np.diff(line, axis=0)
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*steps.T))])
    normal = np.gradient(line, axis=0)
    normal = np.stack([-normal[:, 1], normal[:, 0]], axis=1) / np.maximum(np.hypot(*normal.T), 1e-9)[:, None]
    if seen > 0:
        s = np.arange(rng.uniform(0, 0.6), arc[-1], 0.63)
        middle = np.stack([np.interp(s, arc, line[:, k]) for k in (0, 1)], axis=1)
        across = np.stack([np.interp(s, arc, normal[:, k]) for k in (0, 1)], axis=1) * 1.27
        ends = canvas.to_px(np.stack([middle - across, middle + across], axis=1).reshape(-1, 2)).reshape(
            -1, 2, 2
        )
        limit = np.array(canvas.size[::-1]) + 8
        inside = ((ends > -8) & (ends < limit)).all(axis=(1, 2))
        fixed = np.round((ends[inside] - 0.5) * (1 << _SHIFT)).astype(np.int32)
        strength = seen * min(1.0, 0.26 / px + 0.25)
        colour = stain + (sleeper - stain) * strength
        if len(fixed):
            cv2.polylines(
                base, list(fixed), False, colour.tolist(), max(1, round(0.24 / px)), cv2.LINE_AA, _SHIFT
            )
    shine = rng.choice([0.0, 0.5, 1.0])
    head = np.array([120.0, 96.0, 80.0]) * (1 - shine) + np.array([205.0, 203.0, 200.0]) * shine
    for width, tint in ((0.24, stain * 0.55), (0.08, head)):
        share = min(1.0, width / px)
        if share < 0.12:
            continue
        rails = [_fixed(canvas, line + side * (bed.gauge_m / 2) * normal) for side in (-1, 1)]
        cv2.polylines(base, rails, False, (stain + (tint - stain) * share).tolist(), 1, cv2.LINE_AA, _SHIFT)


def _texture(canvas: Canvas, layout: Layout, rough: _Bytes) -> NDArray[np.float32]:
    """Fine and broad variation of brightness, as strong as each material says; a factor (rows, cols)."""
    px, seed, size = canvas.px_m, layout.seed, canvas.size
    broad = grain(seed + 41, size, (9.0 / px, 9.0 / px)) + 0.8 * grain(
        seed + 43, size, (28.0 / px, 28.0 / px)
    )
    tone = 1.0 + rough[..., 0] * np.float32(0.002) * speckle(seed, size, px)
    tone += rough[..., 1] * np.float32(0.0014) * broad
    return np.asarray(np.maximum(tone, 0.2))


def _stains(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> NDArray[np.float32]:
    """Pale dust and dark oil in stretches along the tracks; a change of brightness (rows, cols)."""
    px = canvas.px_m
    mask = np.full(canvas.size, 128, dtype=np.uint8)
    tones = rng.integers(128, 198), rng.integers(58, 128)
    for line in layout.tracks_m:
        for _ in range(int(rng.integers(0, 7))):
            start = int(rng.integers(0, max(1, len(line) - 2)))
            stretch = line[start : start + int(rng.integers(2, 16))] + rng.uniform(-2.4, 2.4, 2)
            width, tone = max(1, round(rng.uniform(0.4, 2.2) / px)), int(tones[rng.integers(2)])
            cv2.polylines(mask, [_fixed(canvas, stretch)], False, tone, width, cv2.LINE_AA, _SHIFT)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.7 / px)) * np.float32(1 / 256) - np.float32(0.5)
    patchy = np.maximum(0.6 + 0.6 * grain(layout.seed + 53, canvas.size, (2.5 / px, 2.5 / px)), 0)
    return np.asarray(soft * patchy)


def _growth(canvas: Canvas, layout: Layout, base: _Bytes, rough: _Bytes, rng: np.random.Generator) -> _Bytes:
    """Weeds in patches on loose ground."""
    if layout.overgrowth < 0.05:
        return base
    px, seed, size = canvas.px_m, layout.seed, canvas.size
    field = 0.6 * grain(seed + 61, size, (12 / px, 12 / px)) + 0.4 * grain(
        seed + 67, size, (1.6 / px, 1.6 / px)
    )
    cover = np.minimum(np.maximum(1.6 * field + np.float32(1.6 * (1.7 * layout.overgrowth - 0.95)), 0), 0.75)
    cover = cover * (rough[..., 0] >= 18) + np.float32(1e-6)
    green = np.array(SURFACES["weeds"].colours[rng.integers(3)]) * rng.uniform(0.8, 1.2)
    rough[..., 0] = np.maximum(rough[..., 0], cover * np.float32(80))
    return np.asarray(cv2.blendLinear(base, _flat(size, tuple(green.tolist())), 1.0 - cover, cover))


def _snow(canvas: Canvas, layout: Layout) -> None:
    if layout.snow <= 0:
        return
    px = canvas.px_m
    field = grain(layout.seed + 83, canvas.size, (5 / px, 5 / px)) + 0.6 * grain(
        layout.seed + 89, canvas.size, (1, 1)
    )
    cover = np.clip(field * 0.35 + 1.6 * layout.snow - 0.35, 0, 0.93)
    for line in layout.tracks_m:  # kept open by traffic, some of it
        mask = np.zeros(canvas.size, dtype=np.uint8)
        cv2.polylines(mask, [_fixed(canvas, line)], False, 255, max(1, round(1.6 / px)), cv2.LINE_AA, _SHIFT)
        cover *= 1.0 - mask * np.float32((1 - 0.6 * layout.snow) / 255)
    canvas.colour[:] = cv2.blendLinear(canvas.colour, _flat(canvas.size, (232, 235, 240)), 1.0 - cover, cover)


def _flat(size: tuple[int, int], colour: tuple[float, ...]) -> _Bytes:
    """A plane of one colour."""
    plane = np.empty((*size, len(colour)), dtype=np.uint8)
    cv2.rectangle(plane, (0, 0), size[::-1], colour, -1)
    return plane


def _fixed(canvas: Canvas, points_m: Points) -> NDArray[np.int32]:
    """Pixels in OpenCV's fixed point, clipped far outside the canvas."""
    return np.round((canvas.to_px(points_m) - 0.5).clip(-30000, 30000) * (1 << _SHIFT)).astype(np.int32)
