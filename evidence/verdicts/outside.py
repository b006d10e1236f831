"""Outside figures held against a run: paired differences, bias, coverage, or why there is no pair."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest, t

from evidence.tables import write_csv
from evidence.verdicts.readback import read_measurements
from evidence.verdicts.verdict import ANSWERED_BY
from imagery.errors import InputError
from imagery.textfile import read_text

LIMIT_BYTES = 2**23
"""A table of figures is far smaller."""
NEEDED = ("site", "date", "quantity", "value")
"""Columns without which nothing can be compared; all others are carried along."""
ADDED = (
    "comparable", "reason", "scene_id", "taken_at", "our_quantity", "our_method", "our_value", "our_low",
    "our_high", "difference", "holds", "our_simulated",
)  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """How a run and outside figures of one quantity agree; differences are ours minus theirs."""

    quantity: str
    """Of the outside figures."""
    pairs: int
    """Figures that could be compared."""
    unpaired: int
    """Figures that could not."""
    bias: float
    """Mean difference; NaN without pairs."""
    bias_low: float
    """Lower end of its 90 % interval (Student's t; NaN below two pairs)."""
    bias_high: float
    """Upper end."""
    mean_absolute: float
    """Mean absolute difference."""
    agreement_low: float
    """Nine in ten differences lie above this: lower limit of agreement (Bland and Altman 1986, at 90 %)."""
    agreement_high: float
    """Upper limit of agreement."""
    coverage: float
    """Share of the figures that lie in our interval."""
    coverage_low: float
    """Lower end of its 90 % interval (Wilson)."""
    coverage_high: float
    """Upper end."""
    simulated: bool
    """Whether any of our measurements is of simulated pixels."""


def compare_table(run: Path, figures: Path, days: float = 1.0) -> pd.DataFrame:
    """Pair each outside figure with what a run measured nearest to it.

    Args:
        run: Folder of a run, with ``measurements.parquet``.
        figures: CSV with the columns ``site``, ``date`` (ISO 8601), ``quantity`` and ``value``.
        days: How far a measured date may lie from a figure's.

    Returns:
        The table with the columns of ADDED; of several measurements the best quantity, then the finest
        pixels, then the nearest date is taken.

    Raises:
        InputError: A file is absent, too large or lacks a column.
    """
    outside, measured = _read(figures), read_measurements(run)
    rows = [_pair(row, measured, days) for _, row in outside.iterrows()]
    return pd.concat([outside, pd.DataFrame(rows, columns=list(ADDED), index=outside.index)], axis=1)


def agreements(table: pd.DataFrame) -> list[Agreement]:
    """One line a quantity, from a table of compare_table."""
    return [_agreement(str(name), part) for name, part in table.groupby("quantity", sort=True, dropna=False)]


def write_compared(table: pd.DataFrame, path: Path) -> None:
    """Write a compared table; no cell can run as a formula."""
    write_csv(table, path)


def _read(path: Path) -> pd.DataFrame:
    text = read_text(path, LIMIT_BYTES)
    try:
        table = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path} is no CSV table: {error}") from error
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}; it has {', '.join(table.columns)}")
    taken = [name for name in ADDED if name in table.columns]
    if taken:
        raise InputError(f"{path} already has the columns {', '.join(taken)}: rename them")
    return table


def _pair(row: pd.Series, measured: pd.DataFrame, days: float) -> tuple[object, ...]:
    def without(reason: str) -> tuple[object, ...]:
        return (False, reason, *("" for _ in range(4)), *(math.nan for _ in range(4)), None, False)

    value = pd.to_numeric(row["value"], errors="coerce")
    if not np.isfinite(value):
        return without(f"value {row['value']!r} is no number")
    date = pd.to_datetime(row["date"], utc=True, errors="coerce", format="ISO8601")
    if pd.isna(date):
        return without(f"date {row['date']!r} is not written as 2023-10-05")
    here = measured[measured["site"] == row["site"]]
    if here.empty:
        return without(f"no image of {row['site']!r} was measured")
    wanted = ANSWERED_BY.get(row["quantity"], (row["quantity"],))
    of = here[here["quantity"].isin(wanted)]
    if of.empty:
        return without(f"this run does not measure {row['quantity']!r}")
    whole_day = len(row["date"]) <= 10
    times = of["taken_at"].dt.floor("D") if whole_day else of["taken_at"]
    apart = (times - date).abs() / pd.Timedelta(days=1)
    near = of[apart <= days]
    if near.empty:
        return without(f"the nearest measured date lies {apart.min():.0f} days away")
    rank = near["quantity"].map(wanted.index)
    best = near.loc[
        pd.DataFrame({"rank": rank, "gsd": near["gsd_m"], "apart": apart[near.index]})
        .sort_values(["rank", "gsd", "apart"], kind="stable")
        .index[0]
    ]
    return (
        True, "", best["scene_id"], best["taken_at"].strftime("%Y-%m-%dT%H:%M:%SZ"), best["quantity"],
        best["method"], best["value"], best["low"], best["high"], best["value"] - value,
        bool(best["low"] <= value <= best["high"]), bool(best["simulated"]),
    )  # fmt: skip


def _agreement(quantity: str, part: pd.DataFrame) -> Agreement:
    pairs = part[part["comparable"]]
    apart = pairs["difference"].to_numpy(dtype=np.float64)
    n, held = len(apart), int(pairs["holds"].astype(bool).sum())
    nan = math.nan
    bias, absolute = (float(apart.mean()), float(np.abs(apart).mean())) if n else (nan, nan)
    error = limit = nan
    if n >= 2:
        spread = float(apart.std(ddof=1))
        factor = float(t.ppf(0.95, n - 1))
        error, limit = factor * spread / math.sqrt(n), factor * spread * math.sqrt(1 + 1 / n)
    share = binomtest(held, n).proportion_ci(0.9, "wilson") if n else None
    return Agreement(
        quantity, n, len(part) - n, bias, bias - error, bias + error, absolute, bias - limit, bias + limit,
        held / n if n else nan, share.low if share else nan, share.high if share else nan,
        bool(pairs["our_simulated"].any()),
    )  # fmt: skip


def told(agreement: Sequence[Agreement]) -> Iterator[str]:
    """Each agreement as a sentence."""
    for one in agreement:
        if not one.pairs:
            yield f"{one.quantity}: none of {one.unpaired} figures can be compared"
            continue
        interval = f" ({one.bias_low:+.1f} to {one.bias_high:+.1f})" if one.pairs > 1 else ""
        yield (
            f"{one.quantity}: {one.pairs} of {one.pairs + one.unpaired} figures compared; ours minus theirs "
            f"{one.bias:+.1f}{interval} on average, {one.mean_absolute:.1f} in size; our interval holds "
            f"{one.coverage:.0%} ({one.coverage_low:.0%} to {one.coverage_high:.0%})"
            f"{'; SIMULATED pixels' if one.simulated else ''}"
        )
