"""Boxes go out to labelling tools and come back as they were, a person's marks taken in."""

import json

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence.cli import app
from evidence.config import RunConfig
from evidence.dossier.verify import verify
from evidence.exports.boxes import FORMATS, Drawn, export
from evidence.review.desk import Desk, Wish, lay_out
from evidence.review.marks import Book
from evidence.run import run
from imagery.errors import InputError
from imagery.grid import local_grid
from models.detections import Detections
from models.wagons.labels import find_sheets

GRID = GeoBox((300, 400), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
BOXES = np.array([[60.0, 50, 28, 6, 30], [200, 90, 27, 6.5, -75], [150, 80, 20, 6, 0]])


def corners_of(sheet):
    return np.array([mark.points for mark in sheet.marks])


@pytest.mark.parametrize("name", FORMATS)
def test_there_and_back_changes_nothing(tmp_path, name):
    found = Detections(local_grid(300, 400, 0.5), BOXES, np.ones(3))
    none = Detections(local_grid(100, 200, 0.5), np.empty((0, 5)), np.empty(0))
    images = [Drawn("yard one.tif", found, True), Drawn("empty.tif", none, True)]
    export(images, name, tmp_path / "labels")
    sheets = {sheet.image.removesuffix(".tif"): sheet for sheet in find_sheets(tmp_path / "labels")}
    assert set(sheets) == {"yard one", "empty"}
    assert corners_of(sheets["yard one"]) == pytest.approx(found.corners(), abs=2e-3)
    assert [mark.word for mark in sheets["yard one"].marks] == ["railcar"] * 3
    assert sheets["empty"].marks == ()
    if name == "dota":
        assert sheets["yard one"].gsd_m == pytest.approx(0.5, rel=1e-4)
    else:
        assert sheets["yard one"].size == (400, 300)


def test_coco_boxes_hold_their_outlines(tmp_path):
    found = Detections(local_grid(300, 400, 0.5), BOXES, np.ones(3))
    (path,) = export([Drawn("yard.tif", found, False)], "coco", tmp_path)
    plain = json.loads(path.read_text())
    assert [round(one["area"], 1) for one in plain["annotations"]] == [168, 175.5, 120]
    for one, corners in zip(plain["annotations"], found.corners(), strict=True):
        low = np.array(one["bbox"][:2])
        assert low == pytest.approx(corners.min(axis=0), abs=1e-3)
        assert low + one["bbox"][2:] == pytest.approx(corners.max(axis=0), abs=2e-3)


def test_what_no_person_saw_is_a_prediction(tmp_path):
    found = Detections(local_grid(300, 400, 0.5), BOXES, np.ones(3))
    (path,) = export([Drawn("yard.tif", found, False)], "label-studio", tmp_path)
    (task,) = json.loads(path.read_text())
    assert set(task) == {"data", "predictions"}


def test_what_cannot_be_told_apart_is_refused(tmp_path):
    none = Detections.none(local_grid(4, 3, 0.5))
    with pytest.raises(InputError, match="two images"):
        export([Drawn("a.tif", none, True), Drawn("a.png", none, True)], "dota", tmp_path)
    with pytest.raises(InputError, match=r"coco, dota, label-studio"):
        export([], "yolo", tmp_path)


def test_a_persons_boxes_become_labels(tmp_path, monkeypatch, load):
    helpers = load("small_run")
    helpers.sure(monkeypatch, 100.0, 50.0)
    for day in (1, 2):
        helpers.noise(tmp_path / "tiles" / f"yard_2023090{day}.tif", GRID, day)
    out = tmp_path / "out"
    run(RunConfig(tiles=(tmp_path / "tiles",), pictures=0), out, "yardwatch run")
    ask = ["export", str(out), "--to", str(tmp_path / "labels"), "--format", "coco"]
    nothing = CliRunner().invoke(app, [*ask, "--reviewed"])
    assert (nothing.exit_code, "no person is done" in nothing.output) == (2, True)
    assert not (out / "review.jsonl").exists()
    with Book(out / "review.jsonl") as book:
        desk = Desk(lay_out(verify(out)), book, "R", out)
        number = next(i for i, image in enumerate(desk.images) if "0902" in image.scene_id)
        desk.say(number, Wish(action="reject", box="m1", at=None))
        desk.say(number, Wish(action="add", box=None, at=(200.0, 100.0, 28.0, 6.0, 30.0)))
        desk.say(number, Wish(action="done", box=None, at=None))
    assert CliRunner().invoke(app, [*ask, "--reviewed"]).exit_code == 0
    (sheet,) = find_sheets(tmp_path / "labels")
    assert sheet.image == "yard_20230902.tif"
    centres = corners_of(sheet).mean(axis=1)
    assert centres == pytest.approx(np.array([[100, 100], [200, 200], [200, 100]]), abs=0.1)
    assert CliRunner().invoke(app, ask).exit_code == 0
    assert [len(sheet.marks) for sheet in find_sheets(tmp_path / "labels")] == [3, 3]
