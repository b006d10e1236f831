"""Real Sentinel-2 dates over quiet fields: dates kept, registration, false alarms; and what reading costs.

    python benchmarks/public_imagery.py [--out benchmarks/results]

writes ``public_imagery.json`` and ``public_imagery.md``. The data are ``sentinel-real`` and ``ports`` of the
folder that YARDWATCH_DATA names (default: ``../shared/data``).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import reading_cost
from numpy.typing import NDArray

from imagery.alignment.align import Shift, comparable, measure_shift, reference_of
from imagery.alignment.frames import NEAREST, Frames, bands_to_align, off_tracks, shift_of
from imagery.alignment.shiftfit import fit
from imagery.period import Period
from imagery.reader import open_scene
from imagery.sources.folders.folder import find_scenes
from imagery.tiles import Tile
from imagery.visibility import believable, share_of_tracks, shares
from models.measurement import Skip
from models.occupancy.profile import LEAST_SEEN, Profile, occupied, read_profile
from models.stats.baseline import baseline_of
from models.stats.change import change_of
from models.stats.series import Series

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("YARDWATCH_DATA", ROOT.parent / "shared" / "data"))
NOMINAL = 0.05
LEVEL = 0.9
"""Of the intervals: the lower end of an effect lies above zero by chance on one date in twenty."""
SEED = 20_231_005
CORRIDORS, TRACKS, LENGTH_M, APART_M = 12, 8, 400.0, 4.7
AWAY_M = 30.0

Lines = list[tuple[str, NDArray[np.float64]]]


def dates() -> list[Tile]:
    """Every overpass, in time order."""
    files = sorted((DATA / "sentinel-real").glob("S2_L2A_*.nc"))
    if not files:
        raise SystemExit(f"no Sentinel-2 cubes under {DATA}/sentinel-real: set YARDWATCH_DATA")
    tiles = []
    for scene in find_scenes(files).scenes:
        with open_scene(scene) as raster:
            tiles.append(raster.read(bands=("B02", "B03", "B04", "B08", "SCL")))
    return tiles


def visibility(tiles: list[Tile]) -> dict[str, Any]:
    """Share of dates that show enough of the place, by the scene classification."""
    seen = np.array([believable(tile).mean() for tile in tiles])
    snow = np.array([shares(tile).snow for tile in tiles])
    return {
        "dates": len(tiles),
        "from": str(tiles[0].scene.taken_at),
        "to": str(tiles[-1].scene.taken_at),
        "kept_share": float((seen >= LEAST_SEEN).mean()),
        "kept": int((seen >= LEAST_SEEN).sum()),
        "of_these_mostly_snow": int(((seen >= LEAST_SEEN) & (snow > 0.5)).sum()),
        "rule": f"at least {LEAST_SEEN:.0%} of the pixels believable",
    }


def registration(tiles: list[Tile], frames: Frames) -> dict[str, Any]:
    """The shift that one half of the ground shows, before and after the shift fitted on the other is applied.

    Halves are squares of 16 pixels in turn; decision and fit see one half only.
    """
    rows, cols = np.indices(tiles[0].valid.shape)
    first = (rows // 16 + cols // 16) % 2 == 0
    everywhere = np.ones_like(first)
    before, after, taken, whole = [], [], 0, []
    for tile in tiles:
        good = believable(tile)
        others = frames.others("fields", tile, everywhere, look_in(tiles))[:NEAREST]
        bands = bands_to_align(tile)
        reference = reference_of([o.tile for o in others], [o.good for o in others], bands)
        shift = measure_shift(tile, good, reference, first)
        left = fit(comparable(tile, good, reference, ~first))
        before.append(float(np.hypot(*left)) * tile.gsd_m)
        after.append(float(np.hypot(left[0] - shift.dx_px, left[1] - shift.dy_px)) * tile.gsd_m)
        taken += shift.accepted
        whole.append(shift_of(tile, others, everywhere))
    return {
        "dates": len(tiles),
        "unit": "metres",
        "before": summary(before),
        "after": summary(after),
        "accepted_on_half_the_ground": taken,
        "accepted_on_all_the_ground": sum(shift.accepted for shift in whole),
        "made_worse": int(sum(b + 0.5 < a for b, a in zip(before, after, strict=True))),
        "refusals": refusals(whole),
        "how": "shift measured on one half of the ground, what is left fitted on the other half, with "
        "the noise of that fit. The reference is the median of the nearest dates in season. The width of "
        "the neighbourhood in `align` was chosen on these dates: this is no independent test.",
    }


def summary(values: list[float]) -> dict[str, float]:
    """Median and 95 %."""
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))}


def refusals(shifts: list[Shift]) -> dict[str, int]:
    """Why shifts were refused, with the figures left out."""
    found: dict[str, int] = {}
    for shift in shifts:
        if not shift.accepted:
            reason = "".join(c for c in shift.reason if not c.isdigit() and c != ".")
            found[reason] = found.get(reason, 0) + 1
    return found


def look_in(tiles: list[Tile]) -> Any:
    """Reads the place out of memory."""
    by_id = {tile.scene.id: tile for tile in tiles}
    return lambda scene, bands: by_id.get(scene.id)


def corridors(shape: tuple[int, int], gsd_m: float, rng: np.random.Generator) -> list[Lines]:
    """Pretend yards across the fields: parallel straight tracks, wholly inside, in pixels."""
    found = []
    for _ in range(CORRIDORS):
        heading = rng.uniform(0, np.pi)
        along = np.array([np.cos(heading), np.sin(heading)])
        across = np.array([-along[1], along[0]])
        centre = np.array(shape[::-1]) / 2 + rng.uniform(-60, 60, 2) / gsd_m
        lines: Lines = []
        for k in range(TRACKS):
            middle = centre + across * (k - (TRACKS - 1) / 2) * APART_M / gsd_m
            ends = np.stack([middle - along * LENGTH_M / 2 / gsd_m, middle + along * LENGTH_M / 2 / gsd_m])
            lines.append((f"t{k}", ends))
        found.append(lines)
    return found


def false_alarms(tiles: list[Tile], align: bool) -> dict[str, Any]:
    """Each date of each pretend yard against the other dates, as if trains had been looked for."""
    rng = np.random.default_rng(SEED)
    rows, cols = tiles[0].valid.shape
    gsd = tiles[0].gsd_m
    table = []
    for number, lines in enumerate(corridors((rows, cols), gsd, rng)):
        profiles = [profile_of(tile, lines, tiles, align, number) for tile in tiles]
        results = occupied(profiles, LEVEL)
        series = series_of_results(tiles, results)
        table.append(
            {
                "corridor": number,
                "seen_dates": sum(
                    share_of_tracks(believable(tile), tile.grid, [line for _, line in lines]) >= LEAST_SEEN
                    for tile in tiles
                ),
                **alarms(series),
            }
        )
    total = {key: sum(row[key] for row in table) for key in ("dates", "by_rank", "by_effect", "low_above_0")}
    return {
        "aligned": align,
        "corridors": table,
        "dates": total["dates"],
        "by_rank_share": total["by_rank"] / total["dates"],
        "by_effect_share": total["by_effect"] / total["dates"],
        "low_above_0_share": total["low_above_0"] / total["dates"],
        "scatter_m_median": float(np.median([row["scatter_m"] for row in table])),
        "read_m_median": float(np.median([row["median_m"] for row in table])),
    }


def profile_of(tile: Tile, lines: Lines, tiles: list[Tile], align: bool, number: int) -> Profile:
    """What a date shows along the pretend tracks, moved by its shift where dates are aligned."""
    shift = np.zeros(2)
    if align:
        frames = _FRAMES.setdefault(number, Frames([one.scene for one in tiles]))
        free = off_tracks(tile.valid.shape, [line for _, line in lines], AWAY_M / tile.gsd_m)
        found = shift_of(tile, frames.others("fields", tile, free, look_in(tiles)), free)
        shift = np.array([found.dx_px, found.dy_px])
    return read_profile(tile, believable(tile), [(name, line + shift) for name, line in lines])


_FRAMES: dict[int, Frames] = {}


def series_of_results(tiles: list[Tile], results: list[tuple[str, Any]]) -> Series:
    """Occupied metres of the dates that were measured."""
    rows = []
    for tile, (_, result) in zip(tiles, results, strict=True):
        if not isinstance(result, Skip):
            rows.append((tile.scene, next(m for m in result if m.quantity == "occupied_track_m")))
    times = [scene.taken_at.replace(tzinfo=None) for scene, _ in rows if scene.taken_at is not None]
    return Series(
        "fields",
        "occupied_track_m",
        "m",
        LEVEL,
        np.array(times, dtype="datetime64[s]"),
        np.array([m.value for _, m in rows]),
        np.array([m.low for _, m in rows]),
        np.array([m.high for _, m in rows]),
        tuple(scene.id for scene, _ in rows),
        tuple(m.method for _, m in rows),
    )


def alarms(series: Series) -> dict[str, Any]:
    """Dates of a quiet place that are called risen, at the nominal level."""
    by_rank = by_effect = 0
    for time_ in series.times:
        day = time_.astype("datetime64[D]").astype(object)
        target = Period(day, day + timedelta(days=1))
        change = change_of(series, target, baseline_of(series, target, both_sides=True))
        by_rank += change.p_rank <= NOMINAL
        by_effect += change.effect_low > 0
    middle = float(np.median(series.values))
    return {
        "dates": len(series),
        "by_rank": int(by_rank),
        "by_effect": int(by_effect),
        "low_above_0": int((series.lows > 0).sum()),
        "median_m": middle,
        "scatter_m": 1.4826 * float(np.median(np.abs(series.values - middle))),
    }


def git_commit() -> str:
    """Commit of the code, with a mark where files differ from it."""
    run = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True
    )
    return run.stdout.strip() or "unknown"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    out = parser.parse_args().out
    start = time.process_time()
    tiles = dates()
    kept = [tile for tile in tiles if believable(tile).mean() >= LEAST_SEEN]
    result = {
        "made_by": "python benchmarks/public_imagery.py",
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": git_commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "data": "Copernicus Sentinel-2 L2A over fields in Belgium, 640 m square, 10 m, real",
        "visibility": visibility(tiles),
        "registration": registration(kept, Frames([tile.scene for tile in kept])),
        "false_alarms": {
            "nominal": NOMINAL,
            "layout": f"{CORRIDORS} pretend yards of {TRACKS} tracks of {LENGTH_M:.0f} m, {APART_M} m apart",
            "what": "by_rank: rank p-value at most 0.05; each date against all others of its place makes the "
            "largest of n the only one that can pass, so this rate is about 1/n by construction. by_effect: "
            "lower end of the effect's interval above zero. low_above_0: the measurement itself says that "
            "trains stand on bare ground.",
            "not_aligned": false_alarms(tiles, align=False),
            "aligned": false_alarms(tiles, align=True),
        },
        "reading": reading_cost.compare(DATA),
    }
    result["cpu_seconds"] = round(time.process_time() - start, 1)
    out.mkdir(parents=True, exist_ok=True)
    (out / "public_imagery.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "public_imagery.md").write_text(page(result), encoding="utf-8")
    print((out / "public_imagery.md").read_text(encoding="utf-8"))


def page(result: dict[str, Any]) -> str:
    """The same for people."""
    seen, moved, alarm, cost = (result[k] for k in ("visibility", "registration", "false_alarms", "reading"))
    lines = [
        "# Public imagery: what was measured",
        "",
        f"`{result['made_by']}`, {result['date']}, commit {result['commit']}, {result['machine']}. "
        f"Data: {result['data']}.",
        "",
        f"- Dates kept: {seen['kept']} of {seen['dates']} ({seen['kept_share']:.0%}; {seen['rule']}).",
        f"- Registration on the held-out half of the ground, median (95 %): "
        f"{moved['before']['median']:.1f} m ({moved['before']['p95']:.1f} m) before, "
        f"{moved['after']['median']:.1f} m ({moved['after']['p95']:.1f} m) after; shift accepted on "
        f"{moved['accepted_on_half_the_ground']} of {moved['dates']} dates, of which "
        f"{moved['made_worse']} lie 0.5 m or more worse by that half.",
        "",
        f"False alarms on quiet fields ({alarm['layout']}; nominal {alarm['nominal']:.0%}):",
        "",
        "| | dates | by rank | by effect | low end above 0 | scatter, m | median read, m |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("not_aligned", "aligned"):
        a = alarm[name]
        rates = [f"{a[key]:.1%}" for key in ("by_rank_share", "by_effect_share", "low_above_0_share")]
        metres = [f"{a[key]:.0f}" for key in ("scatter_m_median", "read_m_median")]
        lines.append(f"| {' | '.join([name.replace('_', ' '), str(a['dates']), *rates, *metres])} |")
    lines += ["", alarm["what"], "", *reading_cost.table(cost)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
