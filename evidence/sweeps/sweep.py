"""A sweep: its runs, each made once, and one table of how each agrees with what is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evidence.config import RunConfig
from evidence.dossier.seal import DOSSIER
from evidence.execute.executor import Executor
from evidence.execute.local import LOCAL
from evidence.files import code_digest, written
from evidence.run import run
from evidence.sweeps.plan import Setting, SweepConfig, config_of, settings
from evidence.tables import write_csv
from evidence.verdicts.outside import agreements, compare_table
from imagery.errors import ConfigError, InputError, YardwatchError
from imagery.sources.folders.walk import walk
from imagery.textfile import read_text

RUNS = "runs"
FIGURES = "figures.csv"
TABLE = "sweep.parquet"
BEST = "best.json"
SUMMED = ("quantity", "pairs", "bias", "mean_absolute", "coverage", "simulated")
"""Columns of the table that sum up an agreement."""
CHOSEN_ON, REPORTED_ON = "chosen on", "reported on"
LEAST_PAIRED = 0.9
"""A setting that pairs fewer figures than this share of the most that any pairs is never the best: it may
have left out the hard ones."""
MAX_TRUTH_BYTES = 2**28
_TRUTH = ("railcars", "occupied_track_m")


@dataclass(frozen=True)
class Tried:
    """One setting and where its run lies."""

    setting: Setting
    """Values by dotted path."""
    key: str
    """Names the run's folder: changes with the config, the code and the inputs."""
    folder: Path
    """Of the run."""
    failed: str = ""
    """Why there is no run; empty where there is."""


def sweep(
    plan: SweepConfig, out: Path, executor: Executor = LOCAL, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """Make every run that is not there yet, then hold all of them against the figures.

    Runs share what they have seen (``.finished``), so settings that do not change what is seen in a scene
    cost no second look.

    Args:
        plan: What to try.
        out: Folder of the sweep; runs lie in ``runs/``, the table in ``sweep.parquet``.
        executor: Looks at scenes.
        say: Told of each run.

    Returns:
        The table: a row a run, part of the figures and quantity; without figures a row a run.

    Raises:
        YardwatchError: The sweep itself makes no sense; a run that fails is a row that says why.
    """
    figures = _figures(plan, out)
    # All are checked before the first is made.
    planned = [(setting, config_of(plan, setting)) for setting in settings(plan)]
    tried = []
    for number, (setting, config) in enumerate(planned, 1):
        one = _made(setting, config, out, executor)
        said = one.failed or one.key
        say(f"{number} of {len(planned)}: {_words(setting)}: {said}")
        tried.append(one)
    table = results(plan, tried, figures, out / FIGURES)
    with written(out / TABLE) as path:
        table.to_parquet(path, index=False)
    with written(out / BEST) as path:
        path.write_text(json.dumps(best(plan, table, tried), indent=1) + "\n", encoding="utf-8")
    return table


def _made(setting: Setting, config: RunConfig, out: Path, executor: Executor) -> Tried:
    try:
        key = _key(config)
        folder = out / RUNS / key
        if not (folder / DOSSIER).is_dir():
            run(
                config,
                folder,
                f"yardwatch sweep: {_words(setting)}",
                executor=executor,
                finished=out / ".finished",
            )
    except YardwatchError as error:
        return Tried(setting, "", out, str(error))
    return Tried(setting, key, folder)


def _key(config: RunConfig) -> str:
    """Of config, code, and name, size and time of change of each input: reading them all takes too long."""
    digest = hashlib.sha256(f"{config.digest()}\n{code_digest()}\n".encode())
    single = [path for path in (config.tracks, config.adapted) if path]
    for found in walk([*config.tiles, *config.sites, *config.claims, *single], []):
        about = found.path.stat()
        digest.update(f"{found.path}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _words(setting: Setting) -> str:
    return ", ".join(f"{path}={json.dumps(value)}" for path, value in setting.items())


def _figures(plan: SweepConfig, out: Path) -> pd.DataFrame | None:
    """What is known, written to the sweep's folder; its parts share no row."""
    if plan.figures is None:
        return None
    if plan.figures.suffix == ".json":
        table = _painted(plan.figures)
    else:
        try:
            table = pd.read_csv(plan.figures, dtype=str, keep_default_na=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{plan.figures} is no CSV table of figures: {error}") from error
    if not {"site", "date"} <= set(table.columns):
        raise InputError(f"{plan.figures} lacks the columns site and date; it has {', '.join(table.columns)}")
    if plan.report_on is not None and (both := plan.choose_on.of(table) & plan.report_on.of(table)).any():
        raise ConfigError(
            f"{int(both.sum())} figures are both chosen and reported on, such as that of "
            f"{table[both]['date'].iloc[0]}; keep them apart: the error of a winner on what it was chosen on "
            "is too small"
        )
    write_csv(table, out / FIGURES)
    return table


def _painted(path: Path) -> pd.DataFrame:
    """The truth of simulated tiles as figures, one a scene and quantity."""
    try:
        scenes = json.loads(read_text(path, MAX_TRUTH_BYTES))["scenes"]
        rows = [
            (scene["site"], scene["day"], quantity, str(scene[quantity]))
            for scene in scenes
            for quantity in _TRUTH
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no truth of simulated tiles ({error!r})") from error
    return pd.DataFrame(rows, columns=["site", "date", "quantity", "value"]).drop_duplicates()


def results(
    plan: SweepConfig, tried: Sequence[Tried], figures: pd.DataFrame | None, file: Path
) -> pd.DataFrame:
    """One row a run, part and quantity: how many figures could be paired, bias, error, coverage."""
    rows: list[dict[str, object]] = []
    for one in tried:
        base: dict[str, object] = {"run": one.key, "failed": one.failed}
        base |= {path: json.dumps(value) for path, value in one.setting.items()}
        if figures is None or one.failed:
            rows.append(base)
            continue
        table = compare_table(one.folder, file, plan.days)
        parts = {CHOSEN_ON: plan.choose_on} | ({REPORTED_ON: plan.report_on} if plan.report_on else {})
        for name, part in parts.items():
            for agreed in agreements(table[part.of(table)]):
                rows.append(base | {"part": name} | {column: getattr(agreed, column) for column in SUMMED})
    return pd.DataFrame(rows)


def best(plan: SweepConfig, table: pd.DataFrame, tried: Sequence[Tried]) -> dict[str, object]:
    """The setting with the smallest error on the part that is chosen on, and its error on the other part.

    The first of equals wins. Without figures nothing is best: what supports most claims is not what is right.
    """
    if "part" not in table:
        return {"best": None, "why": "no figures were given, or no run could be held against them"}
    of = table[table["quantity"] == plan.quantity]
    chosen = of[of["part"] == CHOSEN_ON]
    able = chosen[(chosen["pairs"] > 0) & (chosen["pairs"] >= LEAST_PAIRED * chosen["pairs"].max())]
    if able.empty:
        return {"best": None, "why": f"no run could be held against a figure of {plan.quantity!r}"}
    won = able.loc[able["mean_absolute"].idxmin()]
    reported = of[(of["run"] == won["run"]) & (of["part"] == REPORTED_ON)]
    setting = next(one.setting for one in tried if one.key == won["run"])
    return {
        "best": setting,
        "run": won["run"],
        "of_settings": int(chosen["run"].nunique()),
        "quantity": plan.quantity,
        CHOSEN_ON: _told(won),
        REPORTED_ON: _told(reported.iloc[0]) if len(reported) else None,
    }


def _told(row: pd.Series) -> dict[str, float | int | None]:
    numbers = {name: float(row[name]) for name in ("bias", "mean_absolute", "coverage")}
    return {"pairs": int(row["pairs"])} | {k: v if np.isfinite(v) else None for k, v in numbers.items()}
