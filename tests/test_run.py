"""The whole line from a folder of tiles to tables and a page, on small real files, broken ones among them."""

import json
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence import observe as observe_room
from evidence import run as run_room
from evidence.cli import app
from evidence.config import RunConfig
from evidence.run import run
from evidence.tables import DETECTION_COLUMNS, MEASUREMENT_COLUMNS, SKIP_COLUMNS
from imagery.grid import pixel_to_lonlat
from imagery.sources.files.write import write_cog
from imagery.synthetic.paint import paint_chip
from models.detections import Detections
from models.wagons.registry import names

RGB = ("red", "green", "blue")
GRID = GeoBox((256, 384), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")


def chip(seed):
    painted = paint_chip(np.random.default_rng(seed), gsd_m=0.5, size=384)
    return np.moveaxis(painted.image[:256], 2, 0)


def tile(folder, name, seed, grid=GRID):
    write_cog(folder / name, chip(seed), grid, RGB, tags={"YARDWATCH_SIMULATED": "SIMULATED"})


def site(path, grid=GRID):
    rows, cols = grid.shape
    ring = pixel_to_lonlat(grid, np.array([[0, 0], [cols, 0], [cols, rows], [0, rows], [0, 0]], dtype=float))
    line = pixel_to_lonlat(grid, np.array([[10, rows / 2], [cols - 10, rows / 2]], dtype=float))
    features = [
        {"role": "footprint", "geometry": {"type": "Polygon", "coordinates": [ring.tolist()]}},
        {"role": "track", "geometry": {"type": "LineString", "coordinates": line.tolist()}},
    ]
    collection = {
        "type": "FeatureCollection",
        "properties": {"id": "yard", "name": "A yard", "uncertainty_m": 5},
        "features": [
            {"type": "Feature", "properties": {"id": f["role"], "role": f["role"]}, "geometry": f["geometry"]}
            for f in features
        ],
    }
    path.write_text(json.dumps(collection), encoding="utf-8")
    return path


class Brightest:
    """Finds a wagon at each of the three brightest blocks: the line is tested here, not the finding."""

    name = "edges"

    def detect(self, raster, tracks=()):
        tile = raster.read()
        rows, cols = tile.valid.shape[0] // 32, tile.valid.shape[1] // 32
        blocks = tile.pixels.mean(axis=0)[: rows * 32, : cols * 32].reshape(rows, 32, cols, 32)
        at = np.argsort(-blocks.mean(axis=(1, 3)), axis=None)[:3]
        row, col = np.unravel_index(at, (rows, cols))
        centres = np.stack([col * 32 + 16, row * 32 + 16, *np.tile([[28], [6], [30]], 3)], axis=1)
        return Detections(raster.grid, centres.astype(float), np.array([0.9, 0.8, 0.7]))


@pytest.fixture(autouse=True)
def sure_detector(monkeypatch):
    real = run_room.late
    monkeypatch.setattr(run_room, "late", lambda name: Brightest() if name in names() else real(name))


@pytest.fixture
def tiles(tmp_path):
    folder = tmp_path / "tiles"
    folder.mkdir()
    for day in (1, 11, 21):
        tile(folder, f"yard_202309{day:02d}.tif", day)
    (folder / "empty_20230902.tif").write_bytes(b"")
    (folder / "text_20230903.tif").write_text("not an image", encoding="utf-8")
    whole = (folder / "yard_20230901.tif").read_bytes()
    (folder / "cut_20230904.tif").write_bytes(whole[: len(whole) // 2])
    tile(
        folder,
        "elsewhere_20230905.tif",
        5,
        GeoBox((256, 384), Affine(0.5, 0, 4e5, 0, -0.5, 4e6), "EPSG:32652"),
    )
    return folder


def test_every_file_ends_measured_or_skipped_with_a_reason(tmp_path, tiles):
    out = tmp_path / "out"
    answer = CliRunner().invoke(
        app, ["count", str(tiles), "--site", str(site(tmp_path / "s.geojson")), "--out", str(out)]
    )
    assert answer.exit_code == 0, answer.output
    measured = pd.read_csv(out / "measurements.csv")
    skipped = pd.read_csv(out / "skips.csv")
    assert tuple(measured.columns) == MEASUREMENT_COLUMNS
    assert tuple(skipped.columns) == SKIP_COLUMNS
    railcars = measured[measured.quantity == "railcars"]
    assert sorted(railcars.taken_at.str[:10]) == ["2023-09-01", "2023-09-11", "2023-09-21"]
    assert (railcars.low <= railcars.value).all()
    assert (railcars.value <= railcars.high).all()
    assert railcars.simulated.all()
    reasons = {row.scene_id.split("/")[-1].split("_")[0]: row.reason for row in skipped.itertuples()}
    assert set(reasons) == {"empty", "text", "cut", "elsewhere"}
    assert reasons["elsewhere"] == "outside-site"
    assert skipped.detail.str.len().min() > 10
    assert "SIMULATED" in answer.output
    assert "SIMULATED" in (out / "report" / "index.html").read_text(encoding="utf-8")


def test_detections_agree_between_the_files_and_with_the_pixels(tmp_path, tiles):
    out = tmp_path / "out"
    run(RunConfig(tiles=(tiles,)), out, "yardwatch count")
    table = gpd.read_parquet(out / "detections.parquet")
    assert [c for c in table.columns if c != "geometry"] == list(DETECTION_COLUMNS)
    assert table.crs.to_epsg() == 4326
    assert len(table) == 12
    assert len(table) == len(json.loads((out / "detections.geojson").read_text())["features"])
    counted = pd.read_parquet(out / "measurements.parquet").query("quantity == 'railcars'").shape[0]
    assert counted == 4  # without a site, the one elsewhere counts too
    metres = table.to_crs(32652)
    here = metres[metres.scene_id.str.contains("yard_")]
    centre = np.stack([here.geometry.centroid.x, here.geometry.centroid.y], axis=1)
    expected = np.stack([500_000 + here.cx_px * 0.5, 4_700_000 - here.cy_px * 0.5], axis=1)
    assert np.abs(centre - expected).max(initial=0) < 0.1
    assert np.allclose(here.length_m, here.length_px * 0.5, rtol=2e-3)
    facts = json.loads((out / "run.json").read_text())
    assert facts["counts"]["scenes"] == facts["counts"]["measured"] + facts["counts"]["skipped"]
    assert len(facts["inputs_sha256"]["tiles/yard_20230901.tif"]) == 64


def test_an_interrupted_run_goes_on_and_ends_the_same(tmp_path, tiles, monkeypatch):
    config = RunConfig(tiles=(tiles,))
    whole = run(config, tmp_path / "whole", "c")
    looks = []
    real_look = observe_room.look

    def counted_look(scene, *rest):
        looks.append(scene.id)
        return real_look(scene, *rest)

    def interrupt(scene):
        if len(looks) >= 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(observe_room, "look", counted_look)
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "cut", "c", progress=interrupt)
    run(config, tmp_path / "cut", "c")
    assert len(looks) == len(set(looks)), "a finished scene was looked at again"
    for name in ("measurements.csv", "skips.csv", "detections.geojson"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(whole.outcomes) == 7


def test_a_changed_tile_is_looked_at_again(tmp_path, tiles):
    config = RunConfig(tiles=(tiles / "yard_20230901.tif",))
    first = run(config, tmp_path / "out", "c").outcomes[0]
    tile(tiles, "yard_20230901.tif", 77)
    second = run(config, tmp_path / "out", "c").outcomes[0]
    assert first.detections.boxes.tolist() != second.detections.boxes.tolist()


def test_coarse_tiles_without_tracks_are_skipped_not_counted(tmp_path):
    grid = GeoBox((64, 64), Affine(10, 0, 500_000, 0, -10, 4_700_000), "EPSG:32652")
    bands = ("B02", "B03", "B04", "B08")
    pixels = np.random.default_rng(0).integers(500, 3000, (4, 64, 64)).astype(np.uint16)
    write_cog(tmp_path / "S2A_20230901.tif", pixels, grid, bands)
    result = run(RunConfig(tiles=(tmp_path,)), tmp_path / "out", "c")
    assert [o.skip.reason for o in result.outcomes] == ["no-tracks"]
    assert pd.read_csv(tmp_path / "out" / "measurements.csv").empty


def test_unplaced_images_are_counted_in_pixels(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "yard.png"), np.moveaxis(chip(3), 0, 2)[..., ::-1])
    without = run(RunConfig(tiles=(tmp_path,)), tmp_path / "o1", "c")
    assert [o.skip.reason for o in without.outcomes] == ["no-gsd"]
    assert "--gsd" in without.outcomes[0].skip.detail
    result = run(RunConfig(tiles=(tmp_path,), gsd_m=0.5), tmp_path / "o2", "c")
    assert result.outcomes[0].taken_at is None
    assert result.outcomes[0].measurements[0].quantity == "railcars"
    table = gpd.read_parquet(tmp_path / "o2" / "detections.parquet")
    assert table.crs is None
    assert len(table) == 3
    assert np.allclose(table.geometry.centroid.x, table.cx_px, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["count", "nowhere"], "nowhere"),
        (["run", "nowhere.yaml"], "cannot be read"),
        (["count", ".", "--site", "nowhere.geojson"], "nowhere.geojson"),
        (["count", ".", "--detector", "eyes"], "eyes"),
        (["count", ".", "--gsd", "-1"], "gsd"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert answer.exit_code == 2, answer.output
    assert message in answer.output
    assert "Traceback" not in answer.output


def test_times_are_written_in_utc(tmp_path, tiles):
    result = run(RunConfig(tiles=(tiles,)), tmp_path / "out", "c")
    assert all(o.taken_at.tzinfo == UTC for o in result.outcomes if o.taken_at)
    times = pd.read_csv(tmp_path / "out" / "measurements.csv").taken_at
    assert datetime.fromisoformat(times[0]).tzinfo is not None
