"""The run's tables, the same for every command: Parquet, GeoParquet, CSV and GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely import Polygon

from evidence.boxes import BOX_COLUMNS as BOX_COLUMNS
from evidence.boxes import DETECTION_COLUMNS as DETECTION_COLUMNS
from evidence.boxes import write_boxes
from evidence.files import plain_cell, written
from evidence.ledger import Outcome
from evidence.moments import utc_text as utc_text
from evidence.verdicts.verdict import Verdict

MEASUREMENT_COLUMNS = (
    "site", "scene_id", "taken_at", "sensor", "gsd_m", "quantity", "value", "low", "high", "level", "unit",
    "method", "visible_share", "gate", "cross_check", "simulated",
)  # fmt: skip
SKIP_COLUMNS = ("site", "scene_id", "taken_at", "reason", "detail")
ALIGN_COLUMNS = (
    "site", "scene_id", "taken_at", "accepted", "dx_px", "dy_px", "dx_m", "dy_m", "residual_before",
    "residual_after", "doubt_px", "reason", "given_back_px",
)  # fmt: skip
GOODS_COLUMNS = (
    "site", "scene_id", "taken_at", "kind", "area", "area_m2", "length_m", "height_m", "height_low_m",
    "height_high_m", "reason", "simulated",
)  # fmt: skip


def write_tables(outcomes: Sequence[Outcome], out: Path) -> None:
    """Write measurements, detections and skips into ``out``, each file whole or not at all."""
    measurements = pd.DataFrame(measurement_rows(outcomes), columns=list(MEASUREMENT_COLUMNS))
    measurements = measurements.astype(
        {"value": float, "low": float, "high": float, "gsd_m": float, "cross_check": float}
    )
    with written(out / "measurements.parquet") as path:
        measurements.to_parquet(path, index=False)
    write_csv(measurements, out / "measurements.csv")
    write_csv(pd.DataFrame(skip_rows(outcomes), columns=list(SKIP_COLUMNS)), out / "skips.csv")
    write_csv(pd.DataFrame(align_rows(outcomes), columns=list(ALIGN_COLUMNS)), out / "align.csv")
    write_boxes(outcomes, out / "detections")
    _write_goods(outcomes, out)


def write_verdicts(verdicts: Sequence[Verdict], out: Path) -> None:
    """Write ``verdicts.json`` and ``verdicts.csv`` into ``out``; scene ids of the table are one a line."""
    rows = [asdict(verdict) for verdict in verdicts]
    with written(out / "verdicts.json") as path:
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    table = pd.DataFrame(rows, columns=[field.name for field in fields(Verdict)])
    write_csv(table.assign(scene_ids=table["scene_ids"].map("\n".join)), out / "verdicts.csv")


def measurement_rows(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """One row a measurement, in the order of MEASUREMENT_COLUMNS."""
    return [
        (
            o.site, o.scene_id, utc_text(o.taken_at), o.sensor, o.gsd_m, m.quantity, m.value, m.low, m.high,
            m.level, m.unit, m.method, m.visible_share, m.gate, m.cross_check, o.simulated,
        )
        for o in outcomes
        for m in o.measurements
    ]  # fmt: skip


def skip_rows(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """One row a scene that was not measured, in the order of SKIP_COLUMNS."""
    return [
        (o.site, o.scene_id, utc_text(o.taken_at), o.skip.reason, o.skip.detail)
        for o in outcomes
        if o.skip is not None
    ]


def align_rows(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """One row a coarse image that was held against other dates, in the order of ALIGN_COLUMNS."""
    return [
        (
            o.site, o.scene_id, utc_text(o.taken_at), s.accepted, s.dx_px, s.dy_px, s.dx_px * (o.gsd_m or 0),
            s.dy_px * (o.gsd_m or 0), s.residual_before, s.residual_after, s.doubt_px, s.reason,
            o.given_back_px,
        )
        for o in outcomes
        if (s := o.shift) is not None
    ]  # fmt: skip


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all; no cell of text can run as a formula."""
    text = table.select_dtypes(exclude=["number", "bool"]).columns
    safe = table.assign(**{name: table[name].map(plain_cell) for name in text}).rename(columns=plain_cell)
    with written(path) as temporary:
        safe.to_csv(temporary, index=False, lineterminator="\n")


def _write_goods(outcomes: Iterable[Outcome], out: Path) -> None:
    """Outlines of stacks and ships; a height that is not known stays empty, with the reason beside it."""
    rows, shapes = [], []
    for o in outcomes:
        for g in o.goods:
            shapes.append(Polygon(g.ring))
            rows.append(
                (
                    o.site, o.scene_id, utc_text(o.taken_at), g.kind, g.area, g.area_m2, g.length_m,
                    g.height_m, g.height_low_m, g.height_high_m, g.reason, o.simulated,
                )
            )  # fmt: skip
    plain = pd.DataFrame(rows, columns=list(GOODS_COLUMNS))
    heights = {name: float for name in GOODS_COLUMNS if name.endswith("_m")}
    table = gpd.GeoDataFrame(plain.astype(heights), geometry=gpd.GeoSeries(shapes, crs="EPSG:4326"))
    _write_shapes(table, out / "goods")


def _write_shapes(table: gpd.GeoDataFrame, stem: Path) -> None:
    """A table with geometry as GeoParquet and as GeoJSON."""
    with written(stem.with_suffix(".parquet")) as path:
        table.to_parquet(path, index=False)
    text = table.to_json(drop_id=True) if len(table) else _EMPTY_GEOJSON
    with written(stem.with_suffix(".geojson")) as path:
        path.write_text(text + "\n", encoding="utf-8")


_EMPTY_GEOJSON = '{"type": "FeatureCollection", "features": []}'
