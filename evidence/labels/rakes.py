"""Rakes known again from one date of a site to the next, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from evidence.ledger import Outcome
from evidence.tables import write_csv
from models.wagons.rakes import match_rakes

RAKE_COLUMNS = ("site", "scene_from", "scene_to", "wagons", "odds", "moved_m")


def rake_rows(outcomes: Sequence[Outcome]) -> list[tuple[Any, ...]] | None:
    """One row a rake that is more likely than not known again on the next date of its site.

    Args:
        outcomes: Every scene's end state.

    Returns:
        In the order of RAKE_COLUMNS; None where no site has two dates that were counted wagon by wagon.
    """
    sites: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.site and outcome.detections is not None and outcome.taken_at is not None:
            sites[outcome.site].append(outcome)
    rows: list[tuple[Any, ...]] = []
    followed = False
    for site, dates in sorted(sites.items()):
        dates.sort(key=lambda one: (one.taken_at, one.scene_id))
        for before, after in pairwise(dates):
            followed = True
            assert before.detections is not None
            assert after.detections is not None
            for match in match_rakes(before.detections, after.detections):
                row = (len(match), round(match.odds, 1), round(match.moved_m, 1))
                rows.append((site, before.scene_id, after.scene_id, *row))
    return rows if followed else None


def write_rakes(outcomes: Sequence[Outcome], out: Path) -> None:
    """Write ``rakes.csv`` into ``out`` where a site has two dates that were counted wagon by wagon."""
    rows = rake_rows(outcomes)
    if rows is not None:
        write_csv(pd.DataFrame(rows, columns=list(RAKE_COLUMNS)), out / "rakes.csv")
