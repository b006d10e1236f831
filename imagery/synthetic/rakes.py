"""How wagons stand on the tracks: blocks, mixed strings, loose ones, empty tracks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imagery.synthetic.layout import Layout
from imagery.synthetic.wagons import COMMON, FORMS, Placed, WagonSpec, random_spec, vary


def random_rakes(
    rng: np.random.Generator,
    layout: Layout,
    fill: float | None = None,
    tarp_share: float | None = None,
    snow: float = 0.0,
) -> list[Placed]:
    """Fill tracks with coupled strings, loose wagons and nothing.

    Args:
        rng: Source of randomness.
        layout: Where the tracks are.
        fill: Rough share of the track length that is taken, 0 to 1; drawn if None.
        tarp_share: As in random_spec.
        snow: Share of each top under snow.

    Returns:
        Wagons in order of track and position; none overlaps another.
    """
    fill = float(rng.uniform(0.15, 1.0)) if fill is None else fill
    fleet = _fleet(rng, tarp_share, snow)
    placed: list[Placed] = []
    for track, spans in enumerate(layout.free_spans()):
        if rng.random() > fill + 0.15:
            continue
        for first, last in spans:
            s = first + float(rng.uniform(1.0, 1.0 + (last - first) * (1 - fill)))
            while s + 6.0 < last:
                gap = float(rng.uniform(0.6, 1.2))
                for spec in _string(rng, fleet):
                    if s + spec.length_m > last:
                        break
                    placed.append(Placed(track, s, spec))
                    s += spec.length_m + gap
                s += float(rng.exponential(60.0 * (1.02 - fill))) + 1.0
    return placed


Make = tuple[WagonSpec, ...]
"""Wagons of one make: equal in size, each with its own stains, some with another load or cover."""


def _fleet(rng: np.random.Generator, tarp_share: float | None, snow: float) -> list[Make]:
    """The makes that stand in one yard, some forms far more common than in another."""
    common = np.array(list(COMMON.values()))
    mood = rng.dirichlet(common / common.sum() * rng.choice([3.0, 10.0]) + 0.01)
    forms = list(COMMON)
    makes = []
    for form in rng.choice(len(forms), size=int(rng.integers(3, 17)), p=mood):
        spec = replace(random_spec(rng, forms[form], tarp_share), snow=snow)
        makes.append(_make(rng, spec, int(rng.integers(1, 5))))
    return makes


def _make(rng: np.random.Generator, spec: WagonSpec, count: int) -> Make:
    strict = rng.random() < 0.4
    loads = FORMS[spec.form].loads
    looks = [spec]
    for _ in range(count - 1):
        same = strict or rng.random() < 0.3
        looks.append(
            replace(
                spec,
                seed=int(rng.integers(1 << 30)),
                wear=min(1.0, max(0.0, rng.normal(spec.wear, 0.15))),
                colour=spec.colour if same else vary(rng, spec.colour),
                load=spec.load if same else loads[rng.integers(len(loads))],
                tarp="none" if not strict and rng.random() < 0.12 else spec.tarp,
            )
        )
    return tuple(looks)


def _string(rng: np.random.Generator, fleet: list[Make]) -> list[WagonSpec]:
    """Wagons coupled to each other: one block of equal wagons, several blocks, or one wagon alone."""
    draw = rng.random()
    count = 1 if draw < 0.12 else int(rng.integers(2, 6) if draw < 0.45 else rng.integers(5, 45))
    mixed = rng.random() < 0.4
    string: list[WagonSpec] = []
    while len(string) < count:
        make = fleet[rng.integers(len(fleet))]
        block = int(rng.integers(1, 3) if mixed else rng.integers(2, 30))
        block = min(block, {"locomotive": 2, "coach": 10}.get(make[0].form, 30), count - len(string))
        string += [make[rng.integers(len(make))] for _ in range(block)]
    return string
