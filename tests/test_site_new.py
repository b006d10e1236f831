"""A site file from OpenStreetMap: a server that fails, a map that lies, and a user whose work stays."""

import json
import socket
import threading
import time
from copy import deepcopy

import numpy as np
import pytest
import shapely
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner

from evidence.cli import app
from evidence.places.new import merge, write_site
from imagery.errors import InputError, UnreadableError
from imagery.sites import load_site
from imagery.sources.maps.osm import translate_map
from imagery.sources.maps.overpass import map_of, parse_box
from imagery.sources.network import web as web_module
from imagery.sources.network.retry import Patience, Retry
from imagery.sources.network.web import Web

BOX = (7.60, 47.53, 7.64, 47.56)


def line(*positions):
    return [{"lat": lat, "lon": lon} for lon, lat in positions]


def way(number, points, version=3, **tags):
    return {"type": "way", "id": number, "version": version, "geometry": line(*points), "tags": tags}


def square(lon, lat, side=0.001):
    return [(lon, lat), (lon + side, lat), (lon + side, lat + side), (lon, lat + side), (lon, lat)]


def elements():
    return [
        way(11, [(7.61, 47.54), (7.62, 47.541)], railway="rail", service="yard", name="Gleis 1"),
        way(12, [(7.61, 47.5401), (7.70, 47.5461)], railway="rail", usage="main"),
        way(13, [(7.61, 47.55), (7.62, 47.55)], railway="rail", tunnel="yes"),
        way(21, square(7.612, 47.540), landuse="railway"),
        way(31, [(7.63, 47.55), (7.631, 47.55)], man_made="pier", width="12"),
        way(41, square(7.615, 47.542), building="warehouse"),
        {
            "type": "node",
            "id": 51,
            "version": 1,
            "lat": 47.551,
            "lon": 7.631,
            "tags": {"seamark:type": "berth"},
        },
        {
            "type": "relation",
            "id": 61,
            "version": 2,
            "tags": {"type": "multipolygon", "landuse": "port"},
            "members": [
                {"type": "way", "ref": 1, "role": "outer", "geometry": line(*square(7.62, 47.55, 0.004)[:3])},
                {"type": "way", "ref": 2, "role": "outer", "geometry": line(*square(7.62, 47.55, 0.004)[2:])},
                {"type": "way", "ref": 3, "role": "inner", "geometry": line(*square(7.621, 47.551))},
            ],
        },
    ]


class Overpass:
    """Answers from a list, one a request; the last one for ever."""

    def __init__(self):
        self.answers, self.asked = [], []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/api/interpreter"
        routes = [Route("/api/interpreter", self._answer)]
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        sockets = {"sockets": [self._socket]}
        self._thread = threading.Thread(target=self._server.run, kwargs=sockets, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def _answer(self, request):
        self.asked.append(request.query_params["data"])
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    def stop(self):
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture(scope="module")
def running():
    server = Overpass()
    yield server
    server.stop()


@pytest.fixture
def overpass(running):
    running.answers, running.asked = [{"version": 0.6, "elements": elements()}], []
    return running


@pytest.fixture
def waits():
    return []


@pytest.fixture
def web(waits):
    return Web(Retry(np.random.default_rng(0), Patience(tries=3, first_s=0.1, longest_s=60), waits.append))


def by_id(collection):
    return {f["properties"]["id"]: f for f in collection["features"]}


def as_geojson(features):
    return json.loads(json.dumps(features))


def test_a_new_site_holds_the_map_with_its_sources_and_can_be_read(overpass, web, tmp_path):
    data = map_of(BOX, web, overpass.url)
    path = tmp_path / "basel.geojson"
    merged, _ = write_site(path, "basel", data, BOX, None)
    site = load_site(path)
    assert (site.id, site.uncertainty_m, site.approximate) == ("basel", 10.0, True)
    assert [t.id for t in site.tracks] == ["way-11", "way-12"]
    assert [(a.id, a.role) for a in site.areas] == [
        ("relation-61", "yard"),
        ("way-21", "yard"),
        ("way-31", "berth"),
    ]
    assert [p.id for p in site.points] == ["node-51"]
    assert site.search_box == pytest.approx(BOX)
    # Cut at the box, and the footprint holds the yard track alone, 50 m wider.
    assert site.tracks[1].line[:, 0].max() == pytest.approx(7.64)
    assert site.footprint.contains(shapely.LineString(site.tracks[0].line))
    assert 7.6205 < site.footprint.bounds[2] < 7.6208
    assert len(site.areas[0].polygon.interiors) == 1
    width = shapely.minimum_rotated_rectangle(site.areas[2].polygon).bounds
    assert (width[3] - width[1]) * 111_200 == pytest.approx(12, rel=0.02)
    stored = json.loads(path.read_text())
    assert "ODbL" in stored["yardwatch"]["notes"]
    track = by_id(stored)["way-11"]["properties"]
    assert track["source"] == "OpenStreetMap contributors, ODbL, way 11, version 3"
    assert (track["uncertainty_m"], track["approximate"], track["name"]) == (10.0, True, "Gleis 1")
    assert by_id(stored)["way-41"]["properties"]["role"] == "building"
    assert data.left_out == {"railway in a tunnel": 1}
    assert merged.added == 7
    assert [p.name for p in tmp_path.iterdir()] == ["basel.geojson"]
    assert "[bbox:47.5300000,7.6000000,47.5600000,7.6400000]" in overpass.asked[0]


def test_a_busy_server_is_asked_again_no_sooner_than_it_says(overpass, web, waits):
    whole = overpass.answers[0]
    cut = Response(json.dumps(whole)[:-40], media_type="application/json")
    busy = PlainTextResponse("rate_limited", 429, {"Retry-After": "7"})
    overpass.answers = [busy, PlainTextResponse("timeout", 504), whole]
    assert len(map_of(BOX, web, overpass.url).features) == 7
    assert waits[0] == 7
    assert 0 < waits[1] < 1
    overpass.asked.clear()
    overpass.answers = [cut, whole]
    assert len(map_of(BOX, web, overpass.url).features) == 7


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (PlainTextResponse("no", 504), "given up after 3 tries: HTTP 504"),
        (PlainTextResponse("no", 429, {"Retry-After": "600"}), "asks to wait 600 s"),
        (Response(b'{"elements": [{"type": "way"', media_type="application/json"), "that is no JSON"),
        ({"elements": elements(), "remark": "runtime error: Query timed out"}, "smaller --bbox"),
        ({"elements": 4}, "is it an Overpass interpreter"),
        ([1], "is it an Overpass interpreter"),
        (PlainTextResponse("parse error", 400), "answers 400: parse error"),
        (PlainTextResponse("", 302, {"Location": "http://127.0.0.1:1/"}), "answers 302"),
    ],
)
def test_what_is_no_whole_answer_is_an_error(overpass, web, answer, told):
    overpass.answers = [answer]
    with pytest.raises(UnreadableError, match=told):
        map_of(BOX, web, overpass.url)


def test_an_answer_without_end_is_not_read_to_its_end(overpass, web, monkeypatch):
    monkeypatch.setattr(web_module, "MAX_ANSWER_BYTES", 2**20)
    overpass.answers = [Response(b" " * (2**20 + 2**18), media_type="application/json")]
    with pytest.raises(UnreadableError, match="more than 1 MiB"):
        map_of(BOX, web, overpass.url)


@pytest.mark.parametrize(
    "endpoint",
    ["file:///etc/passwd", "ftp://host/api", "http://me:pw1234@host/api", "https://h/api?token=abcd", "x"],
)
def test_an_endpoint_is_a_plain_web_address(web, endpoint):
    with pytest.raises(InputError, match="--endpoint") as error:
        map_of(BOX, web, endpoint)
    assert "pw1234" not in str(error.value)
    assert "abcd" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["1,2,3", "a,b,c,d", "7,47,7.6,47.2", "8,47,7,48", "nan,1,2,3", "179.9,0,180.1,0.1"]
)
def test_a_box_that_cannot_be_asked_for_is_refused(text):
    with pytest.raises(InputError, match="--bbox"):
        parse_box(text)


def test_elements_that_lie_are_counted_and_left_out():
    bad = [
        way(1, [(1e300, 47.54), (7.62, 47.54)], railway="rail"),
        way(2, [(7.61, 10**400), (7.62, 47.54)], railway="rail"),
        way(3, [(float("nan"), 47.54), (7.62, 47.54)], railway="rail"),
        way(4, [(7.61, 47.54)], railway="rail"),
        way(5, [(7.61, 47.54), (7.61, 47.54)], railway="rail"),
        way(
            6, [(7.61, 47.54), (7.62, 47.55), (7.62, 47.54), (7.61, 47.55), (7.61, 47.54)], landuse="railway"
        ),
        way(7, [(9.61, 47.54), (9.62, 47.54)], railway="rail"),
        way("../../etc", [(7.61, 47.54), (7.62, 47.54)], railway="rail"),
        way(8, [(7.61, 47.54), (7.62, 47.54)], railway={"a": 1}),
        {**way(9, [], railway="rail"), "geometry": [None, {"lat": "1", "lon": True}]},
        {
            "type": "relation",
            "id": 10,
            "tags": {"landuse": "port"},
            "members": [{"role": "outer", "type": "way"}],
        },
        {"type": "area"},
        None,
        7,
    ]
    assert translate_map(bad, BOX).features == ()
    assert sum(translate_map(bad, BOX).left_out.values()) == len(bad)
    name = "<script>alert(1)</script>\x1b[31m\n[bold]" + "x" * 1000
    (kept,) = translate_map(
        [*bad, way(12, [(7.61, 47.54), (7.62, 47.54)], railway="rail", name=name)], BOX
    ).features
    told = kept.properties["name"]
    assert len(told) == 120
    assert told.isprintable()


def test_what_the_user_drew_and_corrected_stays(tmp_path):
    path = tmp_path / "basel.geojson"
    write_site(path, "basel", translate_map(elements(), BOX), BOX, None)
    mine = json.loads(path.read_text())
    features = by_id(mine)
    corrected = features["way-11"]
    corrected["properties"] |= {"approximate": False, "note": "moved onto the rails", "uncertainty_m": 1}
    corrected["geometry"]["coordinates"] = [[7.6101, 47.5402], [7.6199, 47.5412]]
    features["way-21"]["properties"]["note"] = "coal is stacked here"
    features["way-31"]["geometry"]["coordinates"] = [
        [[x, y] for x, y in square(7.633, 47.551)]
    ]  # moved, unsaid
    features["footprint"]["properties"]["approximate"] = False
    drawn = {"type": "Feature", "properties": {"id": "mine", "role": "track", "colour": "red"}}
    drawn["geometry"] = {"type": "LineString", "coordinates": [[7.61, 47.545], [7.62, 47.545]]}
    mine["features"].append(drawn)
    mine["yardwatch"]["notes"] = "looked at in 2026"
    path.write_text(json.dumps(mine))
    before = deepcopy(by_id(mine))

    upstream = [e for e in elements() if e["id"] not in (12, 41)]
    upstream[0]["version"] = 4
    upstream[0]["geometry"] = line((7.61, 47.541), (7.62, 47.542))
    next(e for e in upstream if e["id"] == 21)["version"] = 9
    upstream.append(way(14, [(7.61, 47.5403), (7.62, 47.5403)], railway="rail"))
    merged, site = write_site(path, "basel", translate_map(upstream, BOX), BOX, path)
    after = by_id(json.loads(path.read_text()))

    for name in ("way-11", "way-31", "mine", "footprint"):
        assert after[name] == before[name]
    for name in ("way-12", "way-41"):
        assert after[name]["geometry"] == before[name]["geometry"]
        assert after[name]["properties"] == {**before[name]["properties"], "removed_upstream": True}
    assert after["way-21"]["properties"]["note"] == "coal is stacked here"
    assert after["way-21"]["properties"]["osm_version"] == 9
    assert "way-14" in after
    assert (merged.added, merged.gone) == (1, 2)
    assert {t.id: t.approximate for t in site.tracks}["way-11"] is False
    notes = json.loads(path.read_text())["yardwatch"]["notes"]
    assert notes.startswith("looked at in 2026")
    assert "ODbL" in notes
    assert by_id(json.loads((tmp_path / "basel.geojson.old").read_text())) == before
    # The same map once more changes nothing but what was marked.
    again, _ = write_site(path, "basel", translate_map(upstream, BOX), BOX, path)
    assert by_id(json.loads(path.read_text())) == after
    assert (again.added, again.gone) == (0, 2)


def test_another_box_keeps_what_lies_outside_it_and_a_split_stays_split():
    data = translate_map(elements(), BOX)
    old = as_geojson(merge("basel", data, BOX).collection)
    east = (7.63, 47.53, 7.66, 47.56)
    wider = merge("basel", translate_map([elements()[1]], east), east, old)
    after = by_id(wider.collection)
    assert "removed_upstream" not in after["way-11"]["properties"]
    ends = [position[0] for position in after["way-12"]["geometry"]["coordinates"]]
    assert (min(ends), max(ends)) == pytest.approx((7.61, 7.66))
    halves = [deepcopy(by_id(old)["way-11"]) for _ in range(2)]
    for half, name in zip(halves, "ab", strict=True):
        half["properties"]["id"] = f"way-11{name}"
    old["features"] = [f for f in old["features"] if f["properties"]["id"] != "way-11"] + halves
    split = by_id(merge("basel", data, BOX, old).collection)
    assert {"way-11a", "way-11b"} <= set(split)
    assert "way-11" not in split


def test_a_box_without_railways_is_still_a_site(tmp_path):
    path = tmp_path / "quiet.geojson"
    _, site = write_site(path, "quiet", translate_map([], BOX), BOX, None)
    assert site.footprint.bounds == pytest.approx(BOX)
    assert site.tracks == ()


def test_a_file_that_is_no_site_is_left_alone(tmp_path):
    path = tmp_path / "basel.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [7]}')
    with pytest.raises(InputError):
        write_site(path, "basel", translate_map(elements(), BOX), BOX, path)
    utm = tmp_path / "utm.geojson"
    crs = {"type": "name", "properties": {"name": "EPSG:32632"}}
    feature = {"type": "Feature", "properties": {"role": "track"}}
    feature["geometry"] = {"type": "LineString", "coordinates": [[400000, 5266000], [400500, 5266000]]}
    utm.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    with pytest.raises(InputError, match="save it as EPSG:4326"):
        write_site(path, "basel", translate_map(elements(), BOX), BOX, utm)
    assert path.read_text() == '{"type": "FeatureCollection", "features": [7]}'


def test_the_command_writes_and_tells(overpass, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    box = ",".join(map(str, BOX))
    run = CliRunner().invoke(app, ["site", "new", "basel", "--bbox", box, "--endpoint", overpass.url])
    assert run.exit_code == 0, run.output
    assert "2 tracks" in run.output
    assert "railway in a tunnel" in run.output
    assert load_site(tmp_path / "basel.geojson").id == "basel"
    wrong = CliRunner().invoke(app, ["site", "new", "../x", "--bbox", box, "--endpoint", overpass.url])
    assert wrong.exit_code == 2
    assert len(overpass.asked) == 1
