"""Trains of all tracks of a yard fitted to one image together: neighbours leak into each other's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import diags_array

from models.occupancy.blocks import HIDDEN, Block, Costs, Evidence, Looks, block_gain, divide
from models.occupancy.composed import Composed, Picture
from models.occupancy.footprint import HEIGHTS_M
from models.occupancy.spectra import library

Floats = NDArray[np.float64]

SWEEPS = 2
"""Times that every track is read anew with the others' trains taken off."""
ROUNDS = 4
"""Times that trains side by side are weighed against each other before that."""
BESIDE_M = 13.0
"""Tracks nearer than this leak or throw shadows onto each other."""
RESOLVED_GAP_M = 25.0
"""A shorter gap between wagons is not told from dark wagons between bright ones: it is taken as one train."""
KEEP = 3.0
"""A train must explain this many times its prior cost."""
KEEP_CELL = 1.2
"""And this many nats more for each cell: what is left over on empty track is alike over many pixels."""
BARE_SPREAD = (0.05, 0.10)
"""How far, as a share of its brightness, empty track may differ over some tens of metres from the look
that is taken as bare: with other dates, and from the image alone."""
_TOP_SPREAD = 0.05  # of a wagon's reflectance about a kind of top
_RIDGE = 0.05
_LAGS = 5


@dataclass(frozen=True, eq=False)
class Found:
    """A train as it was fitted."""

    track: int
    """Index of its track."""
    start_m: float
    """Distance along the track to its first end."""
    stop_m: float
    """The same to its other end."""
    tops: Floats
    """(cells, bands) reflectance of its wagons from above."""
    bridged_m: float
    """Of its length, metres in gaps too short to be told from dark wagons."""


class Fit(Composed):
    """Blocks of trains on all tracks that explain an image best, found track by track in turns."""

    def __init__(self, view: Picture, lines: Sequence[Floats], costs: Costs) -> None:
        super().__init__(view, lines)
        self.costs = costs
        self.blocks: list[list[Block]] = [[] for _ in lines]
        """Of each track, in order along it."""

    def run(self) -> None:
        """Find the trains."""
        self._start()
        for _ in range(SWEEPS):
            self.update_field()
            self.reposition()
            for track in range(len(self.given)):
                self._read(track)
            self._bridge()
            self._refit()
            self._prune()
            self._trim()

    def found(self) -> list[Found]:
        """Trains in the order of the tracks."""
        result: list[Found] = []
        for track, blocks in enumerate(self.blocks):
            step = self.footprint.step_m(track)
            for number in sorted({block.train for block in blocks}):
                own = [block for block in blocks if block.train == number]
                tops = [np.repeat(self._top(track, one)[None], one.stop - one.first, axis=0) for one in own]
                bridged = step * sum(one.stop - one.first for one in own if not one.gain)
                first, stop = own[0].first * step, own[-1].stop * step
                result.append(Found(track, first, stop, np.concatenate(tops), bridged))
        return result

    def _bridge(self) -> None:
        """Make one train of those on a track that stand too near to each other to be told apart."""
        for track, blocks in enumerate(self.blocks):
            row: list[Block] = []
            for block in blocks:
                number = row[-1].train if row else 0
                gap = block.first - row[-1].stop if row else 0
                if row and gap * self.footprint.step_m(track) >= RESOLVED_GAP_M:
                    number += 1
                elif gap:
                    nothing = np.zeros_like(block.contrast)
                    row.append(Block(row[-1].stop, block.first, number, 0.0, nothing, -1))
                row.append(replace(block, train=number))
            self._put(track, row)

    def _top(self, track: int, block: Block) -> Floats:
        """Reflectance (bands,) of a block's tops."""
        first = self.footprint.cells(track).start + block.first
        pixels = self.footprint.tops[:, first : first + block.stop - block.first].nonzero()[0]
        return np.asarray(np.median(self.bare[:, pixels], axis=1) + self.contrast[first])

    def _start(self) -> None:
        """Of trains side by side the strongest first: the others must show again once it is taken off."""
        for _ in range(ROUNDS):
            found = []
            for track in range(len(self.given)):
                kept = self.blocks[track]
                self._read(track)
                found.append(self.blocks[track])
                self._put(track, kept)
            dropped = 0
            for track, blocks in enumerate(found):
                strong = [block for block in blocks if self._strongest(track, block, found)]
                dropped += len(blocks) - len(strong)
                self._put(track, strong)
            self._refit()
            if not dropped:
                break

    def _strongest(self, track: int, block: Block, found: Sequence[Sequence[Block]]) -> bool:
        """Whether no block beside this one, on a track near by, explains more a cell."""
        start = self.footprint.cells(track).start
        here = self.footprint.middles_m[start + block.first : start + block.stop]
        strength = block.gain / (block.stop - block.first)
        for other, blocks in enumerate(found):
            if other == track:
                continue
            first = self.footprint.cells(other).start
            for rival in blocks:
                if rival.gain / (rival.stop - rival.first) <= strength:
                    continue
                there = self.footprint.middles_m[first + rival.first : first + rival.stop]
                apart = np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1))
                if (apart.min(axis=1) < BESIDE_M).mean() > 0.3:
                    return False
        return True

    def _read(self, track: int) -> None:
        """Divide one track into blocks anew, with what the others' trains explain taken off."""
        if not self.footprint.tops[:, self.footprint.cells(track)].nnz:
            self._put(track, [])  # it lies outside the image
            return
        change, covered, _ = self.predicted(without=track)
        weight = self.weight(change)
        seen, wagons, empty = self._evidence(track, self.residual - self.field - change, weight, covered)
        blocks = divide(seen, wagons, empty, self.costs, self.footprint.step_m(track))
        self._put(track, blocks)

    def _put(self, track: int, blocks: list[Block]) -> None:
        start = self.footprint.cells(track).start
        self.blocks[track] = blocks
        self.filled[self.footprint.cells(track)] = 0.0
        colours = np.linalg.inv(self.whiten)
        for block in blocks:
            cells = slice(start + block.first, start + block.stop)
            self.filled[cells], self.height[cells] = 1.0, block.height
            self.contrast[cells] = colours @ block.contrast

    def _evidence(
        self, track: int, rest: Floats, weight: Floats, covered: Floats
    ) -> tuple[Evidence, Looks, Looks]:
        cells = self.footprint.cells(track)
        tops = self.footprint.tops[:, cells]
        looks = (self.whiten @ rest * weight).T
        gram = (tops.T @ tops.multiply(weight[:, None])).tocsr()
        overlap = np.zeros((min(_LAGS, tops.shape[1] - 1) + 1, tops.shape[1]))
        for lag in range(len(overlap)):
            overlap[lag, : tops.shape[1] - lag] = gram.diagonal(lag)
        open_ground = diags_array(np.clip(1 - covered, 0, 1))
        shades = [(open_ground @ part[:, cells]).tocsr() for part in self.footprint.shades]
        sums = [np.asarray(part.sum(axis=1)) * weight for part in shades]
        none = np.zeros((0, tops.shape[1]))
        seen = Evidence(
            tops.T @ looks,
            overlap,
            np.array([part.T @ looks for part in shades]).reshape(-1, tops.shape[1], looks.shape[1]),
            np.array([tops.T @ one for one in sums]) if sums else none,
            np.array([part.T @ one for part, one in zip(shades, sums, strict=True)]) if sums else none,
        )
        return seen, *self._looks(tops.nonzero()[0])

    def _looks(self, pixels: NDArray[np.intp]) -> tuple[Looks, Looks]:
        """What wagons and empty stretches may look like against the track under these pixels."""
        bare = np.median(self.bare[:, pixels], axis=1)
        dark = self.whiten @ -np.median(self.dark[:, pixels], axis=1)
        bands = len(bare)
        spread = _TOP_SPREAD**2 * (0.7 * np.ones((bands, bands)) + 0.3 * np.eye(bands))
        drift = np.outer(bare, bare) * BARE_SPREAD[self.view.alone] ** 2 + np.diag((0.02 * bare) ** 2)
        tops = (library(self.view.roles) - bare) @ self.whiten.T
        turned = (self.whiten @ part @ self.whiten.T for part in (spread, drift))
        return Looks.of(tops, next(turned), dark), Looks.of(np.zeros((1, bands)), next(turned), dark)

    def _spans(self) -> list[slice]:
        """Cells of every block of every track."""
        return [
            slice(
                self.footprint.cells(track).start + block.first,
                self.footprint.cells(track).start + block.stop,
            )
            for track, blocks in enumerate(self.blocks)
            for block in blocks
        ]

    def _trains(self) -> list[tuple[int, int, slice, float]]:
        """Track, number on the track, cells and gain of every train."""
        found = []
        for track, blocks in enumerate(self.blocks):
            start = self.footprint.cells(track).start
            for number in sorted({block.train for block in blocks}):
                own = [block for block in blocks if block.train == number]
                cells = slice(start + own[0].first, start + own[-1].stop)
                found.append((track, number, cells, sum(block.gain for block in own)))
        return found

    def _refit(self) -> None:
        """The contrasts of all blocks of all tracks at once, their places kept."""
        spans = self._spans()
        if not spans:
            return
        member = np.zeros((len(self.filled), len(spans)))
        for index, cells in enumerate(spans):
            member[cells, index] = 1.0
        columns = self.footprint.tops @ member
        guess = np.array([self.contrast[cells.start] for cells in spans])
        _, _, shaded = self.predicted()
        rest = self.residual - self.field + self.dark * shaded
        weighted = columns * self.known[:, None]
        normal = weighted.T @ columns + _RIDGE * np.eye(len(spans))
        found = np.linalg.solve(normal, weighted.T @ rest.T + _RIDGE * guess)
        for cells, contrast in zip(spans, found, strict=True):
            self.contrast[cells] = contrast

    def _heighten(self, trains: Sequence[slice], weight: Floats) -> None:
        """Give each train the height that explains the image best."""
        for cells in trains if self.footprint.shades else ():
            options = {}
            for height in range(-1, len(HEIGHTS_M)):
                self.height[cells] = height
                options[height] = self.misfit(weight) + HIDDEN * (height < 0)
            self.height[cells] = min(options, key=options.__getitem__)

    def _prune(self) -> None:
        """Drop trains, the weakest first, that others explain as well once they may be higher or brighter."""
        self._heighten([cells for _, _, cells, _ in self._trains()], self.weight(self.predicted()[0]))
        self._refit()
        for track, number, cells, _ in sorted(self._trains(), key=lambda train: train[3]):
            weight = self.weight(self.predicted()[0])
            state = self.filled.copy(), self.contrast.copy(), self.height.copy()
            before = self.misfit(weight)
            kept = self.blocks[track]
            self.blocks[track] = [block for block in kept if block.train != number]
            self.filled[cells] = 0.0
            beside = [other for _, _, other, _ in self._trains() if self._near(cells, other)]
            self._heighten(beside, weight)
            self._refit()
            dropped = [block for block in kept if block.train == number]
            rise = self.misfit(weight) - before - self._drift(track, dropped, weight)
            cost = KEEP * (self.costs.start + self.costs.change * (len(dropped) - 1))
            if rise > cost + KEEP_CELL * (cells.stop - cells.start):
                self.blocks[track] = kept
                self.filled, self.contrast, self.height = state

    def _trim(self) -> None:
        """Shorten trains by blocks at their ends that explain little."""
        for track in range(len(self.given)):
            for number in {block.train for block in self.blocks[track]}:
                for end in (0, -1):
                    while self._shorten(track, number, end):
                        pass

    def _shorten(self, track: int, number: int, end: int) -> bool:
        """Take a train's first (0) or last (-1) block away; whether it is better so."""
        kept = self.blocks[track]
        own = [block for block in kept if block.train == number]
        if len(own) < 2:
            return False
        start, block = self.footprint.cells(track).start, own[end]
        weight = self.weight(self.predicted()[0])
        state = self.filled.copy(), self.contrast.copy(), self.height.copy()
        before = self.misfit(weight)
        self.blocks[track] = [one for one in kept if one is not block]
        self.filled[start + block.first : start + block.stop] = 0.0
        self._refit()
        rise = self.misfit(weight) - before - self._drift(track, [block], weight)
        if rise < KEEP * self.costs.change + KEEP_CELL * (block.stop - block.first):
            return True
        self.blocks[track] = kept
        self.filled, self.contrast, self.height = state
        return False

    def _drift(self, track: int, blocks: Sequence[Block], weight: Floats) -> float:
        """What empty track that differs a little would explain where blocks were taken away, in nats."""
        change, covered, _ = self.predicted()
        seen, _, empty = self._evidence(track, self.residual - self.field - change, weight, covered)
        return sum(max(block_gain(seen, empty, one.first, one.stop), 0.0) for one in blocks)

    def _near(self, cells: slice, other: slice) -> bool:
        here, there = self.footprint.middles_m[cells], self.footprint.middles_m[other]
        return bool((np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1)) < BESIDE_M).any())
