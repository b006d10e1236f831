"""Other dates on one frame: what a date is held against, in memory and through a whole run."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage

from evidence import observe as observe_room
from evidence.config import RunConfig
from evidence.run import run
from imagery.alignment import frames as frames_room
from imagery.alignment.frames import Frames, bands_to_align, can_be_aligned, frame, off_tracks, shift_of
from imagery.errors import UnreadableError
from imagery.grid import pixel_to_lonlat
from imagery.scenes import Asset, Scene
from imagery.sources.files.write import write_cog
from imagery.tiles import Tile

BANDS = ("B02", "B03", "B04", "B08", "B11", "SCL")
ROWS, COLS, FINE, EDGE = 64, 96, 8, 2
GRID = GeoBox((ROWS, COLS), Affine(10, 0, 500_000, 0, -10, 4_700_000), "EPSG:32652")
START = datetime(2023, 3, 1, 2, tzinfo=UTC)
TRACKS = [np.array([[20.0, 30.0 + k], [76.0, 31.0 + k]]) for k in range(3)]


def ground():
    rng = np.random.default_rng(4)
    shape = [(n + 2 * EDGE) * FINE for n in (ROWS, COLS)]
    fine = np.full((5, *shape), 0.1)
    for _ in range(300):
        r, c = (int(rng.integers(0, n)) for n in shape)
        h, w = rng.integers(4, 160, 2)
        fine[:, r : r + h, c : c + w] = rng.uniform(0.03, 0.3, 5)[:, None, None]
    return ndimage.gaussian_filter(fine, (0, 3, 3))


GROUND = ground()


def look(rng, dx=0.0, dy=0.0):
    """Stored values of a date that shows the ground at x + dx, y + dy (multiples of 1/8 px)."""
    row, col = (round((EDGE - d) * FINE) for d in (dy, dx))
    cut = GROUND[:, row : row + ROWS * FINE, col : col + COLS * FINE]
    seen = cut.reshape(5, ROWS, FINE, COLS, FINE).mean(axis=(2, 4)) * rng.uniform(0.9, 1.1)
    stored = np.rint((seen + rng.normal(0, 0.003, seen.shape)) * 10_000).clip(1, 20_000)
    return np.concatenate([stored, np.full((1, ROWS, COLS), 5)]).astype(np.uint16)


def scene(day, sensor="sentinel-2-l2a", bands=BANDS):
    return Scene(f"d{day:04d}", (Asset("a.tif", bands),), sensor, START + timedelta(days=day))


def tile(day, pixels=None, **about):
    pixels = look(np.random.default_rng(day)) if pixels is None else pixels
    one = scene(day, **about)
    return Tile(pixels, np.ones(pixels.shape[1:], dtype=bool), GRID, one.bands, one)


def test_only_coarse_optical_sensors_are_aligned_by_their_finest_bands():
    assert [can_be_aligned(scene(0, sensor)) for sensor in ("sentinel-2-l2a", "planetscope", "landsat")] == [
        True,
        True,
        True,
    ]
    assert not any(can_be_aligned(scene(0, s)) for s in ("sentinel-1-rtc", "skysat", "rgb", "unknown"))
    assert bands_to_align(tile(0)) == ("B02", "B03", "B04", "B08")


def test_pixels_off_the_tracks_are_as_far_away_as_asked():
    free = off_tracks((40, 50), [np.array([[10.0, 20.5], [39.9, 20.5]])], 4.0)
    assert not free[17:24, 10:40].any()
    assert free[:17].all()
    assert free[24:].all()
    assert off_tracks((4, 4), [np.array([[90.0, 90.0], [99.0, 90.0]])], 2.0).all()


def memory(days, shifts=None):
    """Tiles in memory, how they are looked up, and how often."""
    shifts = shifts or {}
    tiles = {day: tile(day, look(np.random.default_rng(day), *shifts.get(day, (0, 0)))) for day in days}
    looked = []

    def read(scene, bands):
        looked.append(scene.id)
        return tiles[int(scene.id[1:])]

    return tiles, read, looked


def test_a_place_is_read_once_and_the_date_itself_and_its_day_are_left_out():
    tiles, read, looked = memory([0, 5, 10, 15, 200, 365, 370])
    frames = Frames([one.scene for one in tiles.values()])
    free = np.ones((ROWS, COLS), dtype=bool)
    others = frames.others("yard", tiles[5], free, read)
    assert [other.tile.scene.id for other in others] == ["d0370", "d0000", "d0010", "d0365", "d0015", "d0200"]
    frames.others("yard", tiles[10], free, read)
    assert len(looked) == len(set(looked)) == 7


def test_what_cannot_be_read_or_lies_elsewhere_is_passed_over():
    tiles, _, _ = memory(range(0, 40, 5))
    small = GeoBox((ROWS, COLS), Affine(10, 0, 500_010, 0, -10, 4_700_000), GRID.crs)

    def read_some(scene, bands):
        day = int(scene.id[1:])
        if day == 10:
            raise UnreadableError("broken off")
        one = tiles[day]
        if day == 15:
            return Tile(one.pixels.copy(), one.valid.copy(), small, one.bands, one.scene)
        if day == 20:
            clouded = one.pixels.copy()
            clouded[-1] = 9
            return Tile(clouded, one.valid.copy(), GRID, one.bands, one.scene)
        return None if day == 25 else one

    frames = Frames([one.scene for one in tiles.values()])
    others = frames.others("yard", tiles[0], np.ones((ROWS, COLS), dtype=bool), read_some)
    assert sorted(other.tile.scene.id for other in others) == ["d0005", "d0030", "d0035"]


def test_memory_is_bounded(monkeypatch):
    tiles, read, looked = memory(range(0, 100, 5))
    monkeypatch.setattr(frames_room, "MOST_BYTES", 4 * 5 * ROWS * COLS * 6)
    frames = Frames([one.scene for one in tiles.values()])
    others = frames.others("yard", tiles[0], np.ones((ROWS, COLS), dtype=bool), read)
    assert len(looked) == 6
    assert len(others) in (5, 6)


def test_dates_are_brought_onto_one_frame_first():
    """In each season the dates lie elsewhere: against them alone a date would seem to lie right."""
    shifts = {day: (0.5, 0.0) if day < 60 else (-0.5, 0.0) for day in range(0, 120, 8)}
    tiles, read, _ = memory(shifts, shifts)
    frames = Frames([one.scene for one in tiles.values()])
    free = np.ones((ROWS, COLS), dtype=bool)
    found = [shift_of(tiles[d], frames.others("yard", tiles[d], free, read), free).dx_px for d in (16, 112)]
    assert found[0] - found[1] > 0.6


def test_a_frame_gives_back_what_the_mask_ate_from_the_yard():
    tiles, read, _ = memory(range(0, 60, 5))
    eaten = tiles[0].pixels.copy()
    eaten[-1, 28:35, 20:76] = 9
    one = Tile(eaten, np.ones((ROWS, COLS), dtype=bool), GRID, BANDS, tiles[0].scene)
    framed = frame(one, TRACKS, Frames([t.scene for t in tiles.values()]), "yard", read)
    assert framed.good.all()
    assert framed.given_back_px == 7 * 56


@pytest.mark.parametrize(("sensor", "word"), [("rgb", "coarse optical"), ("sentinel-2-l2a", "give a site")])
def test_what_is_not_aligned_says_why(monkeypatch, sensor, word):
    monkeypatch.setattr(frames_room, "MOST_PIXELS", 100)
    framed = frame(tile(0, sensor=sensor), TRACKS, Frames(()), "", lambda scene, bands: None)
    assert not framed.shift.accepted
    assert word in framed.shift.reason


JITTER = {day: ((day * 7) % 11 / 8 - 0.625, (day * 5) % 9 / 8 - 0.5) for day in range(0, 60, 6)}


def write(folder, day, dx, dy):
    time = START + timedelta(days=day)
    pixels = look(np.random.default_rng(day), dx, dy)
    write_cog(folder / f"S2A_MSIL2A_{time:%Y%m%dT%H%M%S}.tif", pixels, GRID, BANDS, nodata=0)


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "tiles"
    folder.mkdir()
    for day, (dx, dy) in JITTER.items():
        write(folder, day, dx, dy)
    ring = np.array([[18, 26], [78, 26], [78, 38], [18, 38], [18, 26]], dtype=float)
    shapes = [("footprint", {"type": "Polygon", "coordinates": [pixel_to_lonlat(GRID, ring).tolist()]})]
    for line in TRACKS:
        shapes.append(("track", {"type": "LineString", "coordinates": pixel_to_lonlat(GRID, line).tolist()}))
    features = [
        {"type": "Feature", "properties": {"id": f"f{k}", "role": role}, "geometry": geometry}
        for k, (role, geometry) in enumerate(shapes)
    ]
    site = tmp_path / "yard.geojson"
    about = {"id": "yard", "name": "A yard", "uncertainty_m": 5}
    site.write_text(json.dumps({"type": "FeatureCollection", "properties": about, "features": features}))
    return RunConfig(tiles=(folder,), sites=(site,), pictures=0)


def test_a_run_records_where_each_date_lies(tmp_path, config, monkeypatch):
    out = tmp_path / "out"
    first = run(config, out, "c")
    table = pd.read_csv(out / "align.csv").sort_values("taken_at")
    assert len(table) == len(JITTER)
    accepted = table.accepted.to_numpy()
    assert accepted.mean() > 0.7
    given = np.array(list(JITTER.values()))[accepted]
    found = table[["dx_px", "dy_px"]].to_numpy()[accepted]
    # The frame itself is where the dates lie on average.
    apart = (found - found.mean(axis=0)) - (given - given.mean(axis=0))
    assert np.abs(apart).max() < 0.2
    assert np.allclose(table.dx_m, table.dx_px * 10, atol=0.01)
    assert table.reason.str.len().min() > 10

    before = (out / "align.csv").read_bytes()
    monkeypatch.setattr(observe_room, "look", None)  # a second run looks at nothing
    again = run(config, out, "c")
    assert (out / "align.csv").read_bytes() == before
    assert [o.shift for o in again.outcomes] == [o.shift for o in first.outcomes]


def test_a_new_date_changes_the_frame_so_that_all_are_looked_at_again(tmp_path, config, monkeypatch):
    for tile in sorted(config.tiles[0].glob("*.tif"))[3:]:
        tile.unlink()
    run(config, tmp_path / "out", "c")
    write(config.tiles[0], 90, 0.0, 0.0)
    assert Frames([scene(0)]).kin("rgb") == ()  # fine images do not depend on other dates
    looks = []
    real_look = observe_room.look
    monkeypatch.setattr(observe_room, "look", lambda s, *rest: looks.append(s.id) or real_look(s, *rest))
    run(config, tmp_path / "out", "c")
    assert len(looks) == 3 + 1
