"""The detector without learning, on pictures painted here, and the counts made from its boxes."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from imagery.errors import ConfigError, InputError
from imagery.grid import local_grid
from imagery.reader import ArrayRaster, open_scene
from imagery.scenes import Asset, Scene
from imagery.sources.folders.folder import find_scenes
from imagery.tracks import load_tracks, tracks_in_pixels
from models.detections import Detections
from models.wagons.count import RATES, count
from models.wagons.edges import EdgesDetector, in_company, main_directions
from models.wagons.registry import detector, names
from models.wagons.rows import STEP_M
from models.wagons.score import centre_match, match, read_labels

SCENE = Scene("painted", (Asset(Path("painted"), ("red", "green", "blue")),))
LENGTH_M, GAP_M = 14.0, 1.2


def train(n, angle, x=75.0, y=75.0):
    """Boxes in metres of n coupled wagons about a middle."""
    steps = (np.arange(n) - (n - 1) / 2) * (LENGTH_M + GAP_M)
    turn = np.deg2rad(angle)
    boxes = [[x + s * np.cos(turn), y + s * np.sin(turn), LENGTH_M, 3.0, angle] for s in steps]
    return np.array(boxes, dtype=np.float64).reshape(-1, 5)


def paint(boxes_m, gsd=0.5, side_m=150.0, shadow_m=3.0, seed=0):
    """Ballast with bright wagons that throw a dark shadow to one side."""
    fine = 0.1
    size = round(side_m / fine)
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.normal(120, 6, (size // 8, size // 8)).astype(np.float32), (size, size))
    picture = np.repeat(ground[..., None], 3, axis=-1)
    for shift, colour in ((shadow_m, (18, 20, 25)), (0.0, (190, 175, 160))):
        for cx, cy, length, width, angle in boxes_m:
            turn = np.deg2rad(angle)
            centre = np.array([cx + shift * np.sin(turn), cy - shift * np.cos(turn)]) / fine
            corners = cv2.boxPoints((tuple(centre), (length / fine, width / fine), angle))
            cv2.fillConvexPoly(picture, np.round(corners).astype(np.int32), colour)
    pixels = round(side_m / gsd)
    small = cv2.resize(picture, (pixels, pixels), interpolation=cv2.INTER_AREA)
    return np.clip(small, 0, 255).astype(np.uint8).transpose(2, 0, 1)


def raster_of(pixels, gsd=0.5, valid=None):
    return ArrayRaster(SCENE, local_grid(*pixels.shape[1:], gsd), pixels, valid)


def in_pixels(boxes_m, gsd):
    return boxes_m / np.array([gsd, gsd, gsd, gsd, 1])


@pytest.mark.parametrize("gsd", [0.25, 0.5, 0.8])
@pytest.mark.parametrize("angle", [0, 30, 75, 140])
def test_a_train_is_found_whatever_its_direction_and_the_pixels(angle, gsd):
    boxes = train(5, angle)
    found = EdgesDetector().detect(raster_of(paint(boxes, gsd), gsd))
    matches = match(found, in_pixels(boxes, gsd), iou=0.5)
    assert matches.tally.right >= 4
    assert matches.tally.wrong <= 1
    lengths = found.boxes[matches.pairs[:, 0], 2] * gsd
    np.testing.assert_allclose(lengths, LENGTH_M, atol=2.5)


def test_boxes_are_not_off_by_half_a_pixel():
    # Ends are uncertain by a metre: only what all directions share is a fault of the way there and back.
    offsets = []
    for angle in (0, 30, 60, 90, 120, 150):
        truth = in_pixels(train(5, angle), 0.5)
        found = EdgesDetector().detect(raster_of(paint(train(5, angle))))
        pairs = centre_match(found, truth).pairs
        offsets.append(found.boxes[pairs[:, 0], :2] - truth[pairs[:, 1], :2])
    assert np.abs(np.concatenate(offsets).mean(axis=0)).max() < 0.3


def test_shadows_are_not_counted():
    boxes = train(6, 20)
    found = EdgesDetector().detect(raster_of(paint(boxes)))
    shadows = boxes + np.array([3 * np.sin(np.deg2rad(20)), -3 * np.cos(np.deg2rad(20)), 0, 0, 0])
    on_shadows = match(found, in_pixels(shadows, 0.5), iou=0.5).tally.right
    assert on_shadows == 0
    assert len(found) <= len(boxes)


def test_given_tracks_only_what_stands_on_them_is_counted():
    first, second = train(4, 0, y=60), train(4, 0, y=90)
    picture = raster_of(paint(np.concatenate([first, second])))
    track = np.array([[0.0, 181.0], [300.0, 181.0]])
    found = EdgesDetector().detect(picture, [track])
    assert match(found, in_pixels(second, 0.5)).tally.right >= 3
    assert (np.abs(found.boxes[:, 1] - 181) * 0.5 < 2.5).all()
    both = EdgesDetector().detect(picture, [track, np.array([[300.0, 120.0], [0.0, 120.0]])])
    assert len(both) >= 2 * len(found) - 1


def test_on_a_track_a_lone_wagon_is_found_and_without_one_it_is_not_believed():
    lone = train(1, 0)
    picture = raster_of(paint(lone))
    track = np.array([[0.0, 150.0], [300.0, 150.0]])
    assert match(EdgesDetector().detect(picture, [track]), in_pixels(lone, 0.5), iou=0.5).tally.right == 1
    assert len(EdgesDetector().detect(picture)) == 0


def test_empty_ground_holds_no_wagons():
    assert len(EdgesDetector().detect(raster_of(paint(train(0, 0))))) == 0


def test_stored_values_do_not_matter():
    pixels = paint(train(5, 30))
    grey = Scene("grey", (Asset(Path("grey"), ("pan",)),))
    deep = raster_of(pixels.astype(np.uint16) * 40 + 300)
    one = ArrayRaster(grey, local_grid(*pixels.shape[1:], 0.5), pixels[:1])
    truth = in_pixels(train(5, 30), 0.5)
    assert match(EdgesDetector().detect(deep), truth).tally.right >= 4
    assert match(EdgesDetector().detect(one), truth).tally.right >= 4


def test_nothing_is_found_where_there_is_no_data():
    pixels = paint(train(5, 0))
    valid = np.ones(pixels.shape[1:], dtype=bool)
    valid[:, 150:] = False
    pixels = np.where(valid, pixels, 0).astype(np.uint8)
    found = EdgesDetector().detect(raster_of(pixels, valid=valid))
    assert (found.corners()[..., 0] < 160).all()
    assert len(EdgesDetector().detect(raster_of(pixels, valid=np.zeros_like(valid)))) == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (40, 7)])
def test_slivers_are_no_trouble(shape):
    raster = raster_of(np.full((3, *shape), 90, np.uint8))
    assert len(EdgesDetector().detect(raster)) == 0
    across = np.array([[0.0, shape[0] / 2], [float(shape[1]), shape[0] / 2]])
    outside = np.array([[-900.0, -900.0], [-700.0, -900.0]])
    assert len(EdgesDetector().detect(raster, [across, outside])) == 0


def test_coarse_pixels_are_refused_with_the_remedy():
    with pytest.raises(InputError, match=r"1\.40 m.*occupied track"):
        EdgesDetector().detect(raster_of(np.zeros((3, 50, 50), np.uint8), 1.4))


def test_the_same_picture_gives_the_same_boxes():
    pixels = paint(train(5, 30))
    first, second = (EdgesDetector().detect(raster_of(pixels)) for _ in range(2))
    np.testing.assert_array_equal(first.boxes, second.boxes)
    np.testing.assert_array_equal(first.scores, second.scores)


def test_a_map_position_changes_nothing_in_pixels():
    pixels = paint(train(5, 30))
    utm = GeoBox(pixels.shape[1:], Affine(0.5, 0, 500_000, 0, -0.5, 4_680_000), "EPSG:32652")
    found = EdgesDetector().detect(ArrayRaster(SCENE, utm, pixels))
    assert found.grid == utm
    assert match(found, in_pixels(train(5, 30), 0.5)).tally.right >= 4


@pytest.mark.parametrize("angle", [10, 65, 120, 171])
def test_the_main_direction_is_that_of_the_train(angle):
    lab = np.repeat(paint(train(6, angle)).mean(axis=0)[..., None], 3, axis=-1).astype(np.float32)
    direction = main_directions(lab, np.ones(lab.shape[:2], dtype=bool))[0]
    assert abs((direction - angle + 90) % 180 - 90) <= 2


def test_company_is_a_string_of_three_and_what_is_parallel_to_it():
    lone = np.array([[60.0, 130.0, 14, 3, 0]])
    pair = train(2, 0, x=120, y=20)
    beside = np.array([[75.0, 85.0, 14, 3, 0]])
    across = np.array([[75.0, 66.0, 14, 3, 90]])
    rows = in_pixels(np.concatenate([train(3, 0), lone, pair, beside, across]), STEP_M)
    found = Detections(local_grid(300, 300, STEP_M), rows, np.ones(len(rows)))
    assert in_company(found).tolist() == [True, True, True, False, False, False, True, False]
    assert in_company(Detections.none(found.grid)).tolist() == []


def test_detectors_are_found_by_name():
    assert "edges" in names()
    assert detector("edges").name == "edges"
    with pytest.raises(ConfigError, match="did you mean edges"):
        detector("edge")


@pytest.mark.parametrize("with_tracks", [False, True])
def test_on_the_real_yard_it_does_as_well_as_the_benchmark_says(real_data, with_tracks):
    folder = real_data / "railcars"
    labels = read_labels(folder / "labels/muttenz_lower_050.json")
    (scene,) = find_scenes([folder / "muttenz_lower_050.png"], gsd_m=labels.gsd_m).scenes
    with open_scene(scene) as raster:
        file = load_tracks(folder / "tracks/muttenz_lower_050.geojson")
        tracks = [line for _, line in tracks_in_pixels(file, raster.grid)] if with_tracks else []
        found = EdgesDetector().detect(raster, tracks)
    tally = match(found, labels.boxes, ignored=labels.ignored_ground(found)).tally
    assert tally.f1 > 0.65
    assert tally.precision > 0.85


def boxes_of(n, side=400):
    return Detections(local_grid(side, side, 0.5), np.tile([50.0, 50, 28, 6, 0], (n, 1)), np.ones(n))


@given(st.integers(0, 400), st.floats(0.05, 1), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_counts_lie_in_their_interval_and_what_is_unseen_widens_it_upwards(n, seen, level):
    part, whole = (count(boxes_of(n), share, level)[0] for share in (seen, 1.0))
    assert part.low <= part.value <= part.high
    assert part.value == whole.value == n
    assert part.high == pytest.approx(whole.high * (1 + 2 * (1 - seen) / seen))
    assert (part.visible_share, part.level, part.quantity) == (seen, level, "railcars")


def test_the_interval_of_a_count_carries_misses_and_false_alarms():
    hundred = count(boxes_of(100), 1.0)[0]
    rates = RATES["edges"]
    assert hundred.low < 100 * rates.precision[0]
    assert hundred.high > 100 / rates.recall[0]
    # Ten boxes on a square kilometre are no evidence of any railcar; with none found, some may be missed.
    assert count(boxes_of(10, side=2000), 1.0)[0].low == 0
    none = count(boxes_of(0), 1.0)[0]
    assert (none.low, none.value) == (0, 0)
    assert none.high > 2 / rates.recall[0]


def test_a_count_without_sight_or_known_rates_is_refused():
    with pytest.raises(InputError, match="nothing seen"):
        count(boxes_of(3), 0.0)
    with pytest.raises(InputError, match="error rates"):
        count(boxes_of(3), 1.0, method="guess")
