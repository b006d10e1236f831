"""The page of a real small run: its paths, its pictures, and what a person counted."""

import json

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence.config import RunConfig
from evidence.crops import CELL, crops_of
from evidence.dossier.verify import verify
from evidence.review.counts import counted_images, refresh
from evidence.review.marks import Book, Said
from evidence.run import run
from imagery.errors import InputError
from imagery.quicklook import Stretch
from imagery.reader import open_scene
from imagery.sources.folders.folder import find_scenes
from models.detections import Detections

GRID = GeoBox((300, 400), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")


@pytest.fixture
def out(tmp_path, monkeypatch, load):
    helpers = load("small_run")
    helpers.sure(monkeypatch, 100.0, 50.0)
    helpers.noise(tmp_path / "tiles" / "yard_20230901.tif", GRID)
    (tmp_path / "tiles" / "broken_20230902.tif").write_bytes(b"II*\0 no picture")
    command = f"yardwatch run {tmp_path}/a.yaml --out {tmp_path}/out"
    run(RunConfig(tiles=(tmp_path / "tiles",)), tmp_path / "out", command)
    return tmp_path / "out"


def test_no_path_of_the_machine_is_told(out, tmp_path):
    told = [
        path for path in out.rglob("*") if path.suffix in (".html", ".json", ".csv", ".jsonl", ".geojson")
    ]
    assert {"index.html", "run.json", "skips.csv", "sensitivity.csv"} <= {path.name for path in told}
    for path in told:
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), path
    facts = json.loads((out / "run.json").read_text())
    assert facts["command"] == "yardwatch run a.yaml --out out"
    assert facts["config"]["tiles"] == ["tiles"]
    assert set(facts["inputs_sha256"]) == {"tiles/yard_20230901.tif", "tiles/broken_20230902.tif"}
    assert "tiles/broken_20230902.tif" in (out / "skips.csv").read_text()


def test_every_detection_has_its_crop_on_the_page(out):
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "3 detections, one by one" in page
    assert page.count('<polygon points="') == 3


def test_a_persons_count_is_added_to_the_page_and_the_sealed_one_stays(out):
    sealed = (out / "dossier" / "report" / "index.html").read_bytes()
    refresh(out)
    assert (out / "report" / "index.html").read_bytes() == sealed, "nothing was said yet"
    held = verify(out)
    (image,) = counted_images(held)
    with Book(out / "review.jsonl") as book:
        for action, box in (("reject", "m0"), ("done", None)):
            book.append(
                Said(
                    who="A. Reader", when="2024-01-01T00:00:00Z", content=held.seal.content_sha256,
                    site=image.site, scene_id=image.scene_id, action=action, box=box, at=None,
                )
            )  # fmt: skip
    refresh(out)
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert 'id="review"' in page
    assert "A. Reader" in page
    assert pd.read_csv(out / "review.csv").person.tolist() == [2]
    assert (out / "dossier" / "report" / "index.html").read_bytes() == sealed
    assert verify(out).seal == held.seal


def test_a_crop_shows_its_box_level_and_in_the_middle(tmp_path, load):
    """A bright bar of 14 by 3 m, turned by 30 degrees, lies level in its crop."""
    grid = GeoBox((200, 200), Affine(0.25, 0, 500_000, 0, -0.25, 4_700_000), "EPSG:32652")
    y, x = np.mgrid[:200, :200] + 0.5
    turn = np.deg2rad(30.0)
    along = (x - 90) * np.cos(turn) + (y - 110) * np.sin(turn)
    across = -(x - 90) * np.sin(turn) + (y - 110) * np.cos(turn)
    bright = ((np.abs(along) < 28) & (np.abs(across) < 6)).astype(np.uint8) * 200
    small = load("small_run")
    path = tmp_path / "bar_20230901.tif"
    small.write_cog(path, np.stack([bright] * 3), grid, small.RGB)
    (scene,) = find_scenes((tmp_path,)).scenes
    found = Detections(grid, np.array([[90.0, 110.0, 56.0, 12.0, 30.0]]), np.array([0.9]))
    with open_scene(scene) as raster:
        (crop,) = crops_of(raster, Stretch.of(raster), found)
    assert crop.shape == (*CELL, 3)
    rows, cols = np.nonzero(crop[:, :, 0] > 100)
    assert rows.mean() == pytest.approx((CELL[0] - 1) / 2, abs=1)
    assert cols.mean() == pytest.approx((CELL[1] - 1) / 2, abs=1)
    scale = CELL[1] / 26.0
    assert np.ptp(cols) + 1 == pytest.approx(14 * scale, abs=3)
    assert np.ptp(rows) + 1 == pytest.approx(3 * scale, abs=3)


def test_a_review_of_another_run_changes_nothing(out):
    with Book(out / "review.jsonl") as book:
        book.append(
            Said(
                who="A", when="2024-01-01T00:00:00Z", content="0" * 64, site="", scene_id="x", action="done",
                box=None, at=None,
            )
        )  # fmt: skip
    before = (out / "report" / "index.html").read_bytes()
    refresh(out)
    assert (out / "report" / "index.html").read_bytes() == before
    (out / "review.jsonl").write_text("{}\n")
    with pytest.raises(InputError):
        refresh(out)
