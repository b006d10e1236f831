"""Trains found one by one in images of 2 to 5 m, as GeoParquet and GeoJSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from evidence.files import written
from evidence.ledger import Outcome
from evidence.tables import utc_text

TRAIN_COLUMNS = (
    "site", "scene_id", "taken_at", "track", "start_m", "end_m", "length_m", "low_m", "high_m", "colour",
    "bridged_m", "simulated",
)  # fmt: skip


def write_trains(outcomes: Sequence[Outcome], out: Path) -> None:
    """Write ``trains.parquet`` and ``trains.geojson`` into ``out`` where trains were found.

    Trains in images without a map position are left out where others have one: their pixels have no CRS.
    """
    found = [o for o in outcomes if o.trains]
    placed = [o for o in found if o.trains[0].placed]
    kept = placed or found
    if not kept:
        return
    lines = [shapely.LineString(train.line) for o in kept for train in o.trains]
    geometry = gpd.GeoSeries(lines, crs="EPSG:4326" if placed else None)
    table = gpd.GeoDataFrame(pd.DataFrame(train_rows(kept), columns=list(TRAIN_COLUMNS)), geometry=geometry)
    with written(out / "trains.parquet") as path:
        table.to_parquet(path, index=False)
    with written(out / "trains.geojson") as path:
        path.write_text(table.to_json(drop_id=True) + "\n", encoding="utf-8")


def train_rows(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """One row a train, in the order of TRAIN_COLUMNS."""
    return [
        (
            o.site, o.scene_id, utc_text(o.taken_at), train.track, train.start_m, train.end_m, train.length_m,
            train.low_m, train.high_m, train.colour, train.bridged_m, o.simulated,
        )
        for o in outcomes
        for train in o.trains
    ]  # fmt: skip
