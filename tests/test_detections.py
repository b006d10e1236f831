"""Boxes: their polygons, what suppression keeps, windows, and where they lie on the ground."""

import cv2
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from imagery.errors import InputError
from imagery.grid import cropped, local_grid, lonlat_to_pixel, pixel_to_lonlat
from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from models.detections import (
    Detections,
    concatenate,
    footprints,
    headings_deg,
    on_grid,
    over_windows,
    overlap_pairs,
    suppress,
)

UTM = GeoBox((800, 1200), Affine(0.5, 0, 500_000, 0, -0.5, 4_680_000), "EPSG:32652")


def boxes_on(grid, rows, scores=None):
    boxes = np.asarray(rows, dtype=np.float64).reshape(-1, 5)
    scores = np.ones(len(boxes)) if scores is None else np.asarray(scores, dtype=np.float64)
    return Detections(grid, boxes, scores)


box_rows = st.lists(
    st.tuples(
        st.floats(50, 1100), st.floats(50, 700), st.floats(8, 60), st.floats(4, 8), st.floats(-90, 89.9)
    ),
    min_size=1,
    max_size=12,
)


@given(box_rows)
def test_polygons_have_the_area_and_centre_of_their_boxes(rows):
    found = boxes_on(UTM, rows)
    polygons = found.polygons()
    np.testing.assert_allclose(shapely.area(polygons), found.boxes[:, 2] * found.boxes[:, 3])
    centres = shapely.get_coordinates(shapely.centroid(polygons))
    np.testing.assert_allclose(centres, found.boxes[:, :2], atol=1e-6)


def test_the_angle_turns_clockwise_with_y_down():
    corners = boxes_on(UTM, [[100, 100, 20, 4, 30]]).corners()[0]
    ahead = (corners[1] + corners[2]) / 2
    np.testing.assert_allclose(ahead, [100 + 10 * np.cos(np.pi / 6), 100 + 10 * np.sin(np.pi / 6)])


@pytest.mark.parametrize("angle", [0, 45, 90, -30])
def test_suppression_keeps_wagons_on_parallel_tracks(angle):
    # 14 m x 3 m wagons 4.5 m apart at 0.5 m: their upright rectangles overlap a lot at 45 degrees.
    across = np.deg2rad(angle + 90)
    rows = [[200, 200, 28, 6, angle], [200 + 9 * np.cos(across), 200 + 9 * np.sin(across), 28, 6, angle]]
    assert len(suppress(boxes_on(UTM, rows, [0.9, 0.8]))) == 2


def test_suppression_keeps_the_better_of_two_boxes_on_one_wagon():
    found = suppress(boxes_on(UTM, [[200, 200, 28, 6, 45], [203, 203, 28, 6, 44]], [0.3, 0.8]))
    assert found.scores.tolist() == [0.8]


@given(box_rows, st.randoms())
def test_what_suppression_keeps_does_not_overlap_and_what_it_drops_has_a_better_rival(rows, random):
    found = boxes_on(UTM, rows, [random.random() for _ in rows])
    kept = suppress(found, 0.3)
    i, j, overlap = overlap_pairs(kept.polygons(), kept.polygons())
    assert (overlap[i != j] <= 0.3).all()
    i, j, overlap = overlap_pairs(found.polygons(), kept.polygons())
    for index, score in enumerate(found.scores):
        rivals = j[(i == index) & (overlap > 0.3)]
        assert len(rivals)
        assert kept.scores[rivals].max() >= score


def test_identical_polygons_overlap_fully_and_touching_ones_not():
    polygons = boxes_on(UTM, [[100, 100, 20, 6, 0], [120, 100, 20, 6, 0]]).polygons()
    i, j, overlap = overlap_pairs(polygons, polygons)
    table = {(a, b): value for a, b, value in zip(i, j, overlap, strict=True)}
    assert table[0, 0] == pytest.approx(1)
    assert table.get((0, 1), 0) == pytest.approx(0)


def blobs(tile):
    """A detector that boxes each connected blob, cut as the window cuts it."""
    count, labels = cv2.connectedComponents(tile.pixels[0])
    rows = []
    for index in range(1, count):
        (cx, cy), (w, h), angle = cv2.minAreaRect(np.argwhere(labels == index)[:, ::-1].astype(np.float32))
        length, width, angle = (w, h, angle) if w >= h else (h, w, angle + 90)
        rows.append([cx + 0.5, cy + 0.5, length + 1, width + 1, angle])
    return boxes_on(tile.grid, rows, [row[2] / 100 for row in rows])


def scattered(seed):
    """A picture of wagon-like blobs, each in a cell of its own."""
    rng = np.random.default_rng(seed)
    picture = np.zeros(rng.integers(60, 170, 2), np.uint8)
    for y in range(20, picture.shape[0] - 19, 40):
        for x in range(20, picture.shape[1] - 19, 40):
            centre = (int(x + rng.integers(-6, 7)), int(y + rng.integers(-6, 7)))
            size = (int(rng.integers(6, 25)), int(rng.integers(2, 6)))
            corners = cv2.boxPoints((centre, size, int(rng.integers(180))))
            cv2.fillConvexPoly(picture, np.round(corners).astype(np.int32), 255)
    return picture


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(40, 90))
def test_windows_never_change_what_is_found(seed, size):
    picture = scattered(seed)
    scene = Scene("blobs", (Asset("blobs", ("grey",)),))
    raster = ArrayRaster(scene, local_grid(*picture.shape, 0.5), picture[None])
    whole, tiled = blobs(raster.read()), over_windows(raster, size, 34, blobs)
    assert tiled.grid == raster.grid
    i, _, overlap = overlap_pairs(whole.polygons(), tiled.polygons())
    assert len(tiled) == len(whole) == len(set(i[overlap > 0.99]))


def test_what_is_cut_everywhere_is_kept():
    picture = np.zeros((40, 260), np.uint8)
    picture[18:22] = 255
    scene = Scene("long", (Asset("long", ("grey",)),))
    raster = ArrayRaster(scene, local_grid(40, 260, 0.5), picture[None])
    covered = shapely.union_all(over_windows(raster, 100, 20, blobs).polygons())
    assert covered.bounds[0] < 2
    assert covered.bounds[2] > 258


@given(box_rows)
def test_the_way_to_another_grid_and_back_changes_nothing(rows):
    degrees = GeoBox((900, 1400), Affine(6e-6, 0, 128.999, 0, -4e-6, 42.275), "EPSG:4326")
    found = boxes_on(UTM, rows)
    moved = on_grid(found, degrees)
    back = on_grid(moved, UTM)
    np.testing.assert_allclose(back.boxes[:, :4], found.boxes[:, :4], atol=2e-3)
    turn = (back.boxes[:, 4] - found.boxes[:, 4] + 90) % 180 - 90
    np.testing.assert_allclose(turn, 0, atol=1e-2)
    np.testing.assert_allclose(shapely.area(footprints(moved)), shapely.area(footprints(found)), rtol=1e-3)


def test_boxes_on_the_same_grid_shifted_move_by_the_shift():
    found = boxes_on(UTM, [[300, 200, 28, 6, 20]])
    moved = on_grid(found, cropped(UTM, slice(100, 400), slice(50, 700)))
    np.testing.assert_allclose(moved.boxes, [[250, 100, 28, 6, 20]], atol=1e-3)


def test_without_a_crs_boxes_stay_and_headings_are_unknown():
    found = boxes_on(local_grid(100, 100, 0.5), [[50, 50, 28, 6, 20]])
    assert shapely.equals_exact(footprints(found), found.polygons(), 1e-9).all()
    assert np.isnan(headings_deg(found)).all()
    assert on_grid(found, local_grid(100, 100, 0.5)) is found
    with pytest.raises(InputError, match="CRS"):
        on_grid(found, UTM)


def test_headings_are_from_true_north():
    # On the central meridian (129 E) grid north is true north: along the rows is 90, up the columns 0.
    found = boxes_on(UTM, [[5, 400, 8, 4, 0], [5, 400, 8, 4, -90], [5, 400, 8, 4, -45]])
    np.testing.assert_allclose(headings_deg(found) % 180, [90, 0, 45], atol=0.01)
    # Three degrees of longitude east, grid north is off true north by 3 deg x sin(42.3 deg).
    east = GeoBox((800, 1200), Affine(0.5, 0, 747_000, 0, -0.5, 4_686_000), "EPSG:32652")
    shifted = headings_deg(boxes_on(east, [[5, 400, 8, 4, 0]]))
    np.testing.assert_allclose(shifted, 90 + 3 * np.sin(np.deg2rad(42.3)), atol=0.05)


def test_footprints_enclose_the_centre_in_degrees():
    found = boxes_on(UTM, [[300, 200, 28, 6, 20]])
    ((lon, lat),) = pixel_to_lonlat(UTM, found.boxes[:, :2])
    assert shapely.contains_xy(footprints(found)[0], lon, lat)
    np.testing.assert_allclose(lonlat_to_pixel(UTM, np.array([[lon, lat]])), [[300, 200]], atol=1e-3)


def test_nothing_found_goes_through_everything():
    none = Detections.none(UTM)
    assert (
        len(suppress(none))
        == len(on_grid(none, UTM))
        == len(footprints(none))
        == len(headings_deg(none))
        == 0
    )
    assert len(concatenate(UTM, [none, none])) == 0


def test_a_box_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="finite"):
        boxes_on(UTM, [[np.nan, 1, 2, 3, 4]])
