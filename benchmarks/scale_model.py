"""10,000 yards x 5 years on 1, 10 and 100 workers: a simulation from measured parts, none of it run.

    python -m benchmarks.scale_model [--yards 10000]

reads what ``results/scale.json`` holds under ``parts`` and writes ``results/scale_model.json``. Tasks are
handed out by one scheduler, which spends its time on each; workers share one line to the images. That is the
model of the Dask executor, whose results come back to the machine that started the run.
"""

from __future__ import annotations

import argparse
import heapq
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
YEARS = 5
DATES_A_YEAR = {"Sentinel-2": 73, "Sentinel-1": 31}
"""Overpasses of one site a year: every fifth and about every twelfth day."""
WORKERS = (1, 10, 100, 1_000)
LINE_MB_S = 1_250.0
"""What all workers read together: a line of 10 Gbit/s."""
HOUR_USD = 0.0425
"""One core for an hour: an eighth of AWS EC2 c5.2xlarge on demand in us-east-1; source in docs/scale.md."""


@dataclass(frozen=True)
class Parts:
    """What was measured; each with its place in results/scale.json."""

    scene_s: float
    """CPU seconds of a worker for one Sentinel date of one yard."""
    scene_mb: float
    """Bytes read for it, in MB."""
    handed_out_s: float
    """Seconds of the scheduler and the starting process for one task, idle worker included."""
    after_s: float
    """CPU seconds of the starting process for one date once all are in: series, tables, page, dossier."""
    start_s: float
    """Seconds until a worker takes its first task."""


def parts_of(rows: list[dict[str, Any]]) -> Parts:
    """The measured parts.

    Raises:
        SystemExit: One of them was not measured.
    """
    known = {row["name"]: row["value"] for row in rows if row["group"] == "parts"}
    names = Parts.__dataclass_fields__
    if missing := [name for name in names if known.get(name) is None]:
        raise SystemExit(
            f"results/scale.json lacks {', '.join(missing)}: run python -m benchmarks.scale parts"
        )
    return Parts(**{name: float(known[name]) for name in names})


def simulated(parts: Parts, tasks: int, workers: int, rng: np.random.Generator, most: int = 200_000) -> float:
    """Wall seconds until the last task is answered; beyond ``most`` tasks the rate of the last half goes on.

    Args:
        parts: What was measured.
        tasks: Dates of all yards.
        workers: Processes, one core each.
        rng: Draws how long each task takes: half of them within a third of the mean (log-normal).
        most: Tasks that are simulated one by one.
    """
    count = min(tasks, max(most, 4 * workers))
    spread = 0.5
    seconds = parts.scene_s * np.exp(rng.normal(-(spread**2) / 2, spread, count))
    reading = parts.scene_mb / LINE_MB_S
    free = [parts.start_s] * workers
    scheduler = line = half = end = 0.0
    for k in range(count):
        worker = heapq.heappop(free)
        scheduler = max(scheduler, worker) + parts.handed_out_s
        line = max(line, scheduler) + reading
        done = max(line, scheduler) + seconds[k]
        heapq.heappush(free, done)
        end = max(end, done)
        if k == count // 2:
            half = end
    later = (end - half) / (count - count // 2) * (tasks - count)
    return end + later


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yards", type=int, default=10_000)
    yards = parser.parse_args().yards
    parts = parts_of(json.loads((RESULTS / "scale.json").read_text(encoding="utf-8")))
    dates = sum(DATES_A_YEAR.values())
    tasks = yards * YEARS * dates
    found = []
    for workers in WORKERS:
        wall = simulated(parts, tasks, workers, np.random.default_rng([20231005, workers]))
        after = parts.after_s * tasks
        ideal = parts.scene_s * tasks / workers
        found.append(
            {
                "workers": workers,
                "looking_h": wall / 3600,
                "after_h": after / 3600,
                "efficiency": ideal / wall,
                "usd": (workers * wall + after) / 3600 * HOUR_USD,
            }
        )
        print(
            f"{workers:>5} workers: {wall / 3600:9.1f} h looking ({ideal / wall:.0%} of the workers' time), "
            f"{after / 3600:.1f} h after, {found[-1]['usd']:,.0f} USD"
        )
    year = {
        "cpu_s": (parts.scene_s + parts.handed_out_s + parts.after_s) * dates,
        "read_mb": parts.scene_mb * dates,
        "usd": (parts.scene_s + parts.handed_out_s + parts.after_s) * dates / 3600 * HOUR_USD,
    }
    print(f"a yard-year: {year['cpu_s']:.0f} CPU s, {year['read_mb']:.1f} MB read, {year['usd']:.5f} USD")
    written = {"simulated": True, "yards": yards, "parts": asdict(parts), "yard_year": year, "runs": found}
    (RESULTS / "scale_model.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
