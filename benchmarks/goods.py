"""Goods on painted yards: area, height, volume, container equivalents and ships against what was painted.

    python benchmarks/goods.py                 # scores; writes results/goods.json
    python benchmarks/goods.py --fit 330       # teaches the networks again: models/weights/goods.safetensors
    python benchmarks/goods.py --calibrate 300 # reads the residuals again: models/weights/goods.json

SIMULATED. Yards to teach, to calibrate and to score on are drawn from three seeds and share none.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from goods_yards import TrueStack, Yard, labels_of, random_berth, random_yard
from numpy.typing import NDArray
from shapely import affinity

from imagery.visibility import within
from models.goods.features import context, features
from models.goods.height import Height
from models.goods.layers import Layers, fit, write_layers
from models.goods.segment import WEIGHTS
from models.goods.vessels import berth_of
from models.goods.vessels import measured as ships_measured
from models.goods.view import View, coarsened
from models.goods.volume import (
    CALIBRATION,
    Calibration,
    Stack,
    area_of,
    interval,
    length_of,
    measured,
    shipped,
    stacks_of,
    volume_of,
)
from models.measurement import Skip

ROOT = Path(__file__).resolve().parents[1]
FIT, CALIBRATE, SCORE = 77, 78, 79
"""Seeds of the three sets."""
LEVEL = 0.9
LARGEST_PX = 400_000
"""Larger yards are not learnt from, to be quick."""
PER_YARD = 1500
WIDTHS, EPOCHS = (64, 48), 9
Lesson = tuple[NDArray[np.float32], View, NDArray[np.uint8]]
"""Figures of each pixel, the yard, what each pixel is."""


def view_of(yard: Yard, sun_known: bool = True) -> tuple[View, float]:
    """A painted yard as the models see it, and how many of the picture's pixels one of its pixels is."""
    painted = yard.painted
    image, scale = coarsened(painted.image, painted.gsd_m)
    x, y = painted.light.shadow_m
    norm = float(np.hypot(x, y))
    elevation = painted.light.sun_elevation_deg if sun_known else None
    inside = within(image.shape[:2], yard.ring / scale)
    view = View(image, inside, painted.gsd_m * scale, (x / norm, y / norm), elevation, yard.off_nadir_deg)
    return view, scale


def lessons(start: int, stop: int) -> Iterator[tuple[View, NDArray[np.uint8]]]:
    """Yards to teach on, with what each pixel is; some under cloud, some without a sun."""
    for index in range(start, stop):
        rng = np.random.default_rng([FIT, index])
        cloud = float(rng.uniform(0.6, 1.0)) if rng.random() < 0.1 else 0.0
        yard = random_yard(rng, cloud=cloud)
        view, scale = view_of(yard, sun_known=cloud > 0 or rng.random() > 0.12)
        if view.sun_elevation_deg is None:
            turn = rng.uniform(0, 2 * np.pi)
            way = float(np.cos(turn)), float(np.sin(turn))
            view = View(view.image, view.inside, view.px_m, way, None)
        if view.inside.size <= LARGEST_PX:
            yield view, labels_of(yard, view.inside.shape, 1 / scale)


def teach(count: int) -> None:
    """Fit the first network on a third of the yards, the second on the others with what the first says."""
    rng = np.random.default_rng(0)
    early, late = lessons(0, count // 3), lessons(count // 3, count)
    first = _fitted(((features(view), view, classes) for view, classes in early), rng)

    def both() -> Iterator[Lesson]:
        for view, classes in late:
            told = features(view)
            around = context(first.probabilities(told), view)
            yield np.concatenate([told, around], axis=-1), view, classes

    second = _fitted(both(), rng)
    about = {"data": f"{count} painted yards of seed {FIT}, SIMULATED", "classes": "ground, top, shade"}
    write_layers({"first": first, "second": second}, WEIGHTS, about)


def _fitted(taught: Iterator[Lesson], rng: np.random.Generator) -> Layers:
    """A network fitted to some pixels of each yard."""
    rows, truth = [], []
    for told, view, classes in taught:
        chosen = _chosen(view, classes, rng)
        rows.append(told.reshape(-1, told.shape[-1])[chosen])
        truth.append(classes.ravel()[chosen].astype(np.intp))
    return fit(np.concatenate(rows), np.concatenate(truth), WIDTHS, rng, EPOCHS)


def _chosen(view: View, classes: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.intp]:
    """Half anywhere, the rest on edges and goods."""
    near = view.near
    up, left = np.diff(classes, axis=0, append=0) != 0, np.diff(classes, axis=1, append=0) != 0
    pools = (near, near & (up | left), near & (classes > 0))
    shares = (PER_YARD // 2, PER_YARD // 4, PER_YARD // 4)
    picked = [
        rng.choice(pool, min(share, len(pool)), replace=False)
        for pool, share in zip((np.flatnonzero(p) for p in pools), shares, strict=True)
        if len(pool)
    ]
    return np.concatenate(picked)


def yards(seed: int, count: int) -> Iterator[tuple[Yard, tuple[Stack, ...], float, float]]:
    """Painted yards with what was found in them, the pixel and the scale."""
    for index in range(count):
        yard = random_yard(np.random.default_rng([seed, index]))
        view, scale = view_of(yard)
        yield yard, stacks_of(view), view.px_m, scale


def paired(yard: Yard, stacks: tuple[Stack, ...], scale: float) -> list[tuple[Stack, TrueStack]]:
    """Each stack found with the true one that it overlaps by half of either, where there is one."""
    pairs = []
    px = yard.painted.gsd_m
    for stack in stacks:
        here = affinity.scale(stack.outline, scale, scale, origin=(0, 0))
        for true in yard.stacks:
            seen = affinity.translate(true.outline, *(np.array(yard.lean) * true.height_m / px))
            common = here.intersection(seen).area
            if common > 0.5 * min(here.area, seen.area) and common > 0.4 * max(here.area, seen.area):
                pairs.append((stack, true))
    return pairs


def calibrate(count: int) -> None:
    """Keep the residuals of yards that nothing was fitted to."""
    area, heights, volume = [], [], []
    for yard, stacks, px, scale in yards(CALIBRATE, count):
        value, doubt = area_of(stacks, px)
        area.append((yard.area_m2 - value) / doubt)
        told = volume_of(stacks, px)
        if not isinstance(told, Skip):
            volume.append((yard.volume_m3 - told[0]) / told[1])
        heights += [
            (true.height_m - stack.height.value_m) / stack.height.sd_m
            for stack, true in paired(yard, stacks, scale)
            if isinstance(stack.height, Height)
        ]
    about = f"{count} painted yards of seed {CALIBRATE}, SIMULATED"
    Calibration(
        *(tuple(sorted(round(float(v), 3) for v in part)) for part in (area, heights, volume)), about
    ).write(CALIBRATION)


def score(count: int) -> dict[str, Any]:
    """Errors and coverage on yards that were neither learnt from nor calibrated on."""
    rows, heights, refused, stacks_found = [], [], [], 0
    for yard, stacks, px, scale in yards(SCORE, count):
        longest = max((length_of(stack, px) for stack in stacks), default=0.0)
        told = {m.quantity: m for m in measured(stacks, longest, px, LEVEL, 1.0)}
        rows.append((yard, told))
        stacks_found += len(stacks)
        refused += [stack.height.reason for stack in stacks if isinstance(stack.height, Skip)]
        for stack, true in paired(yard, stacks, scale):
            if isinstance(stack.height, Height):
                value, low, high = interval(stack.height.value_m, stack.height.sd_m, shipped().height, LEVEL)
                heights.append((true.height_m, value, low, high))
    return {
        **_areas(rows),
        **_volumes(rows),
        **_heights(np.array(heights)),
        "stacks_found": stacks_found,
        "heights_refused": len(refused),
        **{f"heights_refused_{reason}": refused.count(reason) for reason in sorted(set(refused))},
    }


def _areas(rows: list[tuple[Yard, dict[str, Any]]]) -> dict[str, Any]:
    true = np.array([yard.area_m2 for yard, _ in rows])
    got = [told["goods_area_m2"] for _, told in rows]
    value = np.array([m.value for m in got])
    held = [m.low <= t <= m.high for m, t in zip(got, true, strict=True)]
    full = true > 0
    error = np.abs(value[full] / true[full] - 1)
    return {
        "yards": len(rows),
        "yards_with_goods": int(full.sum()),
        "area_error_total": float(value.sum() / true.sum() - 1),
        "area_relative_error_median": float(np.median(error)),
        "area_relative_error_mean": float(error.mean()),
        "area_within_10_percent": float((error <= 0.1).mean()),
        "area_relative_error_mean_over_500_m2": float(error[true[full] > 500].mean()),
        "area_coverage": float(np.mean(held)),
        "area_false_m2_on_empty_yards_mean": float(value[~full].mean()),
    }


def _volumes(rows: list[tuple[Yard, dict[str, Any]]]) -> dict[str, Any]:
    both = [(yard, told["goods_volume_m3"], told["teu"]) for yard, told in rows if "goods_volume_m3" in told]
    true = np.array([yard.volume_m3 for yard, _, _ in both])
    held = [m.low <= t <= m.high for (_, m, _), t in zip(both, true, strict=True)]
    error = np.array([abs(m.value / t - 1) for (_, m, _), t in zip(both, true, strict=True) if t > 0])
    only = [(y.boxes, teu) for y, _, teu in both if y.stacks and all(s.boxes for s in y.stacks)]
    return {
        "volumes_given": len(both),
        "volume_relative_error_median": float(np.median(error)),
        "volume_coverage": float(np.mean(held)),
        "teu_yards_of_containers_only": len(only),
        "teu_relative_error_median": float(np.median([abs(m.value / n - 1) for n, m in only])),
        "teu_coverage": float(np.mean([m.low <= n <= m.high for n, m in only])),
    }


def _heights(rows: NDArray[np.float64]) -> dict[str, Any]:
    true, value, low, high = rows.T
    return {
        "heights": len(rows),
        "height_mae_m": float(np.abs(value - true).mean()),
        "height_bias_m": float((value - true).mean()),
        "height_coverage": float(((low <= true) & (true <= high)).mean()),
    }


def ships(count: int) -> dict[str, Any]:
    """Ships of known length at painted piers."""
    rows = []
    for index in range(count):
        berth = random_berth(np.random.default_rng([SCORE, 1, index]))
        image, scale = coarsened(berth.painted.image, berth.painted.gsd_m)
        seen = np.ones(image.shape[:2], dtype=bool)
        found = berth_of(image, seen, berth.ring / scale, berth.painted.gsd_m * scale)
        if isinstance(found, Skip):
            rows.append((berth.length_m, np.nan, np.nan, np.nan))
            continue
        told = ships_measured(found.vessels, berth.painted.gsd_m * scale, LEVEL, 1.0)
        length = next(((m.value, m.low, m.high) for m in told if m.quantity == "vessel_length_m"), (0.0,) * 3)
        rows.append((berth.length_m, *length))
    true, value, low, high = np.array(rows).T
    there, told = true > 0, np.isfinite(value)
    hit = there & (value > 0)
    return {
        "berths": count,
        "berths_without_water_told": int((~told).sum()),
        "ships_found": float((hit.sum()) / max(there.sum(), 1)),
        "ships_invented": float((~there & (value > 0)).sum() / max((~there).sum(), 1)),
        "ship_length_mae_m": float(np.abs(value - true)[hit].mean()),
        "ship_length_coverage": float(((low <= true) & (true <= high))[hit].mean()),
    }


def main() -> None:
    """Fit, calibrate or score."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fit", type=int, default=0)
    parser.add_argument("--calibrate", type=int, default=0)
    parser.add_argument("--yards", type=int, default=150)
    parser.add_argument("--berths", type=int, default=30)
    asked = parser.parse_args()
    if asked.fit:
        teach(asked.fit)
    if asked.calibrate:
        calibrate(asked.calibrate)
    if asked.fit or asked.calibrate:
        return
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    result = {
        "what": "goods and ships on painted pictures of 0.3 to 1.2 m, SIMULATED",
        "data": f"{asked.yards} yards and {asked.berths} berths of seed {SCORE} (benchmarks/goods_yards.py)",
        "calibrated_on": shipped().about,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "level": LEVEL,
        **score(asked.yards),
        **ships(asked.berths),
    }
    told = {key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}
    (ROOT / "benchmarks" / "results" / "goods.json").write_text(
        json.dumps(told, indent=1) + "\n", encoding="utf-8"
    )
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
