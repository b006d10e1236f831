"""A million detections written, beside geopandas on the same arrays in one go."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks.scale_rows.measure import Row, cpu_seconds
from evidence.boxes import BOX_COLUMNS, write_boxes
from evidence.ledger import Outcome
from models.detections import Detections, footprints, headings_deg
from models.measurement import Measurement

SCENES, EACH = 1_000, 1_000
GRID = GeoBox((20_000, 20_000), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
ONE = Measurement("railcars", 1.0, 0.0, 2.0, 0.9, "railcars", "strips", 1.0)


def outcomes(scenes: int = SCENES, each: int = EACH) -> list[Outcome]:
    """SIMULATED boxes."""
    rng = np.random.default_rng(1)
    low, high = [0, 0, 20, 5, -90], [20_000, 20_000, 50, 7, 90]
    made = []
    for k in range(scenes):
        found = Detections(
            GRID,
            rng.uniform(low, high, (each, 5)),
            rng.random(each),
            tuple(rng.choice(["gondola", "boxcar", "other"], each)),
            tuple(rng.choice(["none", "blue"], each)),
        )
        taken = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=k)
        made.append(
            Outcome(f"scene-{k}", "yard", "rgb", taken, 0.5, True, measurements=(ONE,), detections=found)
        )
    return made


def with_geopandas(found: Sequence[Outcome], stem: Path) -> None:
    """The same two files as geopandas is meant to be used: whole columns, then its own writers."""
    parts = []
    for one in found:
        boxes = one.detections
        assert boxes is not None
        columns = {
            "site": one.site,
            "scene_id": one.scene_id,
            "taken_at": one.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ") if one.taken_at else None,
            "score": boxes.scores,
            "kind": boxes.kinds,
            "tarp": boxes.tarps,
            "length_m": boxes.boxes[:, 2] * boxes.gsd_m,
            "width_m": boxes.boxes[:, 3] * boxes.gsd_m,
            "heading_deg": headings_deg(boxes),
            **dict(zip(BOX_COLUMNS, boxes.boxes.T, strict=True)),
            "simulated": one.simulated,
        }
        parts.append(gpd.GeoDataFrame(columns, geometry=footprints(boxes), crs=4326))
    table = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=4326)
    table.to_parquet(stem.with_suffix(".parquet"), index=False)
    table.to_file(stem.with_suffix(".geojson"), driver="GeoJSON", engine="pyogrio")


def rows() -> Iterator[Row]:
    """CPU seconds of GeoParquet and GeoJSON."""
    scenes = int(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else SCENES
    found = outcomes(scenes)
    spent = {}
    with tempfile.TemporaryDirectory() as where:
        for name, write in (("ours", write_boxes), ("geopandas", with_geopandas)):
            begun = cpu_seconds()
            write(found, Path(where, name))
            spent[name] = cpu_seconds() - begun
        ours, theirs = (gpd.read_parquet(Path(where, f"{name}.parquet")) for name in spent)
    same = "equal" if ours.equals(theirs) else "NOT equal"
    data = f"SIMULATED, {scenes * EACH:,} boxes, GeoParquet and GeoJSON; the tables are {same}"
    for name, seconds in spent.items():
        yield Row(f"detections written, {name}", seconds, "CPU s", data)
    yield Row(
        "detections written, geopandas over ours", spent["geopandas"] / spent["ours"], "", data, at_least=3.0
    )


if __name__ == "__main__":
    for row in rows():
        print(row)
