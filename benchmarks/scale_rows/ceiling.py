"""Whether a run with ``--memory`` stays below it: the peak of the whole run, page and dossier included."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.scale_rows.measure import Row, child, peak_mib
from benchmarks.scale_rows.memory import GSD, sparse
from evidence.config import RunConfig
from evidence.execute.local import Threads
from evidence.run import run

IMAGES, SIDE = 4, 2_500
CEILINGS_MIB = (1_100, 1_500, 2_048)
"""Too little for one image, enough for one at a time, enough for both threads."""


def rows() -> Iterator[Row]:
    """The same images under each ceiling."""
    for ceiling in CEILINGS_MIB:
        found = child("benchmarks.scale_rows.ceiling", str(ceiling))
        data = (
            f"SIMULATED, {IMAGES} images of {SIDE:,} x {SIDE:,} pixels of {GSD} m full of wagons, strips, "
            f"two threads: {found['counted']} counted, {found['refused']} skipped for memory"
        )
        yield Row(
            f"peak of a run with --memory {ceiling}MiB", found["peak_mib"], "MiB", data, at_most=ceiling
        )


if __name__ == "__main__":
    ceiling = int(sys.argv[1]) * 2**20
    with tempfile.TemporaryDirectory() as where:
        there = Path(where, "tiles")
        there.mkdir()
        for day in range(1, IMAGES + 1):
            sparse(there / f"yard_2023090{day}.tif", SIDE, filled=1.0)
        before = peak_mib()
        config = RunConfig(tiles=(there,), detector="strips", pictures=2)
        result = run(config, Path(where, "out"), "c", executor=Threads(2, memory=ceiling))
        skips = [outcome.skip.reason for outcome in result.outcomes if outcome.skip]
        assert set(skips) <= {"memory"}, skips
        found = {"peak_mib": peak_mib(), "counted": len(result.outcomes) - len(skips), "refused": len(skips)}
        assert peak_mib() > before, "painting took more than the run: its peak is not known"
    print(json.dumps(found))
