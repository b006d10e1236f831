"""Every box of a run as GeoParquet and GeoJSON, many at a time, so that a million take seconds.

GeoPandas builds an object for each box on its way to GeoJSON; here whole columns are turned into text. What
is written reads the same: GeoParquet 1.0.0 (geometry as WKB) and RFC 7946.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from evidence.files import written
from evidence.ledger import Outcome
from evidence.moments import utc_text
from models.detections import Detections, footprints, headings_deg

BOX_COLUMNS = ("cx_px", "cy_px", "length_px", "width_px", "angle_deg")
DETECTION_COLUMNS = (
    "site", "scene_id", "taken_at", "score", "kind", "tarp", "length_m", "width_m", "heading_deg",
    *BOX_COLUMNS, "simulated",
)  # fmt: skip
_TEXT = ("site", "scene_id", "taken_at", "kind", "tarp")
_KINDS = {name: pa.string() for name in _TEXT} | {"simulated": pa.bool_()}
BATCH = 50_000
"""Boxes that are turned into text together."""
Columns = dict[str, list[Any]]


def write_boxes(outcomes: Sequence[Outcome], stem: Path) -> None:
    """Write every box beside ``stem``, as ``.parquet`` and ``.geojson``, each whole or not at all.

    Positions are in longitude and latitude. Pixels of unplaced images have no CRS: where no image is placed
    the table has none; among placed ones their geometry stays empty rather than wrong.

    Args:
        outcomes: End states of a run.
        stem: Path without an ending.
    """
    counted = [(o, o.detections) for o in outcomes if o.detections is not None and len(o.detections)]
    placed = not counted or any(found.grid.crs is not None for _, found in counted)
    schema = _schema(placed)
    with (
        written(stem.with_suffix(".parquet")) as table,
        written(stem.with_suffix(".geojson")) as shapes,
        pq.ParquetWriter(table, schema, compression="snappy") as rows,
        shapes.open("w", encoding="utf-8") as text,
    ):
        text.write('{"type": "FeatureCollection", "features": [')
        between = ""
        for columns, polygons in _batches(counted, placed):
            rows.write_table(pa.table({**columns, "geometry": shapely.to_wkb(polygons)}, schema))
            text.write(between + ", ".join(_features(columns, polygons)))
            between = ", "
        text.write("]}\n")


def _schema(placed: bool) -> pa.Schema:
    column = {
        "encoding": "WKB",
        "geometry_types": ["Polygon"],
        "crs": CRS("EPSG:4326").to_json_dict() if placed else None,
    }
    geo = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
    fields = [pa.field(name, _KINDS.get(name, pa.float64())) for name in DETECTION_COLUMNS]
    return pa.schema([*fields, pa.field("geometry", pa.binary())], {"geo": json.dumps(geo)})


def _batches(
    counted: Iterable[tuple[Outcome, Detections]], placed: bool
) -> Iterator[tuple[Columns, np.ndarray[Any, Any]]]:
    columns: Columns = {name: [] for name in DETECTION_COLUMNS}
    polygons: list[Any] = []
    for outcome, found in counted:
        _add(columns, outcome, found)
        here = found.grid.crs is not None or not placed
        polygons.extend(footprints(found) if here else [None] * len(found))
        if len(polygons) >= BATCH:
            yield columns, np.array(polygons, dtype=object)
            columns, polygons = {name: [] for name in DETECTION_COLUMNS}, []
    if polygons:
        yield columns, np.array(polygons, dtype=object)


def _add(columns: Columns, outcome: Outcome, found: Detections) -> None:
    n, gsd = len(found), found.gsd_m
    same = {
        "site": outcome.site,
        "scene_id": outcome.scene_id,
        "taken_at": utc_text(outcome.taken_at),
        "simulated": outcome.simulated,
    }
    for name, value in same.items():
        columns[name].extend([value] * n)
    numbers = {
        "score": found.scores,
        "length_m": found.boxes[:, 2] * gsd,
        "width_m": found.boxes[:, 3] * gsd,
        "heading_deg": headings_deg(found),
        **dict(zip(BOX_COLUMNS, found.boxes.T, strict=True)),
    }
    for name, values in numbers.items():
        columns[name].extend(values.tolist())
    columns["kind"].extend(found.kinds)
    columns["tarp"].extend(found.tarps)


def _features(columns: Columns, polygons: np.ndarray[Any, Any]) -> Iterator[str]:
    keys = ", ".join(f'"{name}": %s' for name in columns)
    feature = f'{{"type": "Feature", "properties": {{{keys}}}, "geometry": %s}}'
    shapes = [shape or "null" for shape in shapely.to_geojson(polygons)]
    return (feature % row for row in zip(*map(_texts, columns.values()), shapes, strict=True))


def _texts(values: list[Any]) -> list[str]:
    """Each value as JSON; what is no number is null."""
    if isinstance(values[0], float):
        return [repr(value) if math.isfinite(value) else "null" for value in values]
    known = {value: json.dumps(value) for value in set(values)}
    return [known[value] for value in values]
