"""score, adapt, axes and train as a user calls them, on small painted images."""

import itertools
import json
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence import observe
from evidence.cli import app
from evidence.config import RunConfig
from evidence.labels import adapting, tracing
from evidence.labels.labelled import find_labelled
from evidence.labels.overlays import COLOURS
from evidence.labels.scoring import Setting, by_gsd, figures, rows_of, score
from evidence.run import run
from imagery.errors import ConfigError, InputError, UnreadableError
from imagery.grid import local_grid, pixel_to_lonlat
from imagery.sources.files.write import write_cog
from imagery.synthetic.paint import paint_chip
from imagery.tracks import load_tracks, tracks_in_pixels
from models.axes.line import Axis
from models.detections import Detections
from models.wagons import count, infer, registry
from models.wagons import train as training
from models.wagons.adapt import AdaptConfig, with_delta, write_delta
from models.wagons.edges import EdgesDetector
from models.wagons.nets import StripNet, load, save
from models.wagons.score import match

SIZE = 320
GRID = GeoBox((SIZE, SIZE), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
KEYS = ("cx", "cy", "length_px", "width_px", "angle_deg")


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def image(folder, name, painted, grid=None):
    if grid is None:
        cv2.imwrite(str(folder / f"{name}.png"), painted.image[..., ::-1])
        return folder / f"{name}.png"
    tags = {"YARDWATCH_SIMULATED": "SIMULATED"}
    write_cog(
        folder / f"{name}.tif", np.moveaxis(painted.image, 2, 0), grid, ("red", "green", "blue"), tags=tags
    )
    return folder / f"{name}.tif"


def labels(path, boxes, gsd=None, **more):
    table = {"boxes": [dict(zip(KEYS, box, strict=True)) for box in np.asarray(boxes).tolist()], **more}
    path.write_text(json.dumps(table | ({"gsd_m": gsd} if gsd else {})), encoding="utf-8")
    return path


@pytest.fixture
def yard(tmp_path):
    """Two painted images at 0.4 and 0.6 m, one without labels, and the labels of the two."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for name, gsd, seed in (("east", 0.4, 6), ("west", 0.6, 6), ("bare", 0.6, 5)):
        painted = paint_chip(np.random.default_rng(seed), gsd_m=gsd, size=SIZE)
        image(tmp_path / "images", name, painted)
        if name != "bare":
            labels(tmp_path / "labels" / f"{name}.json", painted.truth.boxes, gsd)
    return tmp_path


class Oracle:
    """Finds what it is told to, and remembers which tracks it was given."""

    name = "edges"  # error rates are known of that name

    def __init__(self, boxes):
        self.boxes, self.tracks, self.looks = np.asarray(boxes, dtype=np.float64).reshape(-1, 5), [], 0

    def detect(self, raster, tracks=()):
        self.looks += 1
        self.tracks = [np.asarray(line) for line in tracks]
        return Detections(raster.grid, self.boxes, np.ones(len(self.boxes)))


ROW = np.array([[60.0 + 40 * i, 150.0, 36.0, 8.0, 0.0] for i in range(6)])
"""Six railcars of 14 m at 0.4 m a pixel."""
GROUND = paint_chip(np.random.default_rng(2), gsd_m=0.4, size=SIZE)
assert len(GROUND.truth) == 0


def plain(folder, boxes=ROW, **more):
    """A painted image without railcars, and labels all the same: the Oracle sees what it is told."""
    image(folder, "yard", GROUND)
    return find_labelled([folder / "yard.png"], labels(folder / "yard.json", boxes, 0.4, **more))


def test_score_says_what_the_detector_found(yard):
    out = yard / "out"
    answer = invoke(
        "score", yard / "images", "--labels", yard / "labels", "--out", out, "--detector", "edges"
    )
    assert answer.exit_code == 0, answer.output
    table = json.loads((out / "score.json").read_text())
    rows = {row["name"]: row for row in table["scores"]}
    assert list(rows) == ["east", "west", "to 0.5 m", "to 0.8 m", "all"]
    assert [left["image"].split("/")[-1].split(".")[0] for left in table["left_out"]] == ["bare"]
    assert table["detector"] == "edges"
    tallies = {}
    for scene, sheet in find_labelled([yard / "images"], yard / "labels").scenes:
        with observe.open_scene(scene) as raster:
            found = EdgesDetector().detect(raster)
        truth = np.array([[box[key] for key in KEYS] for box in json.loads(sheet.path.read_text())["boxes"]])
        inside = ((truth[:, :2] >= 0) & (truth[:, :2] < SIZE)).all(axis=1)
        doubtful = [*Detections(found.grid, truth[~inside], np.ones((~inside).sum())).polygons()]
        ignored = observe.shapely.union_all(doubtful)
        tallies[scene.id] = match(found, truth[inside], 0.5, ignored).tally
        assert rows[scene.id]["railcars"] == inside.sum()
        assert rows[scene.id]["gsd_m"] == scene.gsd_m
        area = SIZE * SIZE * scene.gsd_m**2 / 1e6
        assert rows[scene.id]["area_km2"] == pytest.approx(area)
        assert rows[scene.id]["false_alarms_per_km2"] == pytest.approx(rows[scene.id]["false_alarms"] / area)
    for name, tally in tallies.items():
        assert rows[name]["f1_iou50"] == pytest.approx(tally.f1)
    whole = sum(tallies.values(), start=type(tally)())
    assert rows["all"]["f1_iou50"] == pytest.approx(whole.f1)
    written = pd.read_csv(out / "score.csv")
    assert written.f1_iou50.tolist() == pytest.approx([row["f1_iou50"] for row in table["scores"]])
    assert sorted(path.stem for path in (out / "overlays").glob("*.png")) == ["east", "west"]


def test_a_perfect_detector_scores_one_and_a_blind_one_nothing(tmp_path):
    labelled = plain(tmp_path)
    (best,) = score(labelled, Setting(Oracle(ROW)), tmp_path / "best").images
    assert figures([best])["f1_iou50"] == figures([best])["f1_centre"] == 1
    assert figures([best])["count_error"] == 0
    assert best.holds
    (blind,) = score(labelled, Setting(Oracle([])), tmp_path / "blind").images
    assert figures([blind])["f1_iou30"] == 0
    assert figures([blind])["count_error"] == -1
    assert figures([blind, best])["mean_count_error"] == pytest.approx(0.5)
    assert figures([blind, best])["mean_f1_iou30"] == pytest.approx(0.5)


def test_coverage_is_the_share_of_images_whose_interval_holds_the_truth(tmp_path):
    (one,) = score(plain(tmp_path), Setting(Oracle(ROW)), tmp_path / "out").images
    too_low = replace(one, low=0.0, high=5.0)
    too_high = replace(one, low=7.0, high=9.0)
    assert figures([one, too_low, too_high])["interval_holds"] == pytest.approx(1 / 3)


def test_what_nobody_could_tell_counts_neither_way(tmp_path):
    extra = np.concatenate([ROW, ROW + np.array([0, 100, 0, 0, 0])])
    labelled = plain(tmp_path, ignore=[[[0, 250], [320, 250]]])
    (image_,) = score(labelled, Setting(Oracle(extra)), tmp_path / "out").images
    assert image_.iou30 == type(image_.iou30)(6, 0, 0)
    assert image_.value == 6
    without = plain(tmp_path)
    (wrong,) = score(without, Setting(Oracle(extra)), tmp_path / "out2").images
    assert wrong.iou30.wrong == 6
    assert wrong.value == 12


def test_overlays_show_right_false_and_missed(tmp_path):
    found = np.concatenate([ROW[:3], [[100, 60, 36, 8, 0]]])
    score(plain(tmp_path), Setting(Oracle(found)), tmp_path / "out")
    picture = cv2.imread(str(tmp_path / "out" / "overlays" / "yard.png"))[..., ::-1]
    picture = picture[:-30]  # without the legend
    seen = {
        name: int((np.abs(picture - np.array(colour)).max(axis=2) < 60).sum())
        for name, colour in COLOURS.items()
    }
    assert seen["right"] == pytest.approx(3 * seen["false"], rel=0.2)
    assert seen["missed"] == pytest.approx(3 * seen["false"], rel=0.2)
    assert seen["false"] > 50


def test_each_image_takes_its_own_tracks(tmp_path):
    labelled = plain(tmp_path)
    (tmp_path / "tracks").mkdir()
    for name, y in (("yard", 150.0), ("other", 10.0)):
        line = {"type": "LineString", "coordinates": [[0, y], [320, y]]}
        feature = {"type": "Feature", "properties": {"coordinates": "pixel"}, "geometry": line}
        text = json.dumps({"type": "FeatureCollection", "features": [feature]})
        (tmp_path / "tracks" / f"{name}.geojson").write_text(text)
    oracle = Oracle(ROW)
    (image_,) = score(labelled, Setting(oracle, tracks=tmp_path / "tracks"), tmp_path / "out").images
    assert image_.tracks_given
    assert oracle.tracks[0][:, 1].tolist() == [150, 150]
    (tmp_path / "tracks" / "yard.geojson").unlink()
    (image_,) = score(labelled, Setting(oracle, tracks=tmp_path / "tracks"), tmp_path / "out2").images
    assert not image_.tracks_given
    assert oracle.tracks == []


def test_a_finished_image_is_not_looked_at_again_until_something_changes(tmp_path):
    oracle = Oracle(ROW)
    first = score(plain(tmp_path), Setting(oracle), tmp_path / "out")
    again = score(plain(tmp_path), Setting(oracle), tmp_path / "out")
    assert oracle.looks == 1
    assert again.images == first.images
    cv2.imwrite(str(tmp_path / "yard.png"), GROUND.image[:, ::-1])
    score(find_labelled([tmp_path / "yard.png"], tmp_path / "yard.json"), Setting(oracle), tmp_path / "out")
    assert oracle.looks == 2


def test_images_too_coarse_for_single_railcars_are_left_out_with_the_reason(tmp_path):
    image(tmp_path, "yard", GROUND)
    small = ROW * [1, 1, 0.15, 0.15, 1]
    labelled = find_labelled([tmp_path / "yard.png"], labels(tmp_path / "yard.json", small, 3.0))
    scores = score(labelled, Setting(Oracle(ROW)), tmp_path / "out")
    assert scores.images == ()
    assert [skip.reason for _, skip in scores.left_out] == ["no-tracks"]
    assert rows_of(scores.images)[-1]["images"] == 0


def test_images_fall_into_bins_by_gsd(tmp_path):
    (one,) = score(plain(tmp_path), Setting(Oracle(ROW)), tmp_path / "out").images
    images = [replace(one, gsd_m=gsd) for gsd in (0.9, 0.3001, 0.31, 0.5004, 1.3)]
    assert {name: len(group) for name, group in by_gsd(images).items()} == {
        "to 0.3 m": 1,
        "to 0.5 m": 2,
        "to 1.2 m": 1,
        "over 1.2 m": 1,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "east.png", "--labels", "none"], "cannot be read"),
        (["score", "east.png", "--labels", "east.json", "--gsd", "0.4", "--class", "tank"], "of class tank"),
        (["score", "east.png", "--labels", "east.json", "--gsd", "40"], "check the GSD"),
        (["score", "east.png", "--labels", "east.json", "--detector", "stripes"], "did you mean strips"),
        (
            ["score", "east.png", "--labels", "east.json", "--adapted", "x", "--detector", "edges"],
            "use strips",
        ),
        (["adapt", "no/site.geojson", "east.json", "--images", "east.png"], "no site file"),
        (["axes", "images", "--gsd", "0.5"], "2 images in it: give one"),
        (["axes", "east.png"], "--gsd"),
        (["axes", "east.png", "--gsd", "3"], "no single wagon"),
        (["train", "none.yaml"], "cannot be read"),
        (["train", "bad.yaml"], "unknown key 'chip', did you mean 'chips'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(yard, monkeypatch, arguments, message):
    monkeypatch.chdir(yard)
    (yard / "images" / "east.png").rename(yard / "east.png")
    (yard / "labels" / "east.json").rename(yard / "east.json")
    (yard / "bad.yaml").write_text("name: x\nchip: 3\n")
    answer = invoke(*arguments)
    assert answer.exit_code == 2, answer.output
    assert message in " ".join(answer.output.split())
    assert "Traceback" not in answer.output


# A site's own labels


@pytest.fixture
def untrained(tmp_path, monkeypatch):
    """A reader that has learnt nothing, in place of the shipped one."""
    torch.manual_seed(3)
    folder = tmp_path / "weights"
    folder.mkdir()
    save(StripNet().eval(), folder / "reader.safetensors", {})
    for room in (infer, adapting, tracing):
        monkeypatch.setattr(room, "WEIGHTS", folder)
    return folder


def quick(monkeypatch, **changes):
    real = adapting.adapt
    config = AdaptConfig(**{"steps": 3, "batch": 4, "strips_a_label": 1, "folds": 2} | changes)
    monkeypatch.setattr(
        adapting, "adapt", lambda net, chips, _, say, look: real(net, chips, config, say, look)
    )


def site(path):
    rows, cols = GRID.shape
    ring = pixel_to_lonlat(GRID, np.array([[0, 0], [cols, 0], [cols, rows], [0, rows], [0, 0]], dtype=float))
    geometry = {"type": "Polygon", "coordinates": [ring.tolist()]}
    feature = {"type": "Feature", "properties": {"id": "f", "role": "footprint"}, "geometry": geometry}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    return path


@pytest.fixture
def labelled_site(tmp_path):
    painted = paint_chip(np.random.default_rng(10), gsd_m=0.5, size=SIZE)
    file = image(tmp_path, "yard_20231005", painted, GRID)
    boxes = painted.truth.boxes
    inside = ((boxes[:, :2] > 0) & (boxes[:, :2] < SIZE)).all(axis=1)
    return site(tmp_path / "yard.geojson"), labels(tmp_path / "yard_20231005.json", boxes[inside][:12]), file


@pytest.mark.usefixtures("untrained")
def test_adapt_keeps_nothing_that_finds_fewer_railcars_though_its_loss_is_lower(labelled_site, monkeypatch):
    place, marks, file = labelled_site
    quick(monkeypatch)
    figures = itertools.cycle((0.8, 0.7))
    monkeypatch.setattr(adapting, "f1_at_labels", lambda net, chips: next(figures))
    answer = invoke("adapt", place, marks, "--images", file)
    assert "F1 at left-out railcars: 0.80 before, 0.70 after" in answer.output
    assert "the shipped reader is kept" in answer.output
    assert not list(file.parent.glob("*.adapt.safetensors"))


def test_adapt_keeps_weights_beside_the_site_that_count_then_uses(
    tmp_path, untrained, labelled_site, monkeypatch
):
    place, marks, file = labelled_site
    quick(monkeypatch)
    monkeypatch.setattr(adapting, "f1_at_labels", lambda net, chips: 0.5)  # an untrained net finds by chance
    answer = invoke("adapt", place, marks, "--images", file)
    assert answer.exit_code == 0, answer.output
    assert "12 labels, each left out once: loss" in answer.output
    assert "F1 at left-out railcars: 0.50 before, 0.50 after" in answer.output
    delta = tmp_path / "yard.adapt.safetensors"
    assert delta.exists()
    shipped = load(untrained / "reader.safetensors", StripNet)[0]
    assert delta.stat().st_size < 0.6 * (untrained / "reader.safetensors").stat().st_size
    assert not torch.equal(with_delta(shipped, delta).head.weight, shipped.head.weight)

    used = []

    def reader(name, weights=None):
        used.append((name, weights))
        oracle = Oracle(ROW)
        oracle.name = "edges+adapted" if weights else "edges"
        return oracle

    monkeypatch.setitem(count.RATES, "edges+adapted", count.RATES["edges"])
    monkeypatch.setattr("evidence.run.late", reader)
    monkeypatch.setattr("evidence.run.adapted", reader)
    config = RunConfig(tiles=(file,), sites=(place,), detector="strips")
    result = run(config, tmp_path / "out", "c")
    assert ("strips", delta) in used
    assert {m.method for o in result.outcomes for m in o.measurements} == {"edges+adapted"}
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert len(facts["inputs_sha256"][delta.name]) == 64
    delta.unlink()
    plain_ = run(config, tmp_path / "out", "c")
    assert {m.method for o in plain_.outcomes for m in o.measurements} == {"edges"}


def test_labels_that_do_not_help_leave_the_shipped_reader_and_say_so(
    tmp_path, untrained, labelled_site, monkeypatch
):
    place, marks, file = labelled_site
    quick(monkeypatch, rate=30.0)
    answer = invoke("adapt", place, marks, "--images", file, "--out", tmp_path / "d.safetensors")
    assert answer.exit_code == 0, answer.output
    assert "the shipped reader is kept" in answer.output
    assert "Nothing written." in answer.output
    assert not (tmp_path / "d.safetensors").exists()


def test_too_few_labels_are_refused(tmp_path, untrained, labelled_site):
    place, _, file = labelled_site
    few = labels(tmp_path / "few.json", ROW[:2] + np.array([0, 0, -8, -2, 0]))
    answer = invoke("adapt", place, few, "--images", file)
    assert answer.exit_code == 2
    assert "2 labelled wagons: give 5" in answer.output


def test_a_name_without_a_site_keeps_weights_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert adapting.place_for("muttenz").name == "muttenz.adapt.safetensors"
    (tmp_path / "seeds" / "sites").mkdir(parents=True)
    site(tmp_path / "seeds" / "sites" / "yard.geojson")
    assert adapting.place_for("yard").as_posix() == "seeds/sites/yard.adapt.safetensors"
    with pytest.raises(InputError, match="no site file"):
        adapting.place_for("../elsewhere")


def test_weights_made_for_another_reader_are_refused(tmp_path):
    torch.manual_seed(0)
    one, other = StripNet().eval(), StripNet().eval()
    moved = StripNet().eval()
    write_delta(one, moved, tmp_path / "d.safetensors")
    again = with_delta(one, tmp_path / "d.safetensors")
    assert torch.allclose(again.head.weight, moved.head.weight, atol=1e-3)
    with pytest.raises(UnreadableError, match="belong to another reader"):
        with_delta(other, tmp_path / "d.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"none")
    for name in ("broken.safetensors", "none.safetensors"):
        with pytest.raises(UnreadableError, match="yardwatch adapt"):
            with_delta(one, tmp_path / name)


def test_only_strips_can_be_adapted(tmp_path):
    with pytest.raises(ConfigError, match="use strips"):
        registry.adapted("edges", tmp_path / "d.safetensors")


@pytest.mark.skipif(
    not (infer.WEIGHTS / "reader.safetensors").exists(), reason="weights are not trained yet: yardwatch train"
)
def test_an_adapted_reader_says_so_in_its_name_and_still_counts(tmp_path):
    shipped = load(infer.WEIGHTS / "reader.safetensors", StripNet)[0]
    write_delta(shipped, shipped, tmp_path / "same.safetensors")
    painted = paint_chip(np.random.default_rng(10), gsd_m=0.5, size=SIZE)
    file = image(tmp_path, "yard", painted)
    marks = labels(tmp_path / "yard.json", painted.truth.boxes, 0.5)
    for more in ([], ["--adapted", tmp_path / "same.safetensors"]):
        answer = invoke(
            "score", file, "--labels", marks, "--detector", "strips", *more, "--out", tmp_path / "out"
        )
        assert answer.exit_code == 0, answer.output
        table = json.loads((tmp_path / "out" / "score.json").read_text())
        assert table["detector"] == ("strips+adapted" if more else "strips")
        assert table["scores"][-1]["f1_iou30"] > 0.5
    assert str(tmp_path / "same.safetensors") in table["inputs_sha256"]


# Axes


def test_given_tracks_are_moved_onto_the_image_and_read_back(tmp_path, untrained):
    painted = paint_chip(np.random.default_rng(2), gsd_m=0.5, size=SIZE)
    file = image(tmp_path, "yard", painted, GRID)
    lonlat = [pixel_to_lonlat(GRID, np.asarray(line)).tolist() for line in painted.tracks]
    features = [
        {
            "type": "Feature",
            "properties": {"id": f"t{i}"},
            "geometry": {"type": "LineString", "coordinates": line},
        }
        for i, line in enumerate(lonlat)
    ]
    (tmp_path / "t.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    answer = invoke("axes", file, "--tracks", tmp_path / "t.geojson", "--out", tmp_path / "a.geojson")
    assert answer.exit_code == 0, answer.output
    table = json.loads((tmp_path / "a.geojson").read_text())
    told = [feature["properties"] for feature in table["features"]]
    assert {one["source"] for one in told} == {"recentred"}
    assert all(one["approximate"] is True and one["role"] == "track" for one in told)
    again = load_tracks(tmp_path / "a.geojson")
    assert not again.pixel
    given = {name: line for name, line in tracks_in_pixels(load_tracks(tmp_path / "t.geojson"), GRID)}
    for name, line in tracks_in_pixels(again, GRID):
        track = observe.shapely.LineString(given[name.split("-")[0]])
        # Moved by at most 2.5 m, that is 5 pixels.
        assert max(track.distance(observe.shapely.Point(point)) for point in line) < 5.5
    assert f"{len(told)} axes" in answer.output


@pytest.mark.parametrize("qgis", [False, True])
def test_axes_of_an_unplaced_image_are_read_back_in_its_pixels(tmp_path, qgis):
    wave = np.stack([np.arange(0, 300, 0.8), 100 + 20 * np.sin(np.arange(0, 300, 0.8) / 60)], axis=1)
    traced = tracing.Traced((("axis-1", Axis(wave, 0.8, "fitted")),), local_grid(SIZE, SIZE, 0.5))
    tracing.write_axes(traced, tmp_path / "a.geojson", qgis)
    table = json.loads((tmp_path / "a.geojson").read_text())
    (feature,) = table["features"]
    assert feature["properties"]["coordinates"] == "pixel"
    assert feature["properties"]["confidence"] == 0.8
    assert len(feature["geometry"]["coordinates"]) < 40  # few enough to be edited by hand
    assert (np.array(feature["geometry"]["coordinates"])[:, 1] < 0).all() == qgis
    again = load_tracks(tmp_path / "a.geojson")
    assert again.pixel
    line = observe.shapely.LineString(again.lines[0][1])
    assert max(line.distance(observe.shapely.Point(p)) for p in wave) * 0.5 < 0.16


@pytest.mark.skipif(
    not (infer.WEIGHTS / "proposer.safetensors").exists(),
    reason="weights are not trained yet: yardwatch train",
)
def test_axes_are_found_without_a_map(tmp_path):
    painted = paint_chip(np.random.default_rng(2), gsd_m=0.5, size=SIZE)
    file = image(tmp_path, "yard", painted)
    answer = invoke("axes", file, "--gsd", "0.5", "--out", tmp_path / "a.geojson")
    assert answer.exit_code == 0, answer.output
    assert len(load_tracks(tmp_path / "a.geojson").lines) > 0


# Training


def test_train_runs_its_configs_in_turn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base = {"chips": 1, "strips_a_chip": 2, "crops_a_chip": 1, "steps": [1, 1], "threads": 1}
    for name, more in (("one", {"into": "first"}), ("two", {"into": "second", "start_from": "first"})):
        (tmp_path / f"{name}.yaml").write_text(json.dumps({"name": name, **base, **more}))
    monkeypatch.setattr(training, "_batch", small_batch(training._batch))
    answer = invoke("train", "one.yaml", "two.yaml")
    assert answer.exit_code == 0, answer.output
    assert answer.output.index("one into first") < answer.output.index("two into second")
    assert "painted 0 of 1" in answer.output
    for folder in ("first", "second"):
        assert load(tmp_path / folder / "reader.safetensors", StripNet)[1]["config"]["into"] == folder
    first, second = (load(tmp_path / f / "reader.safetensors", StripNet)[0] for f in ("first", "second"))
    moved = (second.head.weight - first.head.weight).abs().max()
    assert 0 < moved < 0.01  # one step on from where the first ended


def small_batch(real):
    """Two examples instead of 32: the command is tested here, not the net."""

    def batch(*arguments):
        pixels, targets = real(*arguments)
        return pixels[:2], targets[:2]

    return batch


def test_nothing_is_trained_where_one_config_is_wrong(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = []
    monkeypatch.setattr(training, "train", lambda config, say: trained.append(config.name))
    (tmp_path / "one.yaml").write_text("name: one\n")
    (tmp_path / "two.yaml").write_text("name: two\nreal_share: 2\n")
    answer = invoke("train", "one.yaml", "two.yaml")
    assert answer.exit_code == 2
    assert "real_share = 2" in answer.output
    assert trained == []
    assert invoke("train", "one.yaml", "--set", "seed=7").exit_code == 0
    assert trained == ["one"]


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch):
    def stopped(config, say):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stopped)
    (tmp_path / "one.yaml").write_text("name: one\n")
    answer = invoke("train", tmp_path / "one.yaml")
    assert answer.exit_code == 130
    assert "goes on from there" in answer.output
