"""Goods in yards and ships at berths: area, height from shadow, volume, length; by properties."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from evidence.checkpoint import Checkpoint
from evidence.ledger import Outcome, Sighting
from evidence.tables import write_tables
from evidence.verdicts.verdict import ANSWERED_BY
from imagery.errors import InputError, UnreadableError
from imagery.grid import pixel_to_lonlat, shadow_way
from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from imagery.synthetic.layout import Block, Layout, Surface
from imagery.synthetic.light import Light
from imagery.synthetic.paint import paint
from imagery.synthetic.sensor import Optics
from models.goods.height import Height, height
from models.goods.layers import Layers, fit, read_layers, write_layers
from models.goods.place import Outline, read_place
from models.goods.segment import LEAST_M2, Parts, outline, segment, stacks
from models.goods.vessels import berth_of
from models.goods.vessels import measured as ships_measured
from models.goods.view import View, coarsened, disc
from models.goods.volume import (
    BOX_M3,
    Calibration,
    Stack,
    area_of,
    interval,
    length_of,
    measured,
    stacks_of,
    volume_of,
)
from models.measurement import Measurement, Skip

UTM = GeoBox((200, 300), Affine(0.5, 0, 605000, 0, -0.5, 4678000), "EPSG:32652")
PX = 0.6
LONG, WIDE, HIGH = 28.0, 12.0, 5.2


def painted(angle=20.0, height_m=HIGH, size=(LONG, WIDE), light=None, colour=(60, 105, 190), blocks=None):
    """A gravel yard of 70 x 60 m with one stack in its middle."""
    light = light or Light(150.0, 38.0, ambient=0.2, haze=0.02)
    if blocks is None:
        blocks = [Block("container", (35.0, 30.0), size, angle, height_m, colour, 5)] if height_m else []
    layout = Layout(
        tracks_m=(),
        extent_m=(70.0, 60.0),
        surfaces=(Surface(np.array([[2.0, 2], [68, 2], [68, 58], [2, 58]]), "gravel"),),
        blocks=tuple(blocks),
        soil="soil",
        overgrowth=0.0,
        seed=11,
    )
    optics = Optics(gsd_m=PX, blur_px=0.5, noise=1.5)
    return paint(layout, [], light, optics, np.random.default_rng(1), (100, 117))


def view_of(picture, sun=True):
    inside = np.zeros(picture.image.shape[:2], dtype=bool)
    inside[8:92, 8:108] = True
    x, y = picture.light.shadow_m
    norm = math.hypot(x, y)
    return View(
        picture.image, inside, PX, (x / norm, y / norm), picture.light.sun_elevation_deg if sun else None, 0.0
    )


@pytest.mark.parametrize("angle", [0.0, 35.0, 80.0, 125.0])
def test_a_stack_of_known_size_is_recovered_whichever_way_it_lies(angle):
    found = stacks_of(view_of(painted(angle)))
    assert sum(stack.area_m2 for stack in found) == pytest.approx(LONG * WIDE, rel=0.15)
    assert isinstance(found[0].height, Height)
    assert found[0].height.value_m == pytest.approx(HIGH, abs=1.2)
    assert length_of(found[0], PX) == pytest.approx(LONG, abs=3.0)
    volume = {m.quantity: m for m in measured(found, LONG, PX, 0.9, 1.0)}["goods_volume_m3"]
    assert volume.low < LONG * WIDE * HIGH < volume.high


@pytest.mark.parametrize(("azimuth", "elevation", "high"), [(90.0, 30.0, 7.8), (230.0, 48.0, 5.2)])
def test_height_follows_the_sun_and_not_the_length_of_the_shadow(azimuth, elevation, high):
    found = stacks_of(view_of(painted(20.0, high, light=Light(azimuth, elevation, ambient=0.2))))
    assert isinstance(found[0].height, Height)
    assert found[0].height.value_m == pytest.approx(high, abs=1.3)


def test_an_empty_yard_holds_no_goods():
    found = stacks_of(view_of(painted(height_m=0.0)))
    assert sum(stack.area_m2 for stack in found) < LEAST_M2 * 2
    told = {m.quantity: m for m in measured(found, 0.0, PX, 0.9, 1.0)}
    assert told["goods_area_m2"].low == 0.0


def test_a_yard_under_cloud_has_an_area_and_no_height():
    found = stacks_of(view_of(painted(light=Light(150.0, 38.0, cloud=1.0))))
    assert sum(stack.area_m2 for stack in found) == pytest.approx(LONG * WIDE, rel=0.35)
    assert all(isinstance(stack.height, Skip) for stack in found)
    assert isinstance(volume_of(found, PX), Skip)
    assert {m.quantity for m in measured(found, LONG, PX, 0.9, 1.0)} == {"goods_area_m2", "goods_length_m"}


def test_without_a_sun_no_shadow_is_believed():
    view = view_of(painted(), sun=False)
    (stack, *_) = stacks_of(view)
    assert isinstance(stack.height, Skip)
    assert stack.height.reason == "no-sun"


@pytest.mark.parametrize("factor", [0.7, 1.15])
def test_brightness_does_not_matter(factor):
    view = view_of(painted())
    image = np.clip(view.image * factor, 0, 255).astype(np.uint8)
    usual, other = stacks_of(view), stacks_of(replace(view, image=image))
    assert area_of(other, PX)[0] == pytest.approx(area_of(usual, PX)[0], rel=0.1)
    assert other[0].height.value_m == pytest.approx(usual[0].height.value_m, abs=0.6)


def drawn(way, length_px, top=(40, 60, 50, 80), size=(120, 150)):
    """A rectangle and its shadow as the networks would call them in a perfect picture, in soft edges."""
    fine = 2
    mask = np.zeros((size[0] * fine, size[1] * fine), dtype=np.uint8)
    r0, r1, c0, c1 = (fine * v for v in top)
    mask[r0:r1, c0:c1] = 1
    swept = mask.copy()
    for step in np.arange(0, length_px * fine + 0.5):
        x, y = round(way[0] * step), round(way[1] * step)
        swept |= cv2.warpAffine(mask, np.float32([[1, 0, x], [0, 1, y]]), mask.shape[::-1])
    top_, all_ = (
        cv2.resize(m.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) for m in (mask, swept)
    )
    labels = (top_ > 0.5).astype(np.int32)
    return Parts(top_, np.maximum(all_ - top_, 0), labels)


def blank(parts, way, elevation, px=0.5):
    shape = parts.labels.shape
    image = np.repeat((120 - 80 * parts.shade).astype(np.uint8)[..., None], 3, axis=2)
    return View(image, np.ones(shape, dtype=bool), px, way, elevation, 0.0)


@settings(max_examples=10)
@given(st.floats(0, 2 * math.pi), st.floats(4, 26), st.floats(15, 70))
def test_the_median_ray_is_the_height_over_the_tangent(turn, length_px, elevation):
    way = math.cos(turn), math.sin(turn)
    parts = drawn(way, length_px)
    told = height(blank(parts, way, elevation), parts, 1)
    assert isinstance(told, Height)
    expected = length_px * 0.5 * math.tan(math.radians(elevation))
    assert told.value_m == pytest.approx(expected, abs=0.9 * 0.5 * math.tan(math.radians(elevation)))
    assert told.sd_m > 0


@pytest.mark.parametrize(
    ("length_px", "elevation", "reason"),
    [(0.0, 40.0, "no-shadow"), (1.0, 40.0, "short-shadow"), (12.0, 6.0, "low-sun"), (12.0, None, "no-sun")],
)
def test_what_cannot_be_measured_is_refused_with_the_reason(length_px, elevation, reason):
    parts = drawn((1.0, 0.0), length_px)
    told = height(blank(parts, (1.0, 0.0), elevation), parts, 1)
    assert isinstance(told, Skip)
    assert told.reason in (reason, "no-shadow")


def test_a_shadow_that_falls_on_another_stack_is_refused():
    parts = drawn((1.0, 0.0), 20.0)
    labels = parts.labels.copy()
    labels[30:70, 90:120] = 2
    view = blank(parts, (1.0, 0.0), 40.0)
    assert isinstance(height(view, parts, 1), Height)
    told = height(view, Parts(parts.top, parts.shade, labels), 1)
    assert isinstance(told, Skip)
    assert told.reason == "shadow-hidden"


def test_a_shadow_that_leaves_the_yard_is_refused():
    parts = drawn((1.0, 0.0), 30.0)
    view = blank(parts, (1.0, 0.0), 40.0)
    inside = view.inside.copy()
    inside[:, 85:] = False
    told = height(replace(view, inside=inside), parts, 1)
    assert isinstance(told, Skip)
    assert told.reason == "shadow-hidden"


def test_a_shadow_that_is_not_dark_is_none():
    parts = drawn((1.0, 0.0), 12.0)
    view = blank(parts, (1.0, 0.0), 40.0)
    assert isinstance(height(view, parts, 1), Height)
    told = height(replace(view, image=np.full_like(view.image, 120)), parts, 1)
    assert isinstance(told, Skip)
    assert told.reason == "no-shadow"


def test_a_steeper_view_and_a_coarser_pixel_are_less_sure():
    parts = drawn((1.0, 0.0), 12.0)
    view = blank(parts, (1.0, 0.0), 40.0)
    usual = height(view, parts, 1)
    assert height(replace(view, off_nadir_deg=25.0), parts, 1).sd_m > usual.sd_m
    assert height(replace(view, off_nadir_deg=None), parts, 1).sd_m > usual.sd_m
    assert height(replace(view, px_m=1.0), parts, 1).sd_m > usual.sd_m


def test_gaps_are_closed_and_crumbs_are_dropped():
    view = blank(drawn((1.0, 0.0), 5.0), (1.0, 0.0), 40.0)
    goods = np.zeros(view.inside.shape, dtype=bool)
    goods[20:30, 20:40] = goods[20:30, 41:60] = True  # half a metre apart
    goods[80:84, 80:84] = True  # 4 m2
    labels = stacks(goods.astype(np.float32), view)
    assert labels.max() == 1
    assert labels[25, 40] == 1
    ring = outline(labels == 1, view.px_m)
    assert ring.area == pytest.approx(400, rel=0.05)


@given(
    st.floats(0, 5000),
    st.floats(0.1, 300),
    st.lists(st.floats(-5, 5), min_size=20, max_size=80),
    st.floats(0.5, 0.95),
)
def test_intervals_hold_their_value_and_never_fall_below_zero(value, scale, residuals, level):
    best, low, high = interval(value, scale, residuals, level)
    assert 0 <= low <= best <= high


def test_intervals_hold_the_share_they_promise():
    rng = np.random.default_rng(3)
    past, future = rng.gamma(2.0, 1.0, 400) - 2, rng.gamma(2.0, 1.0, 4000) - 2
    _, low, high = interval(100.0, 3.0, past, 0.9)
    held = np.mean((low <= 100 + 3 * future) & (100 + 3 * future <= high))
    assert held == pytest.approx(0.9, abs=0.03)


def stack(area=100.0, high=5.0, sd=0.5):
    told = Height(high, sd, 20) if high else Skip("no-shadow", "none")
    return Stack(shapely.box(0, 0, 20, area / 20), area, 2 * (20 + area / 20), told)


def test_volume_is_area_times_height_and_carries_both_errors():
    value, doubt = volume_of([stack(100, 5.0), stack(60, 2.5)], 0.5)
    assert value == pytest.approx(100 * 5 + 60 * 2.5)
    assert volume_of([stack(100, 5.0, sd=1.5), stack(60, 2.5)], 0.5)[1] > doubt
    assert volume_of([stack(100, 5.0), stack(60, 2.5)], 1.2)[1] > doubt


def test_too_few_known_heights_give_no_volume_but_few_unknown_ones_do():
    assert isinstance(volume_of([stack(50), stack(50, 0.0)], 0.5), Skip)
    value, doubt = volume_of([stack(90), stack(10, 0.0)], 0.5)
    assert value == pytest.approx(500)
    assert doubt > volume_of([stack(100)], 0.5)[1]


def test_container_equivalents_follow_the_volume():
    told = {m.quantity: m for m in measured([stack(200, 5.2)], 20.0, 0.5, 0.9, 1.0)}
    volume, boxes = told["goods_volume_m3"], told["teu"]
    assert boxes.high == pytest.approx(volume.high / BOX_M3)
    assert boxes.low < boxes.value < boxes.high
    assert boxes.low < volume.low / BOX_M3  # boxes are set with gaps between them


def test_shadows_fall_away_from_the_sun_on_the_map():
    east, south = shadow_way(UTM, 90.0), shadow_way(UTM, 180.0)
    assert east == pytest.approx((-1.0, 0.0), abs=0.03)
    assert south == pytest.approx((0.0, -1.0), abs=0.03)
    turned = GeoBox((200, 300), Affine(0, 0.5, 605000, 0.5, 0, 4678000), UTM.crs)
    assert shadow_way(turned, 90.0) != pytest.approx(east, abs=0.5)
    nowhere = GeoBox((200, 300), Affine(0.5, 0, 0, 0, 0.5, 0), None)  # rows run down, north is above
    assert shadow_way(nowhere, 90.0) == pytest.approx((-1.0, 0.0))
    assert shadow_way(nowhere, 180.0) == pytest.approx((0.0, -1.0))


def test_fine_pictures_are_averaged_and_coarse_ones_left_alone():
    image = np.zeros((90, 120, 3), dtype=np.uint8)
    small, factor = coarsened(image, 0.25)
    assert small.shape == (45, 60, 3)
    assert factor == 2.0
    assert coarsened(image, 0.8)[0] is image


def test_layers_learn_what_no_single_figure_tells(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(8000, 3)).astype(np.float32)
    classes = ((rows[:, 0] > 0) ^ (rows[:, 1] > 0)).astype(np.intp)
    layers = fit(rows, classes, (24, 16), rng, 50)
    assert np.mean(layers.probabilities(rows).argmax(axis=1) == classes) > 0.93
    write_layers({"one": layers}, tmp_path / "l.safetensors", {"about": "test"})
    again = read_layers(tmp_path / "l.safetensors")["one"]
    np.testing.assert_array_equal(again.probabilities(rows), layers.probabilities(rows))
    with pytest.raises(UnreadableError):
        read_layers(tmp_path / "absent.safetensors")
    with pytest.raises(InputError):
        Layers(layers.mean, layers.scale, layers.weights[::-1], layers.biases)


def test_a_calibration_survives_its_file(tmp_path):
    one = Calibration((-1.0, 0.0, 1.0), (0.5,), (), "test")
    one.write(tmp_path / "c.json")
    assert Calibration.read(tmp_path / "c.json") == one
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(UnreadableError):
        Calibration.read(tmp_path / "c.json")


def harbour(ship=(60.0, 9.0), angle=0.0, water=(60, 70, 74), pier=True):
    """A pier in the water, a ship beside it; 0.5 m pixels."""
    rng = np.random.default_rng(2)
    image = np.empty((260, 320, 3), dtype=np.float32)
    image[:] = water
    ring = np.array([[70.0, 110], [250, 110], [250, 150], [70, 150]])
    if pier:
        cv2.fillPoly(image, [ring.astype(np.int32)], (180, 176, 168))
    if ship:
        box = cv2.boxPoints(((160.0, 165.0 + ship[1]), (ship[0] / 0.5, ship[1] / 0.5), angle))
        cv2.fillPoly(image, [np.round(box).astype(np.int32)], (130, 60, 50))
    image += rng.normal(0, 1.5, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.6), 0, 255).astype(np.uint8), ring


@pytest.mark.parametrize("length", [40.0, 60.0, 75.0])
def test_a_ship_beside_its_pier_is_as_long_as_drawn(length):
    image, ring = harbour((length, 9.0))
    told = berth_of(image, np.ones(image.shape[:2], dtype=bool), ring, 0.5)
    assert told.pier
    (ship,) = told.vessels
    assert ship.length_m == pytest.approx(length, abs=2.0)
    count, longest = ships_measured(told.vessels, 0.5, 0.9, 1.0)
    assert count.value == 1
    assert longest.low <= length <= longest.high


def test_a_ship_against_a_quay_is_cut_off_from_it():
    image, ring = harbour((60.0, 9.0))
    bow = 160 + 60  # the ship's end, in pixels of 0.5 m
    image[60:260, bow - 2 :] = (150, 148, 140)
    told = berth_of(image, np.ones(image.shape[:2], dtype=bool), ring, 0.5)
    (ship,) = told.vessels
    assert ship.length_m == pytest.approx(60, abs=10)
    assert ship.beam_m == pytest.approx(9, abs=3)


def test_a_stain_that_is_hardly_taken_for_goods_is_none():
    image = np.full((60, 60, 3), 120, dtype=np.uint8)
    view = View(image, np.ones((60, 60), dtype=bool), 0.5, (1.0, 0.0), 40.0)
    top = np.zeros((60, 60), dtype=np.float32)
    top[10:30, 10:30], top[35:55, 35:55] = 0.6, 0.95
    labels = stacks(top, view)
    assert labels.max() == 1
    assert (labels[45, 45], labels[20, 20]) == (1, 0)


def test_no_ship_found_is_no_proof_and_without_water_nothing_is_said():
    seen = np.ones((260, 320), dtype=bool)
    image, ring = harbour(None)
    told = berth_of(image, seen, ring, 0.5)
    assert told.vessels == ()
    (count,) = ships_measured(told.vessels, 0.5, 0.9, 1.0)
    assert (count.value, count.high) == (0.0, 1.0)
    rough = np.random.default_rng(0).integers(0, 255, image.shape).astype(np.uint8)
    assert isinstance(berth_of(rough, seen, ring, 0.5), Skip)


def test_a_basin_is_no_pier():
    image, ring = harbour(None, pier=False)
    assert not berth_of(image, np.ones(image.shape[:2], dtype=bool), ring, 0.5).pier


def scene(**more):
    return Scene(
        "yard",
        (Asset(Path("yard.tif"), ("red", "green", "blue")),),
        taken_at=datetime(2023, 10, 5, tzinfo=UTC),
        **{"sun_azimuth_deg": 150.0, "sun_elevation_deg": 38.0, "off_nadir_deg": 0.0, **more},
    )


def placed(picture, **more):
    rows, cols = picture.image.shape[:2]
    grid = GeoBox((rows, cols), Affine(PX, 0, 605000, 0, -PX, 4678000), "EPSG:32652")
    return ArrayRaster(scene(**more), grid, np.moveaxis(picture.image, -1, 0))


YARD = np.array([[8.0, 8], [108, 8], [108, 92], [8, 92]])


def test_a_place_gives_measurements_and_outlines_on_the_map():
    raster = placed(painted(angle=0.0))
    told, shapes = read_place(raster, [("north", YARD)], [], [], 0.9)
    quantities = {m.quantity: m for m in told}
    assert quantities["goods_area_m2"].low < LONG * WIDE < quantities["goods_area_m2"].high
    assert quantities["teu"].unit == "containers"
    largest = max(shapes, key=lambda shape: shape.area_m2)
    assert (largest.area, largest.kind) == ("north", "stack")
    middle = pixel_to_lonlat(raster.grid, np.array([[35 / PX, 30 / PX]]))[0]
    assert shapely.Polygon(largest.ring).contains(shapely.Point(middle))
    assert largest.height_low_m <= largest.height_m <= largest.height_high_m


def test_what_stands_on_a_track_is_no_goods():
    track = np.array([[0.0, 50], [117, 50]])
    blocks = [Block("container", (35.0, 30.0), (24.0, 3.0), 0.0, 3.5, (60, 105, 190), 5)]
    raster = placed(painted(blocks=blocks))
    free = sum(s.area_m2 for s in read_place(raster, [("y", YARD)], [], [], 0.9)[1])
    taken = sum(s.area_m2 for s in read_place(raster, [("y", YARD)], [], [track], 0.9)[1])
    assert free > 40
    assert taken < 10


def test_a_place_without_yards_or_out_of_sight_says_nothing():
    raster = placed(painted())
    assert read_place(raster, [], [], [], 0.9) == ((), ())
    assert read_place(raster, [("y", YARD + 90)], [], [], 0.9) == ((), ())
    assert read_place(raster, [("y", YARD + 5000)], [], [], 0.9) == ((), ())


def outcome():
    ring = ((130.0, 42.0), (130.001, 42.0), (130.001, 42.001))
    return Outcome(
        "s", "yard", "unknown", datetime(2023, 10, 5, tzinfo=UTC), 0.5, True,
        (Measurement("goods_area_m2", 10, 5, 15, 0.9, "m2", "stacks", 1.0),),
        goods=(
            Outline("north", "stack", ring, 10.0, 6.0, 2.6, 2.0, 3.2),
            Outline("north", "stack", ring, 12.0, 6.0, reason="no-shadow"),
        ),
    )  # fmt: skip


def test_outlines_survive_a_checkpoint_and_reach_the_run_s_files(tmp_path):
    kept = Checkpoint(tmp_path / "kept", "settings", {})
    kept.save(scene(), [Sighting(outcome())])
    (again,) = kept.load(scene())
    assert again.outcome.goods == outcome().goods
    write_tables([outcome(), replace(outcome(), goods=())], tmp_path)
    table = gpd.read_parquet(tmp_path / "goods.parquet")
    assert table.crs.to_epsg() == 4326
    assert list(table["height_m"].isna()) == [False, True]
    features = json.loads((tmp_path / "goods.geojson").read_text())["features"]
    assert [f["properties"]["reason"] for f in features] == ["", "no-shadow"]
    write_tables([replace(outcome(), goods=())], tmp_path)
    assert json.loads((tmp_path / "goods.geojson").read_text())["features"] == []


def test_claims_of_containers_are_held_against_their_equivalents():
    assert ANSWERED_BY["containers"] == ("containers", "teu")


def test_a_view_must_fit_its_mask_and_hold_a_pixel():
    image, inside = np.zeros((5, 5, 3), dtype=np.uint8), np.ones((5, 5), dtype=bool)
    with pytest.raises(InputError):
        View(image, inside[:4], 0.5, (1.0, 0.0), 40.0)
    with pytest.raises(InputError):
        View(image, ~inside, 0.5, (1.0, 0.0), 40.0)
    assert segment(View(image, inside, 0.5, (1.0, 0.0), 40.0)).count == 0
    assert disc(0.2).sum() == 5
