"""What coarse dates show beside metres of track: covers by yard and track, and radar beside optical."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evidence.ledger import Outcome
from evidence.tables import utc_text, write_csv
from models.measurement import Measurement

COVER_COLUMNS = (
    "site", "scene_id", "taken_at", "area", "colour", "area_m2", "low_m2", "high_m2", "limit_m2",
    "visible_share", "simulated",
)  # fmt: skip
PAIR_COLUMNS = (
    "site", "scene_id", "taken_at", "radar_scene_id", "days_apart", "quantity", "method",
    "optical", "optical_low", "optical_high", "radar", "radar_low", "radar_high", "agree",
    "fused", "fused_low", "fused_high", "simulated",
)  # fmt: skip


def write_coarse(outcomes: Sequence[Outcome], out: Path) -> None:
    """Write ``covers.csv`` and ``radar.csv`` into ``out``, each where a date has something to say."""
    tables = (("covers.csv", COVER_COLUMNS, cover_rows), ("radar.csv", PAIR_COLUMNS, pair_rows))
    for name, columns, rows_of in tables:
        if rows := rows_of(outcomes):
            write_csv(pd.DataFrame(rows, columns=list(columns)), out / name)


def cover_rows(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """One row a date, yard or track, and colour, in the order of COVER_COLUMNS."""
    return [
        (
            o.site, o.scene_id, utc_text(o.taken_at), c.area, c.colour, c.area_m2, c.low_m2, c.high_m2,
            c.limit_m2, c.visible_share, o.simulated,
        )
        for o in outcomes
        for c in o.covers
    ]  # fmt: skip


def pair_rows(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """One row an optical reading with a radar date near it, in the order of PAIR_COLUMNS."""
    return [
        (
            o.site, o.scene_id, utc_text(o.taken_at), pair.radar_scene, pair.apart.total_seconds() / 86_400,
            pair.optical.quantity, pair.optical.method, *_ends(pair.optical), *_ends(pair.radar),
            pair.fused is not None, *_ends(pair.fused), o.simulated,
        )
        for o in outcomes
        for pair in o.pairs
    ]  # fmt: skip


def _ends(one: Measurement | None) -> tuple[float | None, ...]:
    return (None, None, None) if one is None else (one.value, one.low, one.high)
