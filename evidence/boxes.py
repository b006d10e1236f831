"""Every box of a run as GeoParquet and GeoJSON, many at a time, so that a million take seconds.

GeoPandas builds an object for each box on its way to GeoJSON; here whole columns are turned into text. What
is written reads the same: GeoParquet 1.0.0 (geometry as WKB) and RFC 7946.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
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
BETWEEN = ", "
BATCH = 50_000
"""Boxes that are turned into text together."""
Arrays = NDArray[Any]


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
        shapes.open("wb") as text,
    ):
        text.write(b'{"type": "FeatureCollection", "features": [')
        between = 0
        for columns, polygons in _batches(counted, placed):
            rows.write_table(pa.table([*columns, pa.array(shapely.to_wkb(polygons))], schema=schema))
            text.write(_features(columns, polygons)[len(BETWEEN) - between :])
            between = len(BETWEEN)
        text.write(b"]}\n")


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
) -> Iterator[tuple[list[pa.Array], Arrays]]:
    parts: list[tuple[list[pa.Array], Arrays]] = []
    size = 0
    for outcome, found in counted:
        here = found.grid.crs is not None or not placed
        polygons = footprints(found) if here else np.full(len(found), None, dtype=object)
        parts.append((_columns(outcome, found), polygons))
        size += len(found)
        if size >= BATCH:
            yield from _joined(parts)
            parts, size = [], 0
    if parts:
        yield from _joined(parts)


def _joined(parts: Sequence[tuple[list[pa.Array], Arrays]]) -> Iterator[tuple[list[pa.Array], Arrays]]:
    columns = [pa.concat_arrays(same) for same in zip(*(columns for columns, _ in parts), strict=True)]
    polygons = np.concatenate([polygons for _, polygons in parts])
    for start in range(0, len(polygons), BATCH):  # one scene may hold more than texts have room for
        yield [column.slice(start, BATCH) for column in columns], polygons[start : start + BATCH]


def _columns(outcome: Outcome, found: Detections) -> list[pa.Array]:
    """One array a column of DETECTION_COLUMNS; what is no number is null."""
    n, gsd = len(found), found.gsd_m
    values: dict[str, Any] = {
        "site": [outcome.site] * n,
        "scene_id": [outcome.scene_id] * n,
        "taken_at": [utc_text(outcome.taken_at)] * n,
        "score": found.scores,
        "kind": found.kinds,
        "tarp": found.tarps,
        "length_m": found.boxes[:, 2] * gsd,
        "width_m": found.boxes[:, 3] * gsd,
        "heading_deg": headings_deg(found),
        **dict(zip(BOX_COLUMNS, np.ascontiguousarray(found.boxes.T), strict=True)),
        "simulated": [outcome.simulated] * n,
    }
    return [
        pa.array(values[name], _KINDS.get(name, pa.float64()), from_pandas=True) for name in DETECTION_COLUMNS
    ]


def _features(columns: Sequence[pa.Array], polygons: Arrays) -> memoryview:
    """Features in GeoJSON, one after the other, BETWEEN before each."""
    pieces: list[Any] = []
    head = f'{BETWEEN}{{"type": "Feature", "properties": {{'
    for name, column in zip(DETECTION_COLUMNS, columns, strict=True):
        pieces += [f'{head}"{name}": ', _texts(column)]
        head = ", "
    shapes = pc.fill_null(pa.array(shapely.to_geojson(polygons), pa.string()), "null")
    whole = pc.binary_join_element_wise(*pieces, '}, "geometry": ', shapes, "}", "")
    return memoryview(whole.buffers()[2])


def _texts(column: pa.Array) -> pa.Array:
    """Each value as JSON."""
    if not pa.types.is_string(column.type):
        return pc.fill_null(column.cast(pa.string()), "null")
    known = column.dictionary_encode(null_encoding="encode")
    return pa.array([json.dumps(text) for text in known.dictionary.to_pylist()]).take(known.indices)
