"""Hold a run on the sample tiles against the truth that they were painted from.

    make run && .venv/bin/python benchmarks/sample_truth.py out/sample

SIMULATED on both sides: it shows whether the method reads what was painted, and nothing about real yards.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
TRUTH_OF = {
    "railcars": "railcars",
    "railcar_equivalents": "railcars",
    "occupied_track_m": "occupied_track_m",
}
"""Quantity measured, and the key of the truth that it is held against."""


def paired(run: Path, truth: Path) -> pd.DataFrame:
    """Measurements beside the truth of their scene; one row a measurement whose truth is known.

    Args:
        run: Output folder of ``yardwatch run configs/sample.yaml``.
        truth: ``truth.json`` of the sample tiles.
    """
    measured = pd.read_parquet(run / "measurements.parquet")
    scenes = {scene["id"]: scene for scene in json.loads(truth.read_text())["scenes"]}
    measured["truth"] = [
        _true(scenes[row.scene_id], str(row.quantity))
        for row in measured.itertuples()
        if row.scene_id in scenes
    ]
    return measured.dropna(subset=["truth"])


def _true(scene: dict[str, object], quantity: str) -> float:
    tarps = scene["tarps"]
    assert isinstance(tarps, dict)
    if quantity == "tarped_railcars":
        return float(sum(n for tarp, n in tarps.items() if tarp != "none"))
    if quantity == "blue_tarped_railcars":
        return float(tarps.get("blue", 0))
    key = TRUTH_OF.get(quantity)
    return float(scene[key]) if key else np.nan  # type: ignore[arg-type]


def table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Dates, mean absolute error, bias and coverage for each site, method and quantity."""
    pairs = pairs.assign(
        error=pairs.value - pairs.truth, held=(pairs.low <= pairs.truth) & (pairs.truth <= pairs.high)
    )
    return (
        pairs.groupby(["quantity", "method", "site"])
        .agg(
            dates=("error", "size"),
            highest_truth=("truth", "max"),
            mae=("error", lambda e: e.abs().mean()),
            bias=("error", "mean"),
            coverage=("held", "mean"),
        )
        .round(2)
        .reset_index()
    )


def main() -> None:
    """Print the table and write it to benchmarks/results/sample_truth.md."""
    run = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "out" / "sample"
    rows = table(paired(run, ROOT / "sample_tiles" / "truth.json"))
    facts = json.loads((run / "run.json").read_text())
    columns = list(rows.columns)
    lines = [
        "# The sample run against its truth (SIMULATED)",
        "",
        f"`{facts['command']}`, code {facts['code_sha256'][:12]}; "
        f"{facts['counts']['measured']} measured, {facts['counts']['skipped']} skipped.",
        "Nominal coverage 0.9. Written by `benchmarks/sample_truth.py`.",
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows.itertuples(index=False)),
    ]
    text = "\n".join(lines) + "\n"
    (ROOT / "benchmarks" / "results" / "sample_truth.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
