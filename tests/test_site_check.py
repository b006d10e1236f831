"""A site held against images: known offsets come back, and where nothing shows nothing is claimed."""

import json

import cv2
import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence.cli import app
from imagery.alignment.composite import composite
from imagery.errors import InputError
from imagery.grid import pixel_to_lonlat
from imagery.sources.files.write import write_cog
from imagery.sources.folders.folder import find_scenes
from imagery.synthetic.layout import Layout
from imagery.synthetic.light import Light
from imagery.synthetic.paint import paint
from imagery.synthetic.rakes import random_rakes
from imagery.synthetic.sensor import Optics
from models.axes.offset import measure_offsets

EXTENT = (400.0, 120.0)


def layout(tracks, soil="gravel", seed=3):
    x = np.linspace(10, 390, 40)
    lines = [
        np.stack([x, 60 + (i - (tracks - 1) / 2) * 4.8 + 6 * np.sin(x / 190)], axis=1) for i in range(tracks)
    ]
    return Layout(tracks_m=tuple(lines), extent_m=EXTENT, soil=soil, seed=seed)


def painted(yard, gsd, seed=0, wagons=False):
    rng = np.random.default_rng(seed)
    light = Light(sun_azimuth_deg=150.0, sun_elevation_deg=40.0, haze=0.0)
    placed = random_rakes(rng, yard) if wagons else []
    shape = (round(EXTENT[1] / gsd), round(EXTENT[0] / gsd))
    return paint(yard, placed, light, Optics(gsd_m=gsd), rng, shape).image


def measured(image, gsd, lines, seed=0):
    tracks = tuple((f"t{i}", line / gsd) for i, line in enumerate(lines))
    pictures = image if isinstance(image, list) else [image]
    pictures = [(one, np.ones(one.shape[:2], bool)) for one in pictures]
    return measure_offsets(pictures, gsd, tracks, np.random.default_rng(seed))


@pytest.mark.parametrize(("tracks", "soil"), [(1, "grass"), (3, "gravel"), (6, "gravel"), (10, "grass")])
def test_an_offset_of_three_metres_is_found_within_one(tracks, soil):
    yard = layout(tracks, soil, seed=tracks)
    image = painted(yard, 0.5)
    # Drawn 3 m further up: the rails lie to the right of travel, which is down.
    found = measured(image, 0.5, [line - [0, 3.0] for line in yard.tracks_m])
    for offset in found:
        assert offset.offset_m == pytest.approx(3.0, abs=1.0)
        assert abs(offset.offset_m - 3.0) < 3 * offset.uncertainty_m
        assert offset.towards_deg == pytest.approx(180, abs=5)


def test_the_direction_of_drawing_turns_the_sign_and_not_the_place():
    yard = layout(3)
    image = painted(yard, 0.5)
    lines = [line - [0, 2.0] for line in yard.tracks_m]
    lines[1] = lines[1][::-1]
    found = measured(image, 0.5, lines)
    assert [np.sign(offset.offset_m) for offset in found] == [1, -1, 1]
    assert found[1].offset_m == pytest.approx(-2, abs=1)
    assert found[1].towards_deg == pytest.approx(180, abs=5)


def test_ten_metre_pixels_show_the_corridor_within_what_is_stated():
    yard = layout(6, "gravel", seed=6)
    image = cv2.resize(painted(yard, 0.5), (40, 12), interpolation=cv2.INTER_AREA).astype(np.uint8)
    found = measured(image, 10.0, [line - [0, 4.0] for line in yard.tracks_m])
    assert {offset.offset_m for offset in found} == {found[0].offset_m}  # of the bundle, not of each track
    assert found[0].uncertainty_m >= 4
    assert abs(found[0].offset_m - 4.0) < found[0].uncertainty_m


@settings(max_examples=8)
@given(st.integers(0, 1000), st.sampled_from([0.0, 4.0, 12.0]))
def test_flat_ground_tells_nothing(seed, noise):
    rng = np.random.default_rng(seed)
    image = np.clip(110 + noise * rng.standard_normal((240, 800, 3)), 0, 255).astype(np.uint8)
    for offset in measured(image, 0.5, layout(2).tracks_m, seed):
        assert offset.offset_m is None
        assert offset.uncertainty_m is None
        assert "cannot be told" in offset.statement


def test_a_yard_full_of_wagons_is_never_surely_wrong():
    for tracks in (1, 3, 6):
        yard = layout(tracks, seed=tracks)
        for offset in measured(painted(yard, 0.5, wagons=True), 0.5, [t - [0, 3.0] for t in yard.tracks_m]):
            assert offset.offset_m is None or offset.offset_m == pytest.approx(3.0, abs=1.0)


def test_a_row_of_lines_everywhere_cannot_be_told_from_one_line_further():
    stripes = 110 + 30 * np.cos(2 * np.pi * (np.arange(240) * 0.5 - 60) / 4.8)
    image = np.repeat(np.repeat(stripes[:, None, None], 800, axis=1), 3, axis=2).astype(np.uint8)
    line = np.array([[10.0, 60.0], [390.0, 60.0]])
    found = measured(image, 0.5, [line, line + np.array([0, 4.8])])
    assert all(offset.offset_m is None for offset in found)


def test_a_short_or_unseen_track_tells_nothing():
    yard = layout(1)
    image = painted(yard, 0.5)
    (short,) = measured(image, 0.5, [yard.tracks_m[0][:8]])
    (away,) = measured(image, 0.5, [yard.tracks_m[0] + [0, 5000]])
    assert short.offset_m is None
    assert "are needed" in short.statement
    assert (away.offset_m, away.seen_m) == (None, 0.0)


def grid_of(shape, gsd, left=400_000.0, top=5_266_000.0):
    return GeoBox(shape, Affine(gsd, 0, left, 0, -gsd, top), "EPSG:32632")


def write_picture(path, image, gsd, day=1, tags=None, **grid):
    stamp = {"TIFFTAG_DATETIME": f"2024:05:{day:02d} 10:00:00", **(tags or {})}
    write_cog(
        path,
        image.transpose(2, 0, 1),
        grid_of(image.shape[:2], gsd, **grid),
        ("red", "green", "blue"),
        tags=stamp,
    )


def write_map(path, lines, gsd, shape):
    grid = grid_of(shape, gsd)
    features = [
        {
            "type": "Feature",
            "properties": {"id": f"t{i}", "role": "track"},
            "geometry": {"type": "LineString", "coordinates": pixel_to_lonlat(grid, line / gsd).tolist()},
        }
        for i, line in enumerate(lines)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def test_the_command_measures_on_the_finest_images_and_draws(tmp_path):
    yard, tiles = layout(3), tmp_path / "tiles"
    tiles.mkdir()
    image = painted(yard, 0.5)
    write_picture(tiles / "a.tif", image, 0.5, day=1)
    cloud = image.copy()
    cloud[:, :400] = 250
    # Another corner, so that it must be laid over the first.
    write_picture(tiles / "b.tif", cloud[4:, 6:], 0.5, day=2, left=400_003.0, top=5_265_998.0)
    write_picture(tiles / "c.tif", painted(yard, 0.5, seed=5), 0.5, day=3)
    write_picture(tiles / "coarse.tif", np.full((12, 40, 3), 90, np.uint8), 10.0, day=4)
    (tiles / "broken.tif").write_bytes(b"II*\x00 no image")
    site = tmp_path / "yard.geojson"
    write_map(site, [line - [0, 3.0] for line in yard.tracks_m], 0.5, image.shape[:2])
    out = tmp_path / "out"
    run = CliRunner().invoke(app, ["site", "check", str(site), "--tiles", str(tiles), "--out", str(out)])
    assert run.exit_code == 0, run.output
    told = json.loads((out / "check.json").read_text())
    assert len(told["images"]) == 3
    assert told["gsd_m"] == pytest.approx(0.5, rel=0.01)
    assert [track["offset_m"] for track in told["tracks"]] == pytest.approx([3, 3, 3], abs=1)
    assert told["refused"][0]["path"] == "broken.tif"
    assert (out / "check.png").read_bytes().startswith(b"\x89PNG")
    assert "±" in run.output
    first = (out / "check.json").read_bytes()
    CliRunner().invoke(app, ["site", "check", str(site), "--tiles", str(tiles), "--out", str(out)])
    assert (out / "check.json").read_bytes() == first


def test_the_composite_is_the_median_of_what_is_seen(tmp_path):
    for day, level in enumerate((60, 100, 220), start=1):
        image = np.full((80, 100, 3), level, np.uint8)
        if day == 2:
            image[:, 50:] = 0
        write_picture(tmp_path / f"{day}.tif", image, 1.0, day=day)
    lonlat = pixel_to_lonlat(grid_of((80, 100), 1.0), np.array([[20.0, 20.0], [80.0, 60.0]]))
    picture, refused = composite(find_scenes([tmp_path]).scenes, lonlat, 5.0)
    assert (len(picture.scenes), refused) == (3, [])
    assert picture.rgb.shape[:2] == picture.valid.shape == picture.grid.shape == (50, 70)
    with pytest.raises(InputError, match="none of 3 images"):
        composite(find_scenes([tmp_path]).scenes, lonlat + 1.0, 5.0)


def test_radar_or_nothing_is_an_error_with_the_reason(tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\x00 no image")
    site = tmp_path / "yard.geojson"
    write_map(site, layout(1).tracks_m, 0.5, (240, 800))
    run = CliRunner().invoke(app, ["site", "check", str(site), "--tiles", str(tmp_path)])
    assert run.exit_code == 2
    assert "shows the site" in run.output
