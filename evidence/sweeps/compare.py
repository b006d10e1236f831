"""Runs beside each other: against known figures, or by what they say of each claim."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evidence.dossier.seal import climbs
from evidence.files import written
from evidence.sweeps.sweep import BEST, FIGURES, RUNS, SUMMED, TABLE
from evidence.verdicts.outside import agreements, compare_table
from evidence.verdicts.readback import LIMIT_BYTES, read_table, read_verdicts
from imagery.errors import InputError
from imagery.textfile import read_text, short

SHOWN = ("quantity", "pairs", "unpaired", "bias", "mean_absolute", "coverage", "simulated")
"""Of each agreement."""
MOST_PANELS = 12
"""Runs that are drawn; the table holds all."""


def runs_of(paths: Sequence[Path]) -> dict[str, Path]:
    """Folders of runs by name; a sweep's folder stands for its runs, named by their settings.

    Raises:
        InputError: A folder holds no run.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if (path / TABLE).exists():
            found |= _of_sweep(path)
        elif (path / "measurements.parquet").exists():
            found[path.name if path.name not in found else str(path)] = path
        else:
            raise InputError(f"{path} holds no run and no sweep: give what `yardwatch run` or `sweep` wrote")
    return found


def _of_sweep(path: Path) -> dict[str, Path]:
    table = read_table(path / TABLE, ("run", "failed")).drop_duplicates("run")
    table = table[table["failed"] == ""]
    if odd := [run for run in table["run"] if run is None or climbs(run)]:
        raise InputError(f"{path / TABLE} names a run {short(odd[0])}: none of a sweep is called so")
    names = [name for name in table.columns if name not in ("run", "failed", "part", *SUMMED)]
    return {
        ", ".join(f"{name}={row[name]}" for name in names): path / RUNS / row["run"]
        for _, row in table.iterrows()
    }


def figures_of(paths: Sequence[Path]) -> Path | None:
    """The figures that a sweep among the paths was held against."""
    return next((path / FIGURES for path in paths if (path / FIGURES).exists()), None)


def against_figures(runs: Mapping[str, Path], figures: Path, days: float = 1.0) -> pd.DataFrame:
    """One row a run and quantity: figures paired, bias, mean absolute error, coverage of the intervals."""
    rows = []
    for name, folder in runs.items():
        for one in agreements(compare_table(folder, figures, days)):
            rows.append({"run": name, **{column: getattr(one, column) for column in SHOWN}})
    return pd.DataFrame(rows, columns=["run", *SHOWN])


def claims_apart(runs: Mapping[str, Path]) -> pd.DataFrame:
    """The verdict of each claim (rows) by run (columns), those first on which the runs disagree."""
    columns = {name: {v.claim_id: v.verdict for v in read_verdicts(folder)} for name, folder in runs.items()}
    table = pd.DataFrame(columns).fillna("not judged")
    apart = table.nunique(axis=1) > 1
    table.insert(0, "agree", np.where(apart, "no", "yes"))
    return pd.concat([table[apart], table[~apart]])


def draw(runs: Mapping[str, Path], figures: Path, quantity: str, path: Path, days: float = 1.0) -> None:
    """A panel a run: what it measured, with its interval, over what is known.

    Raises:
        InputError: No run could be held against a figure of the quantity.
    """
    tables = {name: compare_table(folder, figures, days) for name, folder in list(runs.items())[:MOST_PANELS]}
    pairs = {name: t[t["comparable"] & (t["quantity"] == quantity)] for name, t in tables.items()}
    top = max(
        (float(p[["value", "our_high"]].astype(float).max().max()) for p in pairs.values() if len(p)),
        default=0,
    )
    if not any(len(p) for p in pairs.values()):
        raise InputError(
            f"no run could be held against a figure of {quantity!r}: name another with --quantity"
        )
    across = min(3, len(pairs))
    down = math.ceil(len(pairs) / across)
    figure = Figure(figsize=(4.2 * across, 3.8 * down), layout="constrained")
    for k, (name, part) in enumerate(pairs.items()):
        panel = figure.add_subplot(down, across, k + 1)
        known = part["value"].astype(float).to_numpy()
        ours, low, high = (
            part[f"our_{which}"].to_numpy(dtype=np.float64) for which in ("value", "low", "high")
        )
        panel.plot([0, top], [0, top], color="0.7", linewidth=1)
        panel.errorbar(
            known, ours, [ours - low, high - ours], fmt="o", markersize=3, linewidth=0.7, alpha=0.7
        )
        told = f"{name}\n{len(part)} figures, error {np.abs(ours - known).mean():.1f}"
        panel.set_title(f"{told}, SIMULATED" if part["our_simulated"].any() else told, fontsize=9)
        panel.set_xlabel(f"known {quantity}")
        panel.set_ylabel("measured")
    FigureCanvasAgg(figure)
    with written(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def best_of(paths: Sequence[Path]) -> list[str]:
    """What each sweep among the paths chose, as sentences."""
    return [_best(path / BEST) for path in paths if (path / BEST).exists()]


def _best(path: Path) -> str:
    text = read_text(path, LIMIT_BYTES)
    try:
        return _said(json.loads(text))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path} is none of `yardwatch sweep` ({short(error)}): sweep again") from error


def _said(best: dict[str, object]) -> str:
    if best["best"] is None:
        return f"nothing is best: {best['why']}"
    chosen, reported = best["chosen on"], best["reported on"]
    if not isinstance(chosen, dict):
        raise TypeError("no figures")
    told = (
        f"best of {best['of_settings']}: {json.dumps(best['best'])}; mean absolute error of "
        f"{best['quantity']} {chosen['mean_absolute']:.2f} on the {chosen['pairs']} figures it was chosen on"
    )
    if not isinstance(reported, dict) or not reported["pairs"]:
        return f"{told}, which is too good: give report_on"
    return f"{told}, {reported['mean_absolute']:.2f} on {reported['pairs']} others"
