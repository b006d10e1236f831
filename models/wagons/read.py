"""A strip read by the net: what stands in each column, and the wagons that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from models.axes.line import Axis, Line, length
from models.axes.mapped import recentre
from models.axes.strips import ACROSS, ACROSS_M, Frame, Strip, frame_along, pieces, straighten
from models.detections import Detections
from models.wagons.consist import Evidence, Weights, cut, gains
from models.wagons.nets import COVERS, ENDS, KINDS, StripNet, to_input
from models.wagons.picture import Picture

WAGON_WIDTH_M = 3.0
"""Width of every box: bodies are 2.8 to 3.2 m wide, less than a pixel's difference at most GSDs."""
PIECE = 1024
"""Columns read at once."""
OVERLAP = 256
"""Columns that neighbouring pieces share: the net sees 125 columns to either side."""
SHORTEST_M = 3.0
"""No shorter line is read."""
DOUBT = 12.0
"""What the best wagon of a line may lack at first and second sight; with so much to spare one is enough.

Set on the yard that may be trained on, on painted images and bare ground: given tracks with wagons earn 5
and more at first sight, half of the lines on bare ground lack over 14; with 8 a box of that yard changed.
"""
TOGETHER = 8
"""Lines glanced at together."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reading:
    """What the net says along one axis of n columns."""

    frame: Frame
    """Where each column lies."""
    valid: NDArray[np.bool_]
    """(n,) whether the axis itself lies on data."""
    evidence: Evidence
    """Log-odds of occupied, start and stop."""
    across_m: Floats
    """(n,) where the wagon's middle line runs, metres from the axis."""
    kinds: Floats
    """(len(KINDS), n) probabilities."""
    covers: Floats
    """(len(COVERS), n) probabilities."""


def cut_strip(picture: Picture, frame: Frame) -> Strip:
    """Straighten along a frame, window by window, so that memory does not grow with the image."""
    pixels = np.zeros((3, ACROSS, len(frame)), np.uint8)
    valid = np.zeros((ACROSS, len(frame)), bool)
    margin = ACROSS * ACROSS_M / 2 / frame.gsd_m + 4
    for start, part in pieces(frame, PIECE, 0):
        low = np.floor(part.centres.min(axis=0) - margin).astype(int)
        high = np.ceil(part.centres.max(axis=0) + margin).astype(int)
        x0, y0 = np.maximum(low, 0)
        x1, y1 = np.minimum(high, [picture.shape[1], picture.shape[0]])
        if x1 - x0 < 2 or y1 - y0 < 2:
            continue
        rgb, seen = picture.window((slice(int(y0), int(y1)), slice(int(x0), int(x1))))
        local = Frame(part.centres - [x0, y0], part.normals, frame.gsd_m)
        strip = straighten(rgb, seen, local)
        columns = slice(start, start + len(part))
        pixels[:, :, columns], valid[:, columns] = strip.pixels, strip.valid
    return Strip(pixels, valid, frame)


def read_strip(net: StripNet, strip: Strip) -> Reading:
    """Run the net over a strip, both ways round and from both sides, and average.

    Args:
        net: In evaluation mode.
        strip: Of any length.

    Returns:
        Log-odds and shares for each column.
    """
    n = len(strip.frame)
    stacked = _stacked(strip)
    total = np.zeros((net.outputs, n))
    weight = np.zeros(n)
    for start, part in pieces(strip.frame, PIECE, OVERLAP):
        m = len(part)
        out = _both_ways(net, stacked[:, :, start : start + m])
        # Columns near the end of a piece see less around them: they count less where pieces overlap.
        trust = np.minimum(np.arange(m) + 1, np.arange(m)[::-1] + 1).clip(max=OVERLAP // 2).astype(float)
        total[:, start : start + m] += out * trust
        weight[start : start + m] += trust
    total /= weight
    valid = _on_data(strip.valid)
    kinds, covers = total[len(ENDS) : len(ENDS) + len(KINDS)], total[len(ENDS) + len(KINDS) :]
    return Reading(strip.frame, valid, _evidence(total, valid), total[3], _softmax(kinds), _softmax(covers))


def _stacked(strip: Strip) -> NDArray[np.uint8]:
    """Pixels and mask (4, ACROSS, n) as ``to_input`` takes them."""
    return np.concatenate([strip.pixels, strip.valid[None].astype(np.uint8) * np.uint8(255)])


def _both_ways(net: StripNet, stacked: NDArray[np.uint8]) -> Floats:
    """Mean output (outputs, m) over the four flips of one strip (4, ACROSS, m)."""
    m = stacked.shape[-1]
    padded = np.pad(stacked, ((0, 0), (0, 0), (0, -m % 8)))
    plain = torch.from_numpy(padded)
    batch = torch.stack([plain, plain.flip(-1), plain.flip(-2), plain.flip(-1).flip(-2)])
    start, stop, across = (ENDS.index(name) for name in ("start", "stop", "across_m"))
    swapped = list(range(net.outputs))
    swapped[start], swapped[stop] = stop, start
    with torch.inference_mode():
        out = net(to_input(batch))
        out[1::2] = out[1::2].flip(-1)[:, swapped]
        out[2:, across] *= -1
    mean: Floats = out.mean(dim=0)[:, :m].numpy().astype(np.float64)
    return mean


def _on_data(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the axis itself lies on data, of the mask (ACROSS, n) of a strip."""
    return np.asarray(valid[ACROSS // 2 - 1] & valid[ACROSS // 2])


def _evidence(out: Floats, valid: NDArray[np.bool_]) -> Evidence:
    seen = np.concatenate([[False], valid, [False]])
    edge = seen[1:] != seen[:-1]
    occupied = np.where(valid, out[0], -20.0)
    return Evidence(occupied, out[1], out[2], edge)


def _softmax(values: Floats) -> Floats:
    odds = np.exp(values - values.max(axis=0))
    shares: Floats = odds / odds.sum(axis=0)
    return shares


def on_track(reading: Reading) -> Axis:
    """The axis moved to where the net sees wagons stand."""
    odds = 1 / (1 + np.exp(-reading.evidence.occupied))
    return recentre(reading.frame, reading.across_m, np.where(odds > 0.5, odds, 0.0) * reading.valid)


def wagons(reading: Reading, grid: GeoBox, weights: Weights | None = None) -> Detections:
    """Cut a reading into wagons.

    Args:
        reading: Of one axis.
        grid: Grid of the image.
        weights: Of the cut.

    Returns:
        Boxes with the odds of each as score, and attributes ``occupied`` (mean probability of its columns),
        ``ends`` (mean log-odds of its two ends), ``across_m`` and ``kind_odds``.
    """
    found = cut(reading.evidence, weights)
    if not len(found.start):
        return Detections.none(grid)
    spans = [slice(a, b) for a, b in zip(found.start, found.stop, strict=True)]
    across = np.array([np.median(reading.across_m[s]) for s in spans])
    first = _refined(reading.evidence.start, found.start, 0)
    last = _refined(reading.evidence.stop, found.stop, 1)
    boxes = reading.frame.boxes(first, last, across, np.full(len(spans), WAGON_WIDTH_M))
    kinds = np.array([reading.kinds[:, s].mean(axis=1) for s in spans])
    covers = np.array([reading.covers[:, s].mean(axis=1) for s in spans])
    occupied = np.array([(1 / (1 + np.exp(-reading.evidence.occupied[s]))).mean() for s in spans])
    ends = (reading.evidence.start[found.start] + reading.evidence.stop[found.stop - 1]) / 2
    return Detections(
        grid,
        boxes,
        found.odds,
        tuple(KINDS[i] for i in kinds.argmax(axis=1)),
        tuple(COVERS[i] for i in covers.argmax(axis=1)),
        {
            "odds": found.odds.copy(),
            "occupied": occupied,
            "ends": ends,
            "across_m": across,
            "kind_odds": kinds.max(axis=1),
            "cover_odds": covers.max(axis=1),
        },
    )


def _refined(heat: Floats, boundary: NDArray[np.intp], back: int) -> Floats:
    """Boundaries moved by less than a column to the top of the parabola through three log-odds."""
    at = np.clip(boundary - back, 1, max(1, len(heat) - 2))
    left, middle, right = heat[at - 1], heat[at], heat[at + 1]
    curve = left - 2 * middle + right
    shift = np.where(curve < -1e-6, 0.5 * (left - right) / np.minimum(curve, -1e-6), 0.0)
    refined: Floats = boundary + np.clip(shift, -0.5, 0.5)
    return refined


def glance(net: StripNet, picture: Picture, lines: Sequence[Line], weights: Weights) -> list[Line]:
    """Those lines on which wagons may be read.

    Each is looked at once where it lies, instead of eight times; where that tells nothing, in all four flips.

    Args:
        net: The strip reader.
        picture: The image.
        lines: Axes in pixels.
        weights: Of the cut.

    Returns:
        Lines long enough to hold a wagon on which the best one lacks less than ``DOUBT``, in their order.
    """
    shows = np.zeros(len(lines), dtype=bool)
    long = [i for i, line in enumerate(lines) if length(line) * picture.gsd_m >= SHORTEST_M]
    long.sort(key=lambda i: length(lines[i]))  # those read together are then of about one length
    for first in range(0, len(long), TOGETHER):
        parts = [(i, part) for i in long[first : first + TOGETHER] for part in _cut_up(picture, lines[i])]
        for (i, part), evidence in zip(parts, _at_once(net, [part for _, part in parts]), strict=True):
            best = gains(evidence, weights).max()
            if abs(best) < DOUBT and not shows[i]:
                evidence = _evidence(_both_ways(net, part), _on_data(part[3] > 0))
                best = gains(evidence, weights).max()
            shows[i] |= best > -DOUBT
    return [line for line, shown in zip(lines, shows, strict=True) if shown]


def _cut_up(picture: Picture, line: Line) -> list[NDArray[np.uint8]]:
    """The strip along a line in pieces (4, ACROSS, n)."""
    strip = cut_strip(picture, frame_along(line, picture.gsd_m))
    stacked = _stacked(strip)
    return [stacked[:, :, at : at + len(part)] for at, part in pieces(strip.frame, PIECE, OVERLAP)]


def _at_once(net: StripNet, parts: Sequence[NDArray[np.uint8]]) -> Iterator[Evidence]:
    """Evidence of several strips (4, ACROSS, n), each as it lies; shorter ones are filled up with no data."""
    longest = max(part.shape[2] for part in parts)
    batch = np.zeros((len(parts), 4, ACROSS, longest + -longest % 8), np.uint8)
    for row, part in zip(batch, parts, strict=True):
        row[:, :, : part.shape[2]] = part
    with torch.inference_mode():
        out = net(to_input(torch.from_numpy(batch)))[:, :3].numpy().astype(np.float64)
    for read, part in zip(out, parts, strict=True):
        yield _evidence(read[:, : part.shape[2]], _on_data(part[3] > 0))


def read_axes(
    net: StripNet,
    picture: Picture,
    lines: Sequence[Line],
    weights: Weights | None = None,
    rounds: int = 1,
) -> list[Detections]:
    """Read wagons along lines, each first re-centred on the image.

    Args:
        net: The strip reader.
        picture: The image.
        lines: Axes in pixels.
        weights: Of the cut.
        rounds: How often each line is re-centred before it is read.

    Returns:
        Wagons of each line that is long enough to hold one, not yet merged between lines.
    """
    found = []
    for line in glance(net, picture, lines, weights or Weights()):
        for _ in range(rounds):
            reading = read_strip(net, cut_strip(picture, frame_along(line, picture.gsd_m)))
            line = on_track(reading).line
        reading = read_strip(net, cut_strip(picture, frame_along(line, picture.gsd_m)))
        found.append(wagons(reading, picture.raster.grid, weights))
    return found
