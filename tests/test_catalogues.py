"""Signing at read time, credentials, static catalogues and mappings, against a local server."""

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from odc.geo.geobox import GeoBox
from pydantic import ValidationError
from rasterio.errors import RasterioIOError

from imagery.errors import ConfigError, UnreadableError
from imagery.period import Period
from imagery.sources.choose import KNOWN, CatalogueMapping, open_catalogue
from imagery.sources.copernicus import S3_KEY, S3_SECRET, TOKEN, Copernicus
from imagery.sources.network.retry import Patience, Retry
from imagery.sources.network.web import Web
from imagery.sources.offers import Gap, Offer, Refusal
from imagery.sources.planetary_computer import KEY, PlanetaryComputer
from imagery.sources.static_catalogue import StaticCatalogue
from imagery.sources.translate import Dialect

SITE = (130.2, 42.3, 130.3, 42.4)
YEAR = Period.parse("2023")
GRID = GeoBox((512, 512), Affine(10, 0, 600000, 0, -10, 4690000), "EPSG:32652")
CANARY = "hunter2hunter2"
S2_ID = "S2B_MSIL2A_20231005T021519_R003_T52TFM_20231005T051519"
S1_ID = "S1A_IW_GRDH_1SDV_20231004T213000_20231004T213025_050618_0618F5_rtc"


def connect(tries=3):
    return Web(Retry(np.random.default_rng(0), Patience(tries=tries), lambda seconds: None), timeout_s=(5, 5))


def pixels(seed=0):
    return np.random.default_rng(seed).integers(1, 9000, GRID.shape).astype(np.uint16)


def add_sentinel_2(server, keys=("B04", "B02"), **properties):
    return server.add_scene(
        "sentinel-2-l2a",
        S2_ID,
        datetime(2023, 10, 5, 2, 19, tzinfo=UTC),
        GRID,
        {**{key: pixels(i) for i, key in enumerate(keys)}, "SCL": np.full((256, 256), 4, np.uint8)},
        properties={"s2:processing_baseline": "05.09", **properties},
        raster=dict.fromkeys((*keys, "SCL")),
    )


def read(access, band, window=((0, 100), (0, 100))):
    with access.env(), rasterio.open(access.path, driver=band.driver) as dataset:
        return dataset.read(band.index, window=window)


def found(catalogue, sensors=("sentinel-2-l2a",), bbox=SITE, period=YEAR):
    answers = list(catalogue.search(bbox, period, sensors))
    return tuple([one for one in answers if isinstance(one, kind)] for kind in (Offer, Refusal, Gap))


@pytest.fixture
def planetary(stac_server):
    """A Planetary Computer on the local server, its clock and environment in the test's hands."""
    clock = [datetime.now(UTC)]

    def make(environ=None):
        return PlanetaryComputer(
            connect(),
            stac_server.url,
            sas=f"{stac_server.url}/sas",
            storage="127.0.0.1",
            environ=environ or {},
            now=lambda: clock[0],
        )

    make.clock = clock
    return make


def test_a_signed_band_is_read_by_ranges(stac_server, planetary):
    add_sentinel_2(stac_server)
    stac_server.lock()
    catalogue = planetary()
    (offer,), _, _ = found(catalogue)
    assert (offer.rule, offer.band("B04").offset) == ("planetary-computer-since-04", -0.1)
    access = catalogue.access(offer.band("B04").href)
    np.testing.assert_array_equal(read(access, offer.band("B04")), pixels(0)[:100, :100])
    assert all("sig=t1" in request.query for request in stac_server.assert_ranges())


def test_one_token_serves_until_shortly_before_its_end(stac_server, planetary):
    add_sentinel_2(stac_server)
    catalogue = planetary()
    (offer,), _, _ = found(catalogue)
    href = offer.band("B04").href
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: catalogue.access(href), range(20)))
    assert len(stac_server.requests("^/sas/")) == 1
    planetary.clock[0] += timedelta(minutes=39)
    catalogue.access(href)
    assert len(stac_server.requests("^/sas/")) == 1
    planetary.clock[0] += timedelta(minutes=2)  # less than five minutes are left of 45
    catalogue.access(href)
    assert len(stac_server.requests("^/sas/")) == 2


def test_an_expired_token_fails_the_read_and_a_renewed_one_does_not(stac_server, planetary):
    add_sentinel_2(stac_server)
    stac_server.lock(uses=2)
    catalogue = planetary()
    (offer,), _, _ = found(catalogue)
    band = offer.band("B04")
    with pytest.raises(RasterioIOError), catalogue.access(band.href).env():  # noqa: PT012
        with rasterio.open(catalogue.access(band.href).path, driver="GTiff") as dataset:
            for row in range(5):
                dataset.read(1, window=((row * 100, row * 100 + 20), (0, 500)))
    stac_server.locks[0].uses = None
    np.testing.assert_array_equal(read(catalogue.access(band.href, renew=True), band), pixels(0)[:100, :100])


def test_only_the_own_storage_is_signed(stac_server, planetary):
    catalogue = planetary()
    with pytest.raises(UnreadableError, match="not signed") as caught:
        catalogue.access("https://evil.org/container/x.tif")
    assert caught.value.reason == "credentials"
    assert not stac_server.requests("^/sas/")
    body = add_sentinel_2(stac_server)
    body["assets"]["B02"]["href"] = "https://evil.org/container/x.tif"
    _, refusals, _ = found(catalogue)
    assert [refusal.reason for refusal in refusals] == ["href-refused"]


def test_radar_needs_a_key_and_says_so(stac_server, planetary):
    stac_server.add_scene(
        "sentinel-1-rtc",
        S1_ID,
        datetime(2023, 10, 4, 21, 30, tzinfo=UTC),
        GRID,
        {"vv": np.full(GRID.shape, 0.1, np.float32), "vh": np.full(GRID.shape, 0.02, np.float32)},
        raster={"vv": {"nodata": -32768, "data_type": "float32"}, "vh": None},
        nodata=-32768,
    )
    (_, _, gaps) = found(planetary(), sensors=("sentinel-1-rtc",))
    assert KEY in gaps[0].detail
    assert gaps[0].period == YEAR
    assert not stac_server.requests("^/search")
    (offer,), _, gaps = found(planetary({KEY: CANARY}), sensors=("sentinel-1-rtc",))
    assert not gaps
    assert [(band.name, band.nodata, band.scale) for band in offer.bands] == [
        ("VV", -32768, 1),
        ("VH", -32768, 1),
    ]
    assert str(offer.solar_day) == "2023-10-05"


def test_credentials_reach_the_servers_they_are_for_and_nothing_else(stac_server, planetary, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    add_sentinel_2(stac_server)
    stac_server.lock()
    catalogue = planetary({KEY: CANARY})
    (offer,), _, _ = found(catalogue)
    access = catalogue.access(offer.band("B04").href)
    read(access, offer.band("B04"))
    signing = stac_server.requests("^/sas/")
    assert [request.headers.get("ocp-apim-subscription-key") for request in signing] == [CANARY]
    others = [request for request in stac_server.requests() if not request.path.startswith("/sas/")]
    assert CANARY not in json.dumps([[request.headers, request.query] for request in others])
    # Errors, too: a band that is not there, a signing service that refuses.
    messages = []
    with pytest.raises(RasterioIOError) as gone, access.env():
        rasterio.open(access.path.replace("B04", "B99"), driver="GTiff")
    messages += [repr(gone.value), repr(gone.value.__cause__)]
    stac_server.fault("^/sas/", status=403, times=None)
    with pytest.raises(UnreadableError) as refused:
        catalogue.access(offer.band("B04").href, renew=True)
    assert refused.value.reason == "credentials"
    messages += [repr(refused.value), repr(refused.value.__cause__)]
    captured = capfd.readouterr()
    logs = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    shown = "\n".join(
        [*messages, *logs, captured.out, captured.err, repr(offer), repr(access), repr(catalogue)]
    )
    shown += repr(vars(access)) + repr(vars(catalogue))
    assert CANARY not in shown
    assert "sig=" not in shown


def test_a_signing_service_that_answers_nonsense_is_an_error(stac_server, planetary):
    catalogue = planetary()
    endless, empty = {"token": "sig=1"}, {"token": "", "msft:expiry": "2026-01-01T00:00:00Z"}
    for answer in ({}, endless, empty, []):
        catalogue.web = type("Web", (), {"json": lambda self, url, headers, answer=answer: answer})()
        with pytest.raises(UnreadableError) as caught:
            catalogue.access(f"{stac_server.url}/container/x.tif")
        assert caught.value.reason == "credentials"


def copernicus(server, environ):
    host = server.url.removeprefix("http://")
    return Copernicus(connect(), server.url, s3=f"http://{host}", download="127.0.0.1", environ=environ)


def add_to_bucket(server):
    body = add_sentinel_2(server)
    body["id"] = "S2B_MSIL2A_20231005T021519_N0509_R003_T52TFM_20231005T051519"
    body["properties"] = {"datetime": "2023-10-05T02:19:01Z", "processing:version": "05.09"}
    assets = body.pop("assets")
    body["assets"] = {}
    for key, metres in (("B04", 10), ("B02", 10), ("SCL", 20)):
        asset = assets[key]
        path = asset["href"].partition("/files/")[2]
        other = {"https": {"href": f"{server.url}/files/{path}", "auth:refs": ["oidc"]}}
        body["assets"][f"{key}_{metres}m"] = {**asset, "href": f"s3://eodata/{path}", "alternate": other}
    body["assets"]["AOT_10m"] = {**body["assets"]["B04_10m"], "raster:scale": 0.001, "raster:offset": -0.1}
    return body


def test_the_data_space_is_read_with_keys(stac_server):
    add_to_bucket(stac_server)
    environ = {S3_KEY: "mykey", S3_SECRET: CANARY}
    catalogue = copernicus(stac_server, environ)
    (offer,), _, _ = found(catalogue)
    assert [band.name for band in offer.bands] == ["B02", "B04", "SCL"]  # no AOT, whose offset is a slip
    assert (offer.rule, offer.band("B04").offset, offer.band("SCL").offset) == (
        "copernicus-since-04",
        -0.1,
        0,
    )
    band = offer.band("B04")
    assert band.href.startswith("s3://eodata/")
    access = catalogue.access(band.href)
    np.testing.assert_array_equal(read(access, band), pixels(0)[:100, :100])
    for request in stac_server.assert_ranges("^/eodata/"):
        assert "Credential=mykey/" in request.headers["authorization"]
        assert CANARY not in json.dumps([request.headers, request.query])
    assert CANARY not in repr(access) + repr(vars(access))
    assert CANARY not in json.dumps(dict(access.options))
    with pytest.raises(UnreadableError, match=TOKEN):
        catalogue.access("s3://other-bucket/x.jp2")


def test_the_data_space_is_read_with_a_token(stac_server):
    add_to_bucket(stac_server)
    catalogue = copernicus(stac_server, {TOKEN: CANARY})
    (offer,), _, _ = found(catalogue)
    band = offer.band("B04")
    np.testing.assert_array_equal(read(catalogue.access(band.href), band), pixels(0)[:100, :100])
    reads = stac_server.assert_ranges("^/files/")
    assert {request.headers["authorization"] for request in reads} == {f"Bearer {CANARY}"}
    assert all("authorization" not in request.headers for request in stac_server.requests("^/search"))
    with pytest.raises(UnreadableError):
        catalogue.access("https://evil.org/x.jp2")


def test_the_data_space_without_an_account_is_a_gap(stac_server):
    _, _, (gap,) = found(copernicus(stac_server, {}))
    assert S3_KEY in gap.detail
    assert TOKEN in gap.detail


def test_a_bucket_of_somebody_else_is_refused(stac_server):
    body = add_to_bucket(stac_server)
    body["assets"]["B04_10m"]["href"] = "s3://evil/x.jp2"
    _, refusals, _ = found(copernicus(stac_server, {S3_KEY: "a", S3_SECRET: "b"}))
    assert [refusal.reason for refusal in refusals] == ["href-refused"]


# Static catalogues


@pytest.fixture
def folder(stac_server):
    """A static catalogue on disk, which the local server serves as well."""
    body = add_sentinel_2(stac_server)
    root = stac_server.folder
    for asset in body["assets"].values():
        asset["href"] = "./" + asset["href"].partition("/files/sentinel-2-l2a/")[2].partition("/")[2]
    links = [
        {"rel": "child", "href": "./sentinel-2-l2a/collection.json"},
        {"rel": "root", "href": "./catalog.json"},
    ]
    (root / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "c", "links": links}))
    links = [{"rel": "item", "href": f"./{S2_ID}/item.json"}, {"rel": "parent", "href": "../catalog.json"}]
    (root / "sentinel-2-l2a/collection.json").write_text(json.dumps({"type": "Collection", "links": links}))
    (root / "sentinel-2-l2a" / S2_ID / "item.json").write_text(json.dumps(body))
    return root


PLAIN = {"B04": "B04", "B02": "B02", "SCL": "SCL"}


def static(root, web=None):
    dialect = Dialect(
        "mine",
        "sentinel-2-l2a",
        "sentinel-2-l2a",
        PLAIN,
        table=("planetary-computer", "sentinel-2-l2a"),
        level="L2A",
    )
    return StaticCatalogue("mine", root, [dialect], web or connect())


def test_a_static_catalogue_is_read_from_disk_and_from_a_server(stac_server, folder):
    for catalogue in (static(folder / "catalog.json"), static(f"{stac_server.url}/files/catalog.json")):
        (offer,), refusals, gaps = found(catalogue)
        assert not refusals
        assert not gaps
        band = offer.band("B04")
        np.testing.assert_array_equal(read(catalogue.access(band.href), band), pixels(0)[:100, :100])
        assert found(catalogue, bbox=(10, 10, 11, 11)) == ([], [], [])
        assert found(catalogue, period=Period.parse("2022")) == ([], [], [])
        assert found(catalogue, sensors=("sentinel-1-rtc",)) == ([], [], [])


@pytest.mark.parametrize(
    "href",
    ["../../outside.tif", "/etc/passwd", "file:///etc/passwd", "link.tif", "/vsimem/x", "x\\y.tif", "a.vrt"],
)
def test_a_static_catalogue_never_leaves_its_folder(folder, tmp_path, href):
    (tmp_path / "outside.tif").write_bytes(b"secret")
    item = folder / "sentinel-2-l2a" / S2_ID / "item.json"
    (item.parent / "link.tif").symlink_to(tmp_path / "outside.tif")
    (item.parent / "a.vrt").write_text("<VRTDataset/>")
    body = json.loads(item.read_text())
    body["assets"]["B04"]["href"] = href
    item.write_text(json.dumps(body))
    offers, refusals, _ = found(static(folder / "catalog.json"))
    assert not offers
    assert [refusal.reason for refusal in refusals] == ["href-refused"]


@pytest.mark.parametrize(
    "href", ["../../../outside.json", "file:///etc/passwd", "/etc/passwd", "https://evil.org/x"]
)
def test_links_of_a_static_catalogue_never_leave_its_folder(stac_server, folder, tmp_path, href):
    (tmp_path / "outside.json").write_text("{}")
    place = folder / "sentinel-2-l2a/collection.json"
    body = json.loads(place.read_text())
    body["links"].append({"rel": "item", "href": href})
    place.write_text(json.dumps(body))
    for root in (folder / "catalog.json", f"{stac_server.url}/files/catalog.json"):
        _, _, gaps = found(static(root, connect(tries=1)))
        assert len(gaps) == 1, root
        assert gaps[0].period == YEAR


def test_a_broken_file_of_a_static_catalogue_is_a_gap_and_circles_end(folder):
    body = json.loads((folder / "catalog.json").read_text())
    body["links"] += [{"rel": "child", "href": "./broken.json"}, {"rel": "child", "href": "./catalog.json"}]
    (folder / "catalog.json").write_text(json.dumps(body))
    (folder / "broken.json").write_text("{")
    offers, _, gaps = found(static(folder / "catalog.json"))
    assert len(offers) == 1
    assert "broken.json" in gaps[0].detail


# Mappings


def mapping(server, **change):
    return {
        "name": "mine",
        "url": server.url,
        "collections": [
            {
                "collection": "sentinel-2-l2a",
                "sensor": "sentinel-2-l2a",
                "assets": PLAIN,
                "like": "planetary-computer/sentinel-2-l2a",
            }
        ],
        **change,
    }


def test_any_api_by_a_mapping(stac_server, folder):
    web = connect()
    api = open_catalogue(CatalogueMapping(**mapping(stac_server)), web)
    stac_server.collections.clear()
    add_sentinel_2(stac_server)
    (offer,), _, _ = found(api)
    assert (offer.provider, offer.rule) == ("mine", "planetary-computer-since-04")
    fixed = {**mapping(stac_server)["collections"][0], "scale": 1e-4, "offset": 0.0, "nodata": 0}
    del fixed["like"]
    api = open_catalogue(CatalogueMapping(**mapping(stac_server, collections=[fixed])), web)
    (offer,), _, _ = found(api)
    assert (offer.rule, offer.band("B04").offset, offer.band("B04").nodata) == ("config-mine", 0.0, 0)
    disk = CatalogueMapping(**mapping(stac_server, url="catalog.json", static=True))
    assert len(found(open_catalogue(disk, web, folder))[0]) == 1


def test_headers_of_a_mapping_go_where_it_says(stac_server):
    add_sentinel_2(stac_server)
    environ = {"MY_TOKEN": f"Bearer {CANARY}", "MY_KEY": "k-" + CANARY}
    headers = {"Authorization": "MY_TOKEN", "X-Api-Key": "MY_KEY"}
    choice = CatalogueMapping(**mapping(stac_server, headers=headers))
    assert CANARY not in choice.model_dump_json()
    catalogue = open_catalogue(choice, connect(), environ=environ)
    (offer,), _, _ = found(catalogue)
    band = offer.band("B04")
    read(catalogue.access(band.href), band)
    for request in [*stac_server.requests("^/search"), *stac_server.assert_ranges()]:
        assert request.headers["authorization"] == f"Bearer {CANARY}"
        assert request.headers["x-api-key"] == "k-" + CANARY
    assert not catalogue.access("https://elsewhere.org/x.tif").credentials
    assert CANARY not in repr(vars(catalogue))


@pytest.mark.parametrize("value", [None, "", "a\r\nHost: evil", "a,b"])
def test_a_header_without_a_usable_value_is_refused(stac_server, value):
    environ = {} if value is None else {"MY_TOKEN": value}
    choice = CatalogueMapping(**mapping(stac_server, headers={"Authorization": "MY_TOKEN"}))
    with pytest.raises(ConfigError, match="MY_TOKEN"):
        open_catalogue(choice, connect(), environ=environ)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "file:///etc/passwd"},
        {"url": f"https://user:{CANARY}@a.org"},
        {"url": f"https://a.org/?key={CANARY}"},
        {"name": "earth-search"},
        {"name": "../x"},
        {"collections": []},
        {"unknown": 1},
        {"static": True, "headers": {"A": "B"}},
        {"collections": [{"collection": "c", "sensor": "nothing", "scale": 1, "offset": 0}]},
        {"collections": [{"collection": "c", "sensor": "sentinel-2-l2a"}]},
        {"collections": [{"collection": "c", "sensor": "planetscope", "scale": 1e-4, "offset": 0}]},
        {"collections": [{"collection": "c", "sensor": "sentinel-2-l2a", "like": "x"}]},
        {"collections": [{"collection": "c", "sensor": "sentinel-2-l2a", "like": "a/b", "offset": 1}]},
    ],
)
def test_a_mapping_is_checked(stac_server, change):
    with pytest.raises(ValidationError):
        CatalogueMapping(**mapping(stac_server, **change))


def test_known_catalogues_open_by_name_without_asking_anything():
    for name in KNOWN:
        assert open_catalogue(name, connect()).name == name
    with pytest.raises(ConfigError, match="earth-search"):
        open_catalogue("earthsearch", connect())


def test_the_mapping_of_the_docs_is_one():
    text = (Path(__file__).resolve().parents[1] / "docs/catalogues.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    choice = CatalogueMapping(**yaml.safe_load(block))
    catalogue = open_catalogue(choice, connect(), environ={"MY_STAC_TOKEN": "x"})
    assert [dialect.collection for dialect in catalogue.dialects] == ["s2-l2a", "planet"]
