"""Every box in two files: what geopandas reads is what was found."""

import json
import math
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from evidence import boxes as room
from evidence.boxes import DETECTION_COLUMNS, write_boxes
from evidence.ledger import Outcome
from imagery.grid import local_grid
from models.detections import Detections, footprints, headings_deg
from models.measurement import Measurement

PLACED = GeoBox((300, 400), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
LOOSE = local_grid(300, 400, 0.5)
ONE = Measurement("railcars", 1.0, 0.0, 2.0, 0.9, "railcars", "m", 1.0)


def outcome(name, grid, count, seed=0, taken=datetime(2023, 9, 1, 2, 3, 4, tzinfo=UTC)):
    rng = np.random.default_rng(seed)
    low, high = [0, 0, 10, 4, -90], [400, 300, 60, 8, 90]
    found = Detections(
        grid,
        rng.uniform(low, high, (count, 5)),
        rng.random(count),
        tuple(rng.choice(["gondola", "other"], count)),
        tuple(rng.choice(["none", "blue"], count)),
    )
    return Outcome(name, 'si"te', "rgb", taken, 0.5, True, measurements=(ONE,), detections=found)


def by_geopandas(outcomes):
    """The same table, made a box at a time."""
    rows, shapes = [], []
    for one in outcomes:
        found = one.detections
        shapes.extend(footprints(found))
        for i, box in enumerate(found.boxes):
            taken = one.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ") if one.taken_at else None
            rows.append(
                (one.site, one.scene_id, taken, found.scores[i], found.kinds[i], found.tarps[i],
                 box[2] * found.gsd_m, box[3] * found.gsd_m, headings_deg(found)[i], *box, one.simulated)
            )  # fmt: skip
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=list(DETECTION_COLUMNS)), geometry=shapes)


@pytest.mark.parametrize("grid", [PLACED, LOOSE])
@pytest.mark.parametrize("batch", [3, 50_000])
def test_both_files_hold_every_box(tmp_path, monkeypatch, grid, batch):
    monkeypatch.setattr(room, "BATCH", batch)
    outcomes = [outcome("a", grid, 4), outcome("b", grid, 2, 1, None), outcome("c", grid, 1, 2)]
    write_boxes(outcomes, tmp_path / "detections")
    expected = by_geopandas(outcomes)
    table = gpd.read_parquet(tmp_path / "detections.parquet")
    assert (table.crs is None) == (grid is LOOSE)
    pd.testing.assert_frame_equal(
        pd.DataFrame(table.drop(columns="geometry")), pd.DataFrame(expected.drop(columns="geometry")),
        check_dtype=False,
    )  # fmt: skip
    assert table.geometry.geom_equals_exact(expected.geometry.set_crs(table.crs), 0).all()
    features = json.loads((tmp_path / "detections.geojson").read_text())["features"]
    for feature, row in zip(features, expected.itertuples(), strict=True):
        for name, value in feature["properties"].items():
            given_ = getattr(row, name)
            missing = given_ is None or (isinstance(given_, float) and math.isnan(given_))
            assert value is None if missing else value == given_
        assert shapely.from_geojson(json.dumps(feature["geometry"])).equals_exact(row.geometry, 1e-12)


def test_nothing_found_is_two_empty_files(tmp_path):
    write_boxes([], tmp_path / "detections")
    table = gpd.read_parquet(tmp_path / "detections.parquet")
    assert len(table) == 0
    assert tuple(table.columns) == (*DETECTION_COLUMNS, "geometry")
    assert json.loads((tmp_path / "detections.geojson").read_text())["features"] == []


def test_among_placed_images_a_loose_one_has_no_geometry(tmp_path):
    write_boxes([outcome("a", PLACED, 2), outcome("b", LOOSE, 1)], tmp_path / "detections")
    table = gpd.read_parquet(tmp_path / "detections.parquet")
    assert table.crs.to_epsg() == 4326
    assert table.geometry.isna().tolist() == [False, False, True]
    features = json.loads((tmp_path / "detections.geojson").read_text())["features"]
    assert [feature["geometry"] is None for feature in features] == [False, False, True]


@given(st.text(min_size=1))
def test_any_name_survives(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("names")
    write_boxes([outcome(name, PLACED, 1)], folder / "detections")
    (feature,) = json.loads((folder / "detections.geojson").read_text(encoding="utf-8"))["features"]
    assert feature["properties"]["scene_id"] == name
    assert gpd.read_parquet(folder / "detections.parquet").scene_id.tolist() == [name]
