"""The painter of yards: what it promises of truth, shadow, colour and repeatability."""

import colorsys
import json
import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.synthetic.layout import Layout
from imagery.synthetic.light import Light, leaned, sunlit
from imagery.synthetic.paint import paint, paint_chip
from imagery.synthetic.rakes import random_rakes
from imagery.synthetic.sensor import Optics
from imagery.synthetic.wagons import FORMS, KINDS, TARPS, Placed, WagonSpec, random_spec
from imagery.synthetic.yards import random_layout

PLAIN = Optics(gsd_m=0.3, noise=0.0, blur_px=0.3)
NOON = Light(sun_azimuth_deg=180.0, sun_elevation_deg=35.0, haze=0.0)


def one_track(length=80.0, y=20.0):
    line = np.array([[0.0, y], [length / 2, y], [length, y]])
    return Layout(tracks_m=(line,), extent_m=(length, 40.0), soil="gravel", overgrowth=0.0)


def picture(placed, light=NOON, optics=PLAIN, seed=0, **options):
    return paint(one_track(), placed, light, optics, np.random.default_rng(seed), (133, 266), **options)


def inside(painted, row, shrink=0.7):
    mask = np.zeros(painted.image.shape[:2], np.uint8)
    cx, cy, length, width, angle = row
    corners = cv2.boxPoints(((cx, cy), (length * shrink, width * shrink), angle))
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask.astype(bool)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([100.0, 250.0]))
def test_wagons_of_one_track_never_overlap_and_stay_on_it(seed, size):
    rng = np.random.default_rng(seed)
    layout = random_layout(rng, (size, size))
    placed = random_rakes(rng, layout)
    for track in range(len(layout.tracks_m)):
        on = [wagon for wagon in placed if wagon.track == track]
        for wagon, following in pairwise(on):
            assert following.start_m - wagon.end_m >= 0.6 - 1e-9
        assert all(0 <= wagon.start_m and wagon.end_m <= layout.length_m(track) for wagon in on)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_bodies_of_different_tracks_never_overlap(seed):
    rng = np.random.default_rng(seed)
    layout = random_layout(rng, (150.0, 150.0), tracks=6)
    optics = Optics(gsd_m=0.5)
    painted = paint(layout, random_rakes(rng, layout, fill=1.0), Light(), optics, rng, (300, 300))
    boxes = [((x, y), (length, width), angle) for x, y, length, width, angle in painted.truth.boxes]
    for i, first in enumerate(boxes):
        for second in boxes[i + 1 :]:
            if math.dist(first[0], second[0]) < 60:
                _, points = cv2.rotatedRectangleIntersection(first, second)
                shared = 0.0 if points is None else cv2.contourArea(cv2.convexHull(points))
                assert shared < 0.02 * first[1][0] * first[1][1]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_drawn_wagons_are_of_known_kinds_and_sizes(seed):
    spec = random_spec(np.random.default_rng(seed))
    assert 6.0 <= spec.length_m <= 29.0
    assert spec.kind in KINDS
    assert spec.tarp == "none" or (spec.tarp in TARPS and FORMS[spec.form].tarp_share > 0)


def test_the_truth_is_the_wagon_in_pixels():
    spec = WagonSpec(length_m=15.0, width_m=3.0)
    painted = picture([Placed(0, 10.0, spec)])
    np.testing.assert_allclose(
        painted.truth.boxes[0], [17.5 / 0.3, 20 / 0.3, 15 / 0.3, 3 / 0.3, 0.0], atol=1e-6
    )
    assert painted.truth.kinds == ("gondola",)
    assert painted.truth.visible[0] == pytest.approx(1.0)
    assert painted.image.shape == (133, 266, 3)
    assert painted.image.dtype == np.uint8
    assert painted.gsd_m == 0.3
    assert painted.simulated


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_wagon_changes_the_pixels_under_its_box(form):
    empty = picture([])
    low, high = FORMS[form].lengths_m[0]
    spec = WagonSpec(
        form=form, length_m=(low + high) / 2, height_m=FORMS[form].height_m[0], colour=(200, 60, 50)
    )
    full = picture([Placed(0, 20.0, spec)])
    change = np.abs(full.image.astype(int) - empty.image).max(axis=2)
    body = inside(full, full.truth.boxes[0])
    assert np.median(change[body]) > 8
    far = np.ones_like(body)
    far[30:] = False  # the sun stands in the south: nothing falls as far north as 11 m
    assert change[far].max() == 0


@pytest.mark.parametrize(("azimuth", "side"), [(180.0, -1), (0.0, 1)])
def test_the_shadow_falls_away_from_the_sun_as_far_as_the_wagon_is_tall(azimuth, side):
    light = Light(sun_azimuth_deg=azimuth, sun_elevation_deg=30.0, haze=0.0)
    spec = WagonSpec(form="boxcar", length_m=16.0, width_m=3.0, height_m=4.0, wear=0.0)
    before, after = picture([], light), picture([Placed(0, 30.0, spec)], light)
    ratio = after.image[:, 126, :].mean(axis=1) / before.image[:, 126, :].mean(axis=1)
    dark = (0.5 + np.arange(133)) * 0.3 - 20.0  # metres south of the axis
    reach = 1.5 + 4.0 / math.tan(math.radians(30.0))
    within = (side * dark > 2.0) & (side * dark < reach - 0.7)
    beyond = (side * dark > reach + 0.7) & (side * dark < reach + 4)
    lit = (side * dark < -2.5) & (side * dark > -8)
    assert ratio[within].max() < 0.5
    assert ratio[beyond].min() > 0.9
    assert ratio[lit].min() > 0.9


def test_a_shadow_falls_on_the_neighbouring_wagon():
    lines = tuple(np.array([[0.0, y], [80.0, y]]) for y in (18.0, 22.5))
    layout = Layout(tracks_m=lines, extent_m=(80.0, 40.0), soil="gravel")
    low = WagonSpec(form="flat", length_m=18.0, height_m=1.25, colour=(150, 140, 130), wear=0.0, load="empty")
    tall = WagonSpec(form="boxcar", length_m=18.0, height_m=4.5)
    light = Light(sun_azimuth_deg=180.0, sun_elevation_deg=25.0, haze=0.0)
    brightness = []
    for placed in ([Placed(0, 30.0, low)], [Placed(0, 30.0, low), Placed(1, 30.0, tall)]):
        painted = paint(layout, placed, light, PLAIN, np.random.default_rng(0), (133, 266))
        brightness.append(painted.image[inside(painted, painted.truth.boxes[0])].mean())
    assert brightness[1] < 0.5 * brightness[0]


def test_shadow_of_a_step_is_height_over_tangent():
    height = np.zeros((60, 60), np.float32)
    height[40:] = 3.0
    lit = sunlit(height, 0.5, Light(sun_azimuth_deg=180.0, sun_elevation_deg=45.0))
    column = lit[:40, 30] < 0.5
    assert column[40 - 6 + 1 :].all()
    assert not column[: 40 - 6 - 2].any()
    assert (lit[44:] > 0.95).all()


def test_lean_moves_the_top_and_not_the_ground():
    image = np.full((60, 60, 3), 40, np.uint8)
    image[28:32, 20:40] = 200
    height = np.where(image[..., 0] > 100, np.float32(4.0), np.float32(0.0))
    out = leaned(image, height, 0.5, (0.0, 0.5), NOON)  # 2 m to the south: four pixels
    assert (out[33:35, 25:35] > 150).all()
    assert (out[:26] == 40).all()
    np.testing.assert_array_equal(leaned(image, height, 0.5, (0.0, 0.0), NOON), image)


def test_the_box_follows_the_lean():
    spec = WagonSpec(length_m=15.0, width_m=3.0, height_m=4.0)
    upright = picture([Placed(0, 10.0, spec)]).truth.boxes[0]
    tilted = picture([Placed(0, 10.0, spec)], optics=Optics(gsd_m=0.3, lean=(0.0, 0.3))).truth.boxes[0]
    assert tilted[1] > upright[1]
    assert tilted[3] > upright[3]
    assert tilted[2] == pytest.approx(upright[2])


@pytest.mark.parametrize("tarp", ["blue", "green"])
@pytest.mark.parametrize("shape", ["taut", "ridged", "sagging"])
def test_a_tarpaulin_shows_its_colour(tarp, shape):
    low, high = {"blue": (0.52, 0.75), "green": (0.25, 0.5)}[tarp]
    for colour in TARPS[tarp]:
        spec = WagonSpec(tarp=tarp, tarp_colour=colour, tarp_shape=shape, seed=7)
        painted = picture([Placed(0, 10.0, spec)])
        assert painted.truth.tarps == (tarp,)
        red, green, blue = painted.image[inside(painted, painted.truth.boxes[0])].mean(axis=0) / 255
        assert low < colorsys.rgb_to_hsv(red, green, blue)[0] < high


@pytest.mark.parametrize("gsd", [0.2, 0.5, 1.2])
def test_the_same_seed_gives_the_same_bytes(gsd):
    first = paint_chip(np.random.default_rng(5), gsd_m=gsd, size=192)
    again = paint_chip(np.random.default_rng(5), gsd_m=gsd, size=192)
    other = paint_chip(np.random.default_rng(6), gsd_m=gsd, size=192)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.to_json() == again.to_json()
    assert first.image.tobytes() != other.image.tobytes()
    assert first.image.shape == (192, 192, 3)
    assert first.gsd_m == gsd


def test_the_ground_of_a_layout_is_the_same_on_every_date():
    layout = random_layout(np.random.default_rng(3), (80.0, 40.0))
    dates = [paint(layout, [], NOON, PLAIN, np.random.default_rng(seed), (133, 266)) for seed in (1, 2)]
    np.testing.assert_array_equal(dates[0].image, dates[1].image)


def test_an_empty_layout_has_no_truth():
    painted = picture([])
    assert len(painted.truth) == 0
    assert painted.truth.boxes.shape == (0, 5)
    assert json.loads(painted.to_json())["boxes"] == []
    bare = Layout(tracks_m=(), extent_m=(40.0, 40.0))
    assert random_rakes(np.random.default_rng(0), bare) == []


def test_a_cut_wagon_keeps_its_visible_share_and_one_outside_is_dropped():
    half = picture([Placed(0, -7.5, WagonSpec(length_m=15.0))])
    assert half.truth.visible[0] == pytest.approx(0.5, abs=0.01)
    assert len(picture([Placed(0, -40.0, WagonSpec())]).truth) == 0


def test_real_ground_stays_away_from_the_tracks_and_its_shape_is_checked():
    rng = np.random.default_rng(1)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (133, 266, 3), dtype=np.uint8), (0, 0), 2.0)
    painted = picture([Placed(0, 20.0, WagonSpec())], ground=ground)
    near = np.abs(painted.image.astype(int) - ground)
    assert near[:25].mean() < 6
    assert near[inside(painted, painted.truth.boxes[0])].mean() > 15
    with pytest.raises(InputError, match="resampled"):
        picture([], ground=ground[:50])


def test_truth_as_text_reads_like_the_hand_labels():
    record = json.loads(picture([Placed(0, 10.0, WagonSpec())]).to_json())
    assert record["simulated"] is True
    assert {"cx", "cy", "length_px", "width_px", "angle_deg", "visible", "kind", "tarp"} <= set(
        record["boxes"][0]
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: WagonSpec(form="airship"),
        lambda: WagonSpec(length_m=60.0),
        lambda: WagonSpec(tarp="tartan"),
        lambda: Light(sun_elevation_deg=2.0),
        lambda: Optics(gsd_m=10.0),
        lambda: Layout(tracks_m=(np.zeros((1, 2)),), extent_m=(1.0, 1.0)),
    ],
)
def test_impossible_values_are_refused_with_the_value(make):
    with pytest.raises(InputError):
        make()
