"""Real Sentinel-2 dates over quiet fields: dates kept, registration, false alarms; and what reading costs.

    python benchmarks/public_imagery.py [--out benchmarks/results] [--keep-reading]

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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import quiet_fields
import reading_cost

from imagery.alignment.align import Shift, comparable, measure_shift, reference_of
from imagery.alignment.frames import NEAREST, Frames, bands_to_align, shift_of
from imagery.alignment.shiftfit import fit
from imagery.reader import open_scene
from imagery.sources.folders.folder import find_scenes
from imagery.tiles import Tile
from imagery.visibility import believable, shares
from models.occupancy.limits import LEAST_SEEN

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("YARDWATCH_DATA", ROOT.parent / "shared" / "data"))


def dates() -> list[Tile]:
    """Every overpass, in time order."""
    files = sorted((DATA / "sentinel-real").glob("S2_L2A_*.nc"))
    if not files:
        raise SystemExit(f"no Sentinel-2 cubes under {DATA}/sentinel-real: set YARDWATCH_DATA")
    tiles = []
    for scene in find_scenes(files).scenes:
        with open_scene(scene) as raster:
            tiles.append(raster.read())
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
    parser.add_argument(
        "--keep-reading", action="store_true", help="keep what reading cost in the results that are there"
    )
    chosen = parser.parse_args()
    out = chosen.out
    start = time.process_time()
    tiles = dates()
    kept = [tile for tile in tiles if believable(tile).mean() >= LEAST_SEEN]
    result = {
        "made_by": "python benchmarks/public_imagery.py" + (" --keep-reading" if chosen.keep_reading else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": git_commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "data": "Copernicus Sentinel-2 L2A over fields in Belgium, 640 m square, 10 m, real",
        "visibility": visibility(tiles),
        "registration": registration(kept, Frames([tile.scene for tile in kept])),
        "false_alarms": quiet_fields.false_alarms(tiles),
        "reading": kept_reading(out) if chosen.keep_reading else reading_cost.compare(DATA),
    }
    result["cpu_seconds"] = round(time.process_time() - start, 1)
    out.mkdir(parents=True, exist_ok=True)
    (out / "public_imagery.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "public_imagery.md").write_text(page(result), encoding="utf-8")
    print((out / "public_imagery.md").read_text(encoding="utf-8"))


def kept_reading(out: Path) -> dict[str, Any]:
    """What reading cost when it was last measured, with the commit and day of that."""
    last = json.loads((out / "public_imagery.json").read_text(encoding="utf-8"))
    reading: dict[str, Any] = last["reading"]
    return {"measured": f"{last['date']}, commit {last['commit']}", **reading}


def page(result: dict[str, Any]) -> str:
    """The same for people."""
    seen, moved = result["visibility"], result["registration"]
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
        *quiet_fields.table(result["false_alarms"]),
        "",
        *([f"Of {kept}:", ""] if (kept := result["reading"].get("measured")) else []),
        *reading_cost.table(result["reading"]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
