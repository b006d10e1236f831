import json
import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer
from shapely import LineString, Point, box

from imagery.errors import InputError, YardwatchError
from imagery.grid import local_grid, pixel_to_lonlat
from imagery.sites import UNSTATED_M, load_site
from imagery.tracks import load_tracks, tracks_in_pixels

ROOT = Path(__file__).parent.parent
SEEDS = sorted((ROOT / "seeds/sites").glob("*.geojson"))
DATA = Path(os.environ.get("YARDWATCH_DATA", ROOT / "../shared/data"))
GEOD = Geod(ellps="WGS84")

FOOTPRINT = [[[130.0, 42.0], [130.01, 42.0], [130.01, 42.01], [130.0, 42.01], [130.0, 42.0]]]
TRACK = [[130.001, 42.005], [130.009, 42.005]]


def feature(kind, positions, /, **properties):
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": positions},
    }


def document(*features, **members):
    return {"type": "FeatureCollection", **members, "features": list(features)}


def valid():
    data = document(
        feature("Polygon", FOOTPRINT, role="footprint", id="footprint", name="A yard", uncertainty_m=30),
        feature("LineString", TRACK, role="track", id="t1", approximate=False),
        feature("Polygon", FOOTPRINT, role="yard", id="y1", approximate=False),
        feature("Point", [130.005, 42.005], role="point", id="p1", uncertainty_m=10, source="a map"),
        yardwatch={"id": "yard-a", "name": "Yard A", "uncertainty_m": 20, "notes": "none"},
    )
    return json.loads(json.dumps(data))  # nothing shared, so that a test may change it


def written(folder, data, name="place.geojson"):
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


# The two sites that come with the project


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_shipped_sites_are_marked_approximate_and_lie_together(path):
    site = load_site(path)
    assert site.id == path.stem
    assert site.approximate
    assert all(track.approximate for track in site.tracks)
    assert all(area.approximate for area in site.areas)
    assert site.uncertainty_m >= 500
    assert box(*site.search_box).contains(site.footprint)
    assert all(site.footprint.covers(LineString(track.line)) for track in site.tracks)
    assert all(site.footprint.covers(area.polygon) for area in site.areas)
    assert not any(
        LineString(track.line).intersects(area.polygon) for track in site.tracks for area in site.areas
    )
    for item in json.loads(path.read_text(encoding="utf-8"))["features"]:
        told = item["properties"]
        assert told["source"]
        assert told["uncertainty_m"] >= 0
        if told["role"] in ("footprint", "track", "yard", "berth"):
            assert told["approximate"] is True
            assert told["note"]


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_shipped_tracks_are_five_metres_apart_on_the_ground(path):
    tracks = load_site(path).tracks
    assert len(tracks) >= 4
    for one, other in pairwise(tracks):
        inside = one.line[1:-1]  # where both run side by side
        fine = dense(other.line, 0.5)
        for lon, lat in inside:
            n = len(fine)
            distance = GEOD.inv(np.full(n, lon), np.full(n, lat), fine[:, 0], fine[:, 1])[2]
            assert np.min(distance) == pytest.approx(5.0, abs=0.1)


def test_tumangang_tracks_hold_the_longest_published_train():
    lengths = [
        GEOD.line_length(*track.line.T) for track in load_site(ROOT / "seeds/sites/tumangang.geojson").tracks
    ]
    assert len(lengths) == 8
    assert min(lengths) > 450
    assert 790 < max(lengths) < 900


def test_shipped_points_are_published_ones():
    table = DATA.parent / "facts" / "points_aoi.geojson"
    if not table.exists():
        pytest.skip(f"{table} is not here: set YARDWATCH_DATA to the real data")
    rows = [row for row in json.loads(table.read_text())["features"] if row["geometry"]["type"] == "Point"]
    known = {tuple(row["geometry"]["coordinates"]): row["properties"] for row in rows}
    points = [point for path in SEEDS for point in load_site(path).points]
    assert len(points) == 7
    for point in points:
        row = known[point.lonlat]
        assert row["seen"] != "memory"
        assert point.uncertainty_m == row["uncertainty_m"]


def dense(line, step):
    pieces = []
    for start, end in pairwise(line):
        n = int(np.ceil(GEOD.inv(*start, *end)[2] / step)) + 1
        pieces.append(np.linspace(start, end, n))
    return np.concatenate(pieces)


# Reading a site


def test_the_example_in_the_readme_is_a_site(tmp_path):
    text = (ROOT / "seeds/README.md").read_text(encoding="utf-8")
    site = load_site(written(tmp_path, text.split("```json\n")[1].split("```")[0]))
    assert (site.id, len(site.tracks), site.approximate) == ("my-yard", 1, False)


def test_site_round_trip(tmp_path):
    site = load_site(written(tmp_path, valid()))
    assert (site.id, site.name, site.uncertainty_m) == ("yard-a", "Yard A", 20.0)
    assert site.footprint.bounds == (130.0, 42.0, 130.01, 42.01)
    assert [track.id for track in site.tracks] == ["t1"]
    np.testing.assert_array_equal(site.tracks[0].line, TRACK)
    assert [(area.id, area.role) for area in site.areas] == [("y1", "yard")]
    assert site.points[0].lonlat == (130.005, 42.005)
    assert not site.approximate


def test_editor_that_drops_the_collection_member_does_no_harm(tmp_path):
    data = valid()
    del data["yardwatch"]
    data["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    site = load_site(written(tmp_path, data, "my-yard.geojson"))
    assert (site.id, site.name, site.uncertainty_m) == ("my-yard", "A yard", 30.0)


def test_empty_attributes_take_cautious_defaults(tmp_path):
    data = valid()
    data["features"] = [
        data["features"][0],
        feature("LineString", TRACK, id=None, role=None, approximate=None),
        feature("MultiLineString", [TRACK, [[130.0, 42.006], [130.01, 42.006]]], id="pair"),
        {"type": "Feature", "properties": {"id": "unplaced"}, "geometry": None},
    ]
    site = load_site(written(tmp_path, data))
    assert [track.id for track in site.tracks] == ["track-2", "pair-1", "pair-2"]
    assert all(track.approximate for track in site.tracks)


def test_footprint_and_search_box_are_derived_from_tracks(tmp_path):
    data = document(
        feature("LineString", TRACK), yardwatch={"uncertainty_m": 5, "name": "Lone track", "id": "lone"}
    )
    site = load_site(written(tmp_path, data))
    west, south, east, north = site.footprint.bounds
    assert GEOD.inv(west, 42.005, TRACK[0][0], 42.005)[2] == pytest.approx(50, abs=1)
    assert GEOD.inv(130.005, south, 130.005, north)[2] == pytest.approx(100, abs=1)
    assert GEOD.inv(site.search_box[0], 42.005, west, 42.005)[2] == pytest.approx(500, rel=0.01)
    assert GEOD.inv(130.005, north, 130.005, site.search_box[3])[2] == pytest.approx(500, rel=0.01)
    assert site.search_box[2] > east


def test_named_crs_is_honoured_and_heights_dropped(tmp_path):
    east, north = Transformer.from_crs(4326, 32652, always_xy=True).transform(*np.array(TRACK).T)
    line = [[x, y, 12.5] for x, y in zip(east, north, strict=True)]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32652"}}
    data = document(feature("LineString", line), crs=crs, yardwatch={"uncertainty_m": 5})
    path = written(tmp_path, data)
    np.testing.assert_allclose(load_site(path).tracks[0].line, TRACK, atol=1e-9)
    tracks = load_tracks(path)
    assert not tracks.pixel
    np.testing.assert_allclose(tracks.lines[0][1], TRACK, atol=1e-9)


def broken(change):
    data = valid()
    change(data)
    return data


def set_in(index, part, **values):
    return lambda data: data["features"][index][part].update(values)


CROSSED = [[[130.0, 42.0], [130.01, 42.01], [130.01, 42.0], [130.0, 42.01], [130.0, 42.0]]]
PARTED = [FOOTPRINT, [[[131.0, 42.0], [131.01, 42.0], [131.01, 42.01], [131.0, 42.0]]]]
WRONG = {
    "role unknown": (set_in(1, "properties", role="siding"), r"t1.* has role 'siding': write one of"),
    "polygon without role": (set_in(2, "properties", role=None), "y1.* second footprint"),
    "wrong geometry": (set_in(1, "properties", role="yard"), "a yard is a Polygon, here is a LineString"),
    "no such geometry": (set_in(1, "geometry", type="Circle"), "'Circle' is not a point"),
    "geometry type a list": (set_in(1, "geometry", type=["LineString"]), "is not a point"),
    "swapped": (set_in(1, "geometry", coordinates=[[42.0, 130.0], [42.1, 130.0]]), "longitude first"),
    "not finite": (set_in(1, "geometry", coordinates=[[float("nan"), 1], [2, 3]]), "is not a position"),
    "text": (set_in(1, "geometry", coordinates=[["130", "42"], [130, 43]]), "is not a position"),
    "one position": (set_in(1, "geometry", coordinates=[[130, 42]]), "at least 2 positions, here are 1"),
    "empty": (set_in(1, "geometry", coordinates=[]), "not a list of positions"),
    "no length": (set_in(1, "geometry", coordinates=[[130, 42], [130, 42]]), "'t1' has no length"),
    "too long": (set_in(1, "geometry", coordinates=[[0, 0], [0, 89]]), "more than 1000 km"),
    "crossed": (set_in(2, "geometry", coordinates=CROSSED), "y1.*cross itself"),
    "two parts": (set_in(0, "geometry", type="MultiPolygon", coordinates=PARTED), "2 parts where one"),
    "second footprint": (set_in(2, "properties", role="footprint"), "y1.* second footprint"),
    "same id": (set_in(2, "properties", id="t1"), "'t1' is used 2 times"),
    "id without letters": (set_in(1, "properties", id=" - "), "' - ' cannot be used"),
    "id a list": (set_in(1, "properties", id=[1]), r"\[1\] cannot be used"),
    "approximate text": (set_in(1, "properties", approximate="no"), "approximate is 'no'"),
    "point without source": (set_in(3, "properties", source=None), "p1.*source is None"),
    "negative uncertainty": (set_in(3, "properties", uncertainty_m=-1), "uncertainty_m is -1"),
    "boolean uncertainty": (set_in(3, "properties", uncertainty_m=True), "uncertainty_m is True"),
    "head key": (lambda data: data["yardwatch"].update(uncertainity_m=3), "unknown key 'uncertainity_m'"),
    "head no mapping": (lambda data: data.update(yardwatch=[1]), r"yardwatch member \[1\] is not a mapping"),
    "head id": (lambda data: data["yardwatch"].update(id="y" * 65), "cannot be used"),
    "head name": (lambda data: data["yardwatch"].update(name=3), "name 3 is not text"),
    "neither": (lambda data: data.update(features=data["features"][3:]), "neither a footprint nor tracks"),
    "crs without name": (lambda data: data.update(crs={"type": "EPSG"}), "names no CRS"),
    "crs unknown": (
        lambda data: data.update(crs={"properties": {"name": "EPSG:1"}}),
        "'EPSG:1' is not known",
    ),
    "crs pipeline": (
        lambda data: data.update(crs={"properties": {"name": "+proj=pipeline +step"}}),
        "is not understood",
    ),
    "no features": (lambda data: data.pop("features"), "is not GeoJSON"),
    "feature no mapping": (lambda data: data["features"].append(7), "feature 5 is not a Feature: 7"),
    "properties no mapping": (lambda data: data["features"][1].update(properties=[1]), "not a mapping"),
}


def test_a_site_of_another_editor_is_read_as_it_is_meant(tmp_path):
    """Only tracks and a footprint, without roles, uncertainty or tidy ids."""
    ring = [[130.0, 42.0], [130.01, 42.0], [130.01, 42.01], [130.0, 42.0]]
    line = [[130.0, 42.0], [130.01, 42.01]]
    features = [
        {
            "type": "Feature",
            "properties": {"name": "area"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        },
        {"type": "Feature", "properties": {"id": 7}, "geometry": {"type": "LineString", "coordinates": line}},
        {
            "type": "Feature",
            "properties": {"id": "Track B"},
            "geometry": {"type": "LineString", "coordinates": line},
        },
    ]
    path = tmp_path / "Yard A.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    site = load_site(path)
    assert site.id == "yard-a"
    assert [track.id for track in site.tracks] == ["7", "track-b"]
    assert site.footprint.area > 0
    assert site.uncertainty_m == UNSTATED_M


@pytest.mark.parametrize("name", WRONG)
def test_wrong_sites_are_refused_with_the_value(tmp_path, name):
    change, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        load_site(written(tmp_path, broken(change)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "is not GeoJSON"),
        ("", "is not GeoJSON"),
        ("[1, 2]", "its type is None"),
        ('{"type": "Topology"}', "its type is 'Topology'"),
        ("[" * 100_000, "is not GeoJSON"),
        ('{"type": ' + "[" * 500 + "]" * 500 + "}", "is not GeoJSON"),
        (" " * (8 * 2**20 + 1), "larger than"),
    ],
    ids=["words", "empty", "list", "topology", "deep", "nested", "large"],
)
def test_files_that_are_not_geojson(tmp_path, text, message):
    path = written(tmp_path, text)
    for load in (load_site, load_tracks):
        with pytest.raises(InputError, match=message):
            load(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        load_site(tmp_path / "none.geojson")
    with pytest.raises(InputError, match="cannot be read"):
        load_site(tmp_path)
    latin = tmp_path / "latin.geojson"
    latin.write_bytes(b'{"type": "\xe9"}')
    with pytest.raises(InputError, match="UTF-8"):
        load_site(latin)


# Tracks by themselves


def test_flagged_lines_are_pixels(tmp_path):
    line = [[1.5, 2.0], [80.0, 60.0]]
    data = document(feature("LineString", line, name="track 1", coordinates="pixel"))
    tracks = load_tracks(written(tmp_path, data))
    assert tracks.pixel
    ((name, xy),) = tracks_in_pixels(tracks, local_grid(100, 100, 0.5))
    assert name == "track 1"
    np.testing.assert_array_equal(xy, line)


def test_lines_beyond_degrees_are_pixels_unless_a_crs_is_named(tmp_path):
    near, far = [[10.0, 10.0], [50.0, 20.0]], [[100.0, 200.0], [400.0, 250.0]]
    data = document(feature("LineString", near), feature("LineString", far))
    tracks = load_tracks(written(tmp_path, data))
    assert tracks.pixel
    assert [name for name, _ in tracks.lines] == ["track-1", "track-2"]
    data["crs"] = {"type": "name", "properties": {"name": "EPSG:4326"}}
    with pytest.raises(InputError, match="not on the globe"):
        load_tracks(written(tmp_path, data))
    with pytest.raises(InputError, match="property coordinates: pixel"):  # read as degrees: 4,430 km
        load_tracks(written(tmp_path, document(feature("LineString", near))))


def test_tracks_are_read_from_a_site_file_and_from_a_bare_geometry(tmp_path):
    path = written(tmp_path, valid())
    assert [name for name, _ in load_tracks(path).lines] == ["t1"]
    bare = written(tmp_path, {"type": "LineString", "coordinates": TRACK}, "bare.geojson")
    np.testing.assert_array_equal(load_tracks(bare).lines[0][1], TRACK)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([feature("Point", [1, 2])], "holds no LineString"),
        ([feature("LineString", TRACK), feature("LineString", TRACK, coordinates="pixel")], "some lines say"),
        ([feature("LineString", TRACK, name="a"), feature("LineString", TRACK, name="a")], "'a' is used 2"),
        ([feature("LineString", [[0, 0], [0, 80]])], "more than 1000 km"),
    ],
)
def test_wrong_tracks(tmp_path, features, message):
    with pytest.raises(InputError, match=message):
        load_tracks(written(tmp_path, document(*features)))


def test_real_tracks_are_pixels():
    folder = DATA / "railcars" / "tracks"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: set YARDWATCH_DATA to the real data")
    for path in folder.glob("*.geojson"):
        tracks = load_tracks(path)
        assert tracks.pixel
        assert len(tracks.lines) == len(json.loads(path.read_text())["features"])
        assert tracks_in_pixels(tracks, local_grid(10, 10, 0.3)) == tracks.lines


def test_map_tracks_come_out_dense_and_on_their_line():
    site = load_site(ROOT / "seeds/sites/tumangang.geojson")
    grid = GeoBox((600, 800), Affine(10, 0, 462_000, 0, -10, 4_698_000), "EPSG:32652")
    placed = tracks_in_pixels(site, grid)
    assert [name for name, _ in placed] == [track.id for track in site.tracks]
    for (_, xy), track in zip(placed, site.tracks, strict=True):
        lonlat = pixel_to_lonlat(grid, xy)
        steps = GEOD.line_lengths(*lonlat.T)
        assert max(steps) <= 5.0 + 1e-6
        assert sum(steps) == pytest.approx(GEOD.line_length(*track.line.T), rel=1e-6)
        np.testing.assert_allclose(lonlat[[0, -1]], track.line[[0, -1]], atol=1e-9)
        assert max(LineString(track.line).distance(Point(*position)) for position in lonlat) < 1e-9


def test_map_tracks_need_an_image_with_a_position(tmp_path):
    with pytest.raises(InputError, match="no map position"):
        tracks_in_pixels(load_site(written(tmp_path, valid())), local_grid(10, 10, 0.5))


def test_tracks_where_the_projection_is_undefined_are_left_out(tmp_path):
    grid = GeoBox((10, 10), Affine(10, 0, 0, 0, -10, 0), "+proj=gnom +lat_0=42 +lon_0=130")
    far = [[-50.0, -42.0], [-50.001, -42.0]]
    tracks = load_tracks(
        written(tmp_path, document(feature("LineString", TRACK), feature("LineString", far)))
    )
    assert [name for name, _ in tracks_in_pixels(tracks, grid)] == ["track-1"]


# Whatever comes, only our own errors

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ANY_FILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def spots(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from spots(child, (*path, key))


def loads_or_refuses(path):
    for load in (load_site, load_tracks):
        with suppress(YardwatchError):
            load(path)


@ANY_FILE
@given(st.binary(max_size=200))
def test_arbitrary_bytes(tmp_path, data):
    path = tmp_path / "any.geojson"
    path.write_bytes(data)
    loads_or_refuses(path)


@ANY_FILE
@given(spot=st.sampled_from([spot for spot in spots(valid()) if spot]), value=JSON)
def test_a_valid_site_with_anything_anywhere(tmp_path, spot, value):
    data = valid()
    holder = data
    for key in spot[:-1]:
        holder = holder[key]
    holder[spot[-1]] = value
    loads_or_refuses(written(tmp_path, data))


@ANY_FILE
@given(
    st.lists(
        st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=2, max_size=5),
        min_size=1,
        max_size=3,
    )
)
def test_lines_anywhere_on_the_globe(tmp_path, lines):
    features = (feature("LineString", line) for line in lines)
    path = written(tmp_path, document(*features, yardwatch={"uncertainty_m": 1}))
    loads_or_refuses(path)


@settings(ANY_FILE, max_examples=15)
@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90), bearing=st.floats(0, 360))
def test_a_short_track_anywhere_has_a_footprint_around_it(tmp_path, lon, lat, bearing):
    start = (lon, float(np.clip(lat, -85, 85)))
    end = GEOD.fwd(*start, bearing, 300)[:2]
    data = document(feature("LineString", [start, end]), yardwatch={"uncertainty_m": 1})
    path = written(tmp_path, data)
    if abs(lon) > 179.9:  # a polygon cannot cross the date line
        loads_or_refuses(path)
        return
    site = load_site(path)
    assert site.footprint.is_valid
    assert site.footprint.contains(LineString([start, end]))


def test_no_footprint_is_derived_across_the_date_line(tmp_path):
    data = document(feature("LineString", [[180, 0], [180, 0.01]]), yardwatch={"uncertainty_m": 1})
    with pytest.raises(InputError, match="date line"):
        load_site(written(tmp_path, data))
