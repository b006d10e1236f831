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
SPREAD = 0.5
"""Of how long tasks take: standard deviation of the logarithm; assumed."""
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


@dataclass(frozen=True)
class Work:
    """Tasks that workers take one after the other."""

    tasks: int
    """How many."""
    seconds: float
    """Mean of one in a worker."""
    megabytes: float
    """Read for one."""
    handed_out_s: float
    """The scheduler's time for one."""
    before_s: float
    """Until a worker takes its first."""


def simulated(work: Work, workers: int, rng: np.random.Generator, most: int = 200_000) -> float:
    """Wall seconds until the last task is answered; beyond ``most`` tasks the rate of the last half goes on.

    Args:
        work: What is to be done.
        workers: Processes, one core each.
        rng: Draws how long each task takes (log-normal, a spread of one half).
        most: Tasks that are simulated one by one.
    """
    count = min(work.tasks, max(most, 4 * workers))
    seconds = work.seconds * np.exp(rng.normal(-(SPREAD**2) / 2, SPREAD, count))
    reading = work.megabytes / LINE_MB_S
    free = [work.before_s] * workers
    scheduler = line = half = end = 0.0
    for k in range(count):
        scheduler = max(scheduler, heapq.heappop(free)) + work.handed_out_s
        line = max(line, scheduler) + reading
        done = line + seconds[k]
        heapq.heappush(free, done)
        end = max(end, done)
        if k == count // 2:
            half = end
    return end + (end - half) / (count - count // 2) * (work.tasks - count)


def designs(parts: Parts, yards: int, dates: int) -> dict[str, tuple[Work, float]]:
    """Each way to do it: what workers do, and CPU seconds that follow in one process."""
    one_run = Work(yards * dates, parts.scene_s, parts.scene_mb, parts.handed_out_s, parts.start_s)
    a_yard = dates * (parts.scene_s + parts.after_s) + parts.start_s
    apart = Work(yards, a_yard, dates * parts.scene_mb, parts.handed_out_s, 0.0)
    return {
        "one run over Dask": (one_run, parts.after_s * yards * dates),
        "a run for each yard": (apart, 0.0),
    }


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yards", type=int, default=10_000)
    yards = parser.parse_args().yards
    parts = parts_of(json.loads((RESULTS / "scale.json").read_text(encoding="utf-8")))
    a_year = sum(DATES_A_YEAR.values())
    found = []
    for design, (work, after_s) in designs(parts, yards, YEARS * a_year).items():
        for workers in WORKERS:
            wall = simulated(work, workers, np.random.default_rng([20231005, workers]))
            busy = work.seconds * work.tasks / workers / wall
            usd = (workers * wall + after_s) / 3600 * HOUR_USD
            hours, after = wall / 3600, after_s / 3600
            found.append(
                {"design": design, "workers": workers, "workers_h": hours, "then_h": after}
                | {"busy": busy, "usd": usd}
            )
            print(
                f"{design}, {workers} workers: {hours:.1f} h, busy {busy:.0%} of it, "
                f"then {after:.0f} h in one process; {usd:,.0f} USD"
            )
    each = parts.scene_s + parts.handed_out_s + parts.after_s
    year = {
        "cpu_s": each * a_year,
        "read_mb": parts.scene_mb * a_year,
        "usd": each * a_year / 3600 * HOUR_USD,
    }
    print(f"a yard-year: {year['cpu_s']:.0f} CPU s, {year['read_mb']:.1f} MB read, {year['usd']:.5f} USD")
    written = {"simulated": True, "yards": yards, "parts": asdict(parts), "yard_year": year, "runs": found}
    (RESULTS / "scale_model.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
