"""Searching catalogues against a local server: pages, faults, duplicates, malicious and recorded items."""

import copy
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery.errors import InputError, UnreadableError
from imagery.period import Period
from imagery.sources.choose import KNOWN
from imagery.sources.earth_search import earth_search, earth_search_v2
from imagery.sources.network.retry import Patience, Retry, TransientError, retry_after_s
from imagery.sources.network.web import Web
from imagery.sources.offers import Gap, Offer, Refusal
from imagery.sources.overpasses import overpasses
from imagery.sources.pages import follow
from imagery.sources.planetary_computer import PlanetaryComputer
from imagery.sources.translate import translate

SITE = (130.59, 42.40, 130.62, 42.43)
YEAR = Period.parse("2023")
S2 = ("sentinel-2-l2a",)


def connect(sleeps=None, tries=4):
    waits = [] if sleeps is None else sleeps
    retry = Retry(np.random.default_rng(0), Patience(tries=tries, first_s=1.0, longest_s=60.0), waits.append)
    return Web(retry, timeout_s=(5, 2))


def item(day=5, tile="52TFM", collection="sentinel-2-c1-l2a", baseline="05.09", **properties):
    """An Item in Earth Search's words."""
    moment = datetime(2023, 10, day, 2, 19, 1, tzinfo=UTC)
    start = moment.strftime("%Y%m%dT021519")
    number = baseline.replace(".", "")
    place = "https://example.org/s2"
    assets = {
        key: {
            "href": f"{place}/{tile}/{day}/{name}.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "gsd": 10,
            "raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": -0.1}],
        }
        for key, name in (("red", "B04"), ("blue", "B02"), ("scl", "SCL"), ("cloud", "CLD"), ("aot", "AOT"))
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"S2B_T{tile}_{start}_{number}_L2A",
        "collection": collection,
        "bbox": [130.0, 42.0, 131.0, 43.0],
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[130, 42], [131, 42], [131, 43], [130, 43], [130, 42]]],
        },
        "properties": {
            "datetime": moment.isoformat().replace("+00:00", "Z"),
            "platform": "sentinel-2b",
            "grid:code": f"MGRS-{tile}",
            "eo:cloud_cover": 12.5,
            "view:sun_azimuth": 165.0,
            "view:sun_elevation": 41.0,
            "s2:processing_baseline": baseline,
            "s2:product_uri": f"S2B_MSIL2A_{start}_N{number}_R003_T{tile}_{start}.SAFE",
            **properties,
        },
        "assets": assets,
        "links": [],
    }


def search(catalogue, period=YEAR, sensors=S2):
    answers = list(catalogue.search(SITE, period, sensors))
    return tuple([one for one in answers if isinstance(one, kind)] for kind in (Offer, Refusal, Gap))


def one(body, catalogue=None):
    catalogue = catalogue or earth_search(connect())
    dialect = next(d for d in catalogue.dialects if d.collection == body.get("collection", d.collection))
    return translate(body, dialect, 130.6, catalogue.address(dialect))


def test_an_item_becomes_an_offer():
    found = one(item())
    assert found.product == "S2B_MSIL2A_20231005T021519_R003_T52TFM"
    assert (found.datatake, found.relative_orbit, found.grid_code) == ("S2B_20231005T021519", 3, "MGRS-52TFM")
    assert (found.cloud_cover, found.sun_azimuth_deg, found.sun_elevation_deg) == (12.5, 165.0, 41.0)
    assert {band.name: (band.scale, band.offset, band.nodata) for band in found.bands} == {
        "B04": (1e-4, -0.1, 0),
        "B02": (1e-4, -0.1, 0),
        "SCL": (1, 0, 0),  # classes are never scaled
        "CLD": (1, 0, None),  # 0 percent is a value, whatever is advertised; AOT is not offered at all
    }
    assert found.rule == "earth-search-c1"
    assert found.properties["platform"] == "sentinel-2b"


def test_the_advertised_offset_does_not_count():
    """Where the flag is set, scale and offset are still advertised: taking both off subtracts twice."""
    applied = item(collection="sentinel-2-l2a", **{"earthsearch:boa_offset_applied": True})
    kept = item(collection="sentinel-2-l2a", **{"earthsearch:boa_offset_applied": False})
    assert applied["assets"]["red"]["raster:bands"] == kept["assets"]["red"]["raster:bands"]
    assert one(applied).band("B04").offset == 0.0
    assert one(kept).band("B04").offset == -0.1


def test_the_sensing_date_does_not_count():
    """Collection 1 reprocessed a scene of 2019 with the offset; its first processing has none."""
    for day, old in ((5, "2019-06-29T02:19:01Z"), (6, "2025-06-29T02:19:01Z")):
        new = one(item(day, collection="sentinel-2-c1-l2a", baseline="05.00", datetime=old))
        first = one(item(day, collection="sentinel-2-l2a", baseline="02.14", datetime=old))
        assert (new.band("B04").offset, first.band("B04").offset) == (-0.1, 0.0)


def test_items_without_raster_bands_and_of_stac_1_1_say_the_same(stac_server, helpers):
    body = item(**{"proj:epsg": 32652})
    bare = copy.deepcopy(body)
    for asset in bare["assets"].values():
        del asset["raster:bands"]
    newer = helpers.in_stac_1_1(body)
    assert "raster:bands" not in json.dumps(newer)
    assert one(bare).bands == one(newer).bands == one(body).bands


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b: b.update(id="../../etc/cron.d/x"), "unsafe-id"),
        (lambda b: b.update(id="/abs"), "unsafe-id"),
        (lambda b: b.update(id=""), "unsafe-id"),
        (lambda b: b.update(id="x" * 300), "unsafe-id"),
        (lambda b: b["assets"]["red"].update(href="file:///etc/passwd"), "href-refused"),
        (lambda b: b["assets"]["red"].update(href="/etc/passwd"), "href-refused"),
        (lambda b: b["assets"]["red"].update(href="../../x.tif"), "href-refused"),
        (lambda b: b["assets"]["red"].update(href="/vsicurl/http://evil/x.tif"), "href-refused"),
        (lambda b: b["assets"]["red"].update(href="https://e.org/x.vrt"), "href-refused"),
        (lambda b: b["assets"]["red"].update(type="application/xml"), "href-refused"),
        (lambda b: b["assets"]["red"].update(type="application/x-gdal-vrt+xml"), "href-refused"),
        (lambda b: b["assets"]["red"].update(type=None, href="https://e.org/x.png"), "href-refused"),
        (lambda b: b["assets"]["red"].update(href=7), "href-refused"),
        (lambda b: b.update(assets={"../x": {"href": "https://e.org/x.tif"}}), "no-bands"),
        (lambda b: b.update(assets=[]), "no-bands"),
        (lambda b: [b["assets"].pop(key) for key in ("red", "blue")], "no-bands"),
        (lambda b: b.update(collection="other"), "unknown-collection"),
        (lambda b: b.update(geometry={"type": "Point", "coordinates": [130, 42]}), "bad-item"),
        (lambda b: b.update(geometry={"type": "Polygon", "coordinates": [[["a", 1]]]}), "bad-item"),
        (lambda b: b.update(geometry={"type": "Polygon"}), "bad-item"),
        (lambda b: b.update(geometry=None, bbox=None), "bad-item"),
        (lambda b: b.update(geometry=None, bbox=[500, 0, 600, 1]), "bad-item"),
        (lambda b: b["properties"].update(datetime="yesterday"), "no-date"),
        (lambda b: b["properties"].update(datetime=None), "no-date"),
        (lambda b: b.update(properties=None), "no-date"),
        (lambda b: b["properties"].update({"s2:processing_baseline": "09.99"}), "unknown-rule"),
        (lambda b: b["properties"].update({"s2:processing_baseline": "02.14"}), "unknown-rule"),
        (
            lambda b: b["properties"].update(
                {"s2:product_uri": b["properties"]["s2:product_uri"].replace("MSIL2A", "MSIL1C")}
            ),
            "wrong-level",
        ),
        (lambda b: b["properties"].pop("s2:product_uri"), "unnamed-product"),
    ],
)
def test_a_bad_item_is_refused_with_its_reason(change, reason):
    body = item()
    change(body)
    catalogue = earth_search(connect())
    dialect = catalogue.dialects[0]
    found = translate(body, dialect, 130.6, catalogue.address(dialect))
    assert isinstance(found, Refusal)
    assert found.reason == reason
    assert found.detail
    assert (found.solar_day is None) == (reason == "no-date")


@pytest.mark.parametrize("body", [None, 7, [], "x", {}, {"id": "x", "properties": {"datetime": 7}}])
def test_what_is_no_item_is_refused_too(body):
    dialect = earth_search(connect()).dialects[0]
    assert isinstance(translate(body, dialect, 130.6, str), Refusal)


def test_a_band_that_is_only_a_help_is_left_out_where_it_cannot_be_read():
    body = item(collection="sentinel-2-l2a", **{"earthsearch:boa_offset_applied": True})
    body["assets"]["cloud"]["href"] = "s3://sentinel-s2-l2a/tiles/52/T/FM/qi/CLD_20m.jp2"
    assert [band.name for band in one(body).bands] == ["B02", "B04", "SCL"]


def test_two_baselines_whose_rules_differ_are_refused():
    body = item(collection="sentinel-2-l2a", baseline="02.14", **{"earthsearch:boa_offset_applied": False})
    assert isinstance(one(body), Offer)
    body["properties"]["s2:processing_baseline"] = "05.00"
    assert one(body).reason == "unknown-rule"


def test_facts_are_kept_plain_short_and_without_credentials():
    facts = {
        "note": "https://a.org/x?sig=hunter2hunter2",
        "long": "x" * 5000,
        "deep": {"a": [1]},
        "odd": float("nan"),
        **{f"n{i:04d}": i for i in range(500)},
    }
    kept = one(item(**facts)).properties
    assert len(kept) <= 120
    assert "hunter2" not in json.dumps(dict(kept))
    assert not {"long", "deep", "odd"} & set(kept)


def test_every_page_is_walked_by_post_without_merging(stac_server):
    for day in range(1, 10):
        stac_server.add(item(day))
    stac_server.page_cap = 2
    offers, refusals, gaps = search(earth_search(connect(), stac_server.url))
    assert sorted(offer.taken_at.day for offer in offers) == list(range(1, 10))
    assert not refusals
    assert not gaps
    bodies = [json.loads(request.body) for request in stac_server.requests("^/search")]
    first = [body for body in bodies if "next" not in body]
    assert len(first) == 2  # one a collection
    assert all(set(body) == {"next"} for body in bodies if body not in first)  # merge: false, to the letter
    assert len(bodies) == 6
    assert {request.method for request in stac_server.requests("^/search")} == {"POST"}


def test_an_empty_page_that_links_on_is_not_the_end(stac_server):
    for day in range(1, 8):
        stac_server.add(item(day))
    stac_server.page_cap, stac_server.hollow_pages = 2, {1}
    offers, _, gaps = search(earth_search(connect(), stac_server.url))
    assert len(offers) == 7
    assert not gaps


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "retry_after": "7"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "reset"},
        {"kind": "short"},
        {"kind": "garbage"},
        {"kind": "slow", "seconds": 0.01},
    ],
    ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}",
)
def test_a_page_that_fails_is_asked_for_again_it_alone(stac_server, fault):
    for day in range(1, 8):
        stac_server.add(item(day))
    stac_server.page_cap = 2
    slow = fault["kind"] == "slow"
    stac_server.fault("^/search", **{**fault, "after": 2, "times": 2})  # the third page, twice
    sleeps = []
    offers, _, gaps = search(earth_search(connect(sleeps), stac_server.url))
    assert len(offers) == 7
    assert not gaps
    tokens = [json.loads(request.body).get("next") for request in stac_server.requests("^/search")]
    repeats = [token for token in tokens if tokens.count(token) > 1 and token is not None]
    assert repeats == ([] if slow else [tokens[2]] * 3)
    assert len(sleeps) == (0 if slow else 2)
    if fault.get("retry_after"):
        assert min(sleeps) >= 7


def test_a_catalogue_that_stays_broken_leaves_a_gap_and_the_rest(stac_server):
    """Offers before the broken page are kept, the years after it are asked, and the days are named."""
    for day in range(1, 8):
        stac_server.add(item(day))
    stac_server.add(item(8, datetime="2024-03-01T02:00:00Z"))
    stac_server.page_cap = 2
    stac_server.fault("^/search", status=503, after=1, times=4)
    offers, _, gaps = search(earth_search(connect(), stac_server.url), Period.parse("2023/2024"))
    assert {(offer.taken_at.year) for offer in offers} == {2023, 2024}
    assert len(offers) == 3
    assert [(gap.collection, gap.period) for gap in gaps] == [("sentinel-2-c1-l2a", Period.parse("2023"))]
    assert "503" in gaps[0].detail


def test_a_server_that_asks_for_too_much_patience_is_given_up(stac_server):
    stac_server.fault("^/search", status=429, retry_after="3600", times=None)
    sleeps = []
    _, _, gaps = search(earth_search(connect(sleeps), stac_server.url))
    assert "3600 s" in gaps[0].detail
    assert sleeps == []
    assert len(stac_server.requests("^/search")) == 2  # one a collection


def test_a_refused_search_is_not_repeated(stac_server):
    stac_server.fault("^/search", status=400, times=None)
    sleeps = []
    _, _, gaps = search(earth_search(connect(sleeps), stac_server.url))
    assert len(gaps) == 2
    assert not sleeps


def test_nobody_home_is_a_gap():
    _, _, gaps = search(earth_search(connect(tries=2), "http://127.0.0.1:9"))
    assert len(gaps) == 2
    assert "2 tries" in gaps[0].detail


def test_a_next_link_may_not_lead_to_another_server():
    with pytest.raises(UnreadableError, match="another server"):
        follow({"href": "https://evil.org/search", "method": "POST"}, "https://a.org/search", {})
    assert follow({"href": "/search?next=2"}, "https://a.org/search", {}) == (
        "https://a.org/search?next=2",
        None,
    )
    merged = {"href": "https://a.org/search", "method": "POST", "merge": True, "body": {"next": 2}}
    assert follow(merged, "https://a.org/search", {"limit": 5})[1] == {"limit": 5, "next": 2}
    assert follow({**merged, "merge": False}, "https://a.org/search", {"limit": 5})[1] == {"next": 2}


def test_pages_in_a_circle_end(stac_server, monkeypatch):
    for day in range(1, 5):
        stac_server.add(item(day))
    stac_server.page_cap = 2
    link = {"rel": "next", "method": "POST", "href": f"{stac_server.url}/search", "body": {"next": "page-0"}}
    monkeypatch.setattr("imagery.sources.pages.next_link", lambda page: link)
    offers, _, gaps = search(earth_search(connect(), stac_server.url))
    assert "leads back" in gaps[0].detail
    assert len(offers) == 4


def test_both_collections_fill_each_others_holes(stac_server):
    for day in (1, 2, 3):
        stac_server.add(item(day))
    for day in (2, 3, 4):
        stac_server.add(item(day, collection="sentinel-2-l2a", **{"earthsearch:boa_offset_applied": True}))
    offers, _, _ = search(earth_search(connect(), stac_server.url))
    assert len(offers) == 6
    groups = overpasses(offers)
    assert [group.taken_at.day for group in groups] == [1, 2, 3, 4]
    assert all(len(group.offers) == 1 for group in groups)
    assert [group.offers[0].collection for group in groups] == ["sentinel-2-c1-l2a"] * 3 + ["sentinel-2-l2a"]
    assert [len(group.spares) for group in groups] == [0, 1, 1, 0]


def test_tiles_of_one_overpass_are_one_overpass(stac_server):
    for tile in ("52TFM", "52TFN", "52TEM"):
        stac_server.add(item(5, tile))
    (group,) = overpasses(search(earth_search(connect(), stac_server.url))[0])
    assert {offer.grid_code for offer in group.offers} == {"MGRS-52TFM", "MGRS-52TFN", "MGRS-52TEM"}


def test_an_item_that_is_given_twice_counts_once(stac_server):
    stac_server.add(item(5))
    stac_server.add(item(5))
    assert len(search(earth_search(connect(), stac_server.url))[0]) == 1


def test_malicious_items_are_recorded_beside_the_good_ones(stac_server):
    stac_server.add(item(1))
    bad = item(2)
    bad["id"] = "../../x"
    stac_server.add(bad)
    worse = item(3)
    worse["assets"]["blue"]["href"] = "file:///etc/passwd"
    stac_server.add(worse)
    offers, refusals, gaps = search(earth_search(connect(), stac_server.url))
    assert len(offers) == 1
    assert sorted(refusal.reason for refusal in refusals) == ["href-refused", "unsafe-id"]
    assert not gaps


def test_version_two_speaks_stac_1_1(stac_server, helpers):
    stac_server.add(helpers.in_stac_1_1(item(5, collection="sentinel-2-l2a")))
    (offer,), _, _ = search(earth_search_v2(connect(), stac_server.url))
    assert (offer.rule, offer.band("B04").offset) == ("earth-search-v2-c1", -0.1)


def radar(name, collection, href):
    body = item(5, collection=collection)
    body["id"] = name
    body["properties"] = {
        "datetime": "2023-10-04T21:30:00Z",
        "sat:relative_orbit": 61,
        "sat:orbit_state": "descending",
        "proj:transform": [0.0002, 0, 130.0, 0, -0.0001, 43.0],
    }
    body["assets"] = {"vv": {"href": href, "type": "image/tiff; application=geotiff"}}
    return body


GRD = "S1A_IW_GRDH_1SDV_20231004T213000_20231004T213025_050618_0618F5"


def test_an_invented_transform_is_never_trusted(stac_server):
    stac_server.add(radar(GRD, "sentinel-1-grd", "s3://sentinel-s1-l1c/GRD/iw-vv.tiff"))
    catalogue = earth_search(connect(), stac_server.url)
    offers, refusals, _ = search(catalogue, sensors=("sentinel-1-grd",))
    assert not offers
    assert [refusal.reason for refusal in refusals] == ["invented-transform"]
    assert search(catalogue, sensors=S2) == ([], [], [])
    storage = PlanetaryComputer(connect(), stac_server.url, environ={})
    stac_server.collections.clear()
    stac_server.add(radar(GRD, "sentinel-1-grd", "https://s1euwest.blob.core.windows.net/s1-grd/iw-vv.tiff"))
    (offer,), _, _ = search(storage, sensors=("sentinel-1-grd",))
    assert offer.placed_by == "gcps"  # whoever reads it must warp it
    assert (offer.rule, offer.relative_orbit, offer.orbit_state) == ("grd-amplitude", 61, "descending")
    assert str(offer.solar_day) == "2023-10-05"


def test_recorded_items_are_offers_or_refused_for_a_reason(real_data):
    folder = real_data / "stac"
    if not folder.is_dir():
        pytest.skip(f"no recorded items at {folder}")
    web = connect()
    catalogues = {name: make(web) for name, make in KNOWN.items()}
    outcomes = {}
    for path in sorted(folder.glob("*.json")):
        body = json.loads(path.read_text())
        features = body if isinstance(body, list) else body.get("features") or [body]
        for feature in features:
            if feature.get("type") != "Feature":
                continue
            pc = path.name.startswith("pc_") or "MSIL2A_20190629" in path.name
            name = "planetary-computer" if pc else "copernicus" if "cdse" in path.name else "earth-search"
            known = [d for d in catalogues[name].dialects if d.collection == feature["collection"]]
            dialect = known[0] if known else catalogues[name].dialects[0]
            found = translate(feature, dialect, 0.0, catalogues[name].address(dialect))
            key = (feature["collection"], found.rule if isinstance(found, Offer) else found.reason)
            outcomes.setdefault(key, []).append(found)
    assert {key: len(found) for key, found in outcomes.items()} == {
        ("sentinel-2-c1-l2a", "earth-search-c1"): 4,
        ("sentinel-2-l2a", "earth-search-offset-applied"): 3,
        ("sentinel-2-l2a", "planetary-computer-before-04"): 1,
        ("sentinel-2-l2a", "planetary-computer-since-04"): 4,
        ("sentinel-2-l2a", "copernicus-since-04"): 1,
        ("sentinel-1-rtc", "planetary-computer-rtc"): 4,
        ("sentinel-1-grd", "invented-transform"): 4,
        ("sentinel-2-l1c", "unknown-collection"): 3,
        ("sentinel-s2-l2a-cogs", "unknown-collection"): 1,
    }
    twins = [one for found in outcomes.values() for one in found if isinstance(one, Offer)]
    groups = [group for group in overpasses(twins) if group.spares]
    assert groups, "the same picture of both collections was recorded"
    for group in groups:
        assert {offer.product for offer in group.spares} <= {offer.product for offer in group.offers}
    both = (
        outcomes["sentinel-2-c1-l2a", "earth-search-c1"][0],
        outcomes["sentinel-2-l2a", "earth-search-offset-applied"][0],
    )
    assert both[0].band("B04").offset == -0.1
    assert both[1].band("B04").offset == 0.0
    assert both[0].band("B04").checksum.startswith("1220")
    assert all(
        offer.band("VV").checksum is None for offer in outcomes["sentinel-1-rtc", "planetary-computer-rtc"]
    )


def test_the_server_answers_ranges_and_paging_as_the_clients_of_the_trade_expect(stac_server):
    rasterio = pytest.importorskip("rasterio")
    pystac_client = pytest.importorskip("pystac_client")
    grid = GeoBox((600, 600), Affine(10, 0, 600000, 0, -10, 4700000), "EPSG:32652")
    noise = np.random.default_rng(0).integers(1, 9000, (600, 600)).astype(np.uint16)
    for day in (1, 2, 3):
        stac_server.add_scene(
            "sentinel-2-c1-l2a",
            f"S2B_{day}",
            datetime(2023, 10, day, 2, tzinfo=UTC),
            grid,
            {"red": noise, "scl": np.full((300, 300), 4, np.uint8)},
        )
    stac_server.page_cap = 2
    client = pystac_client.Client.open(stac_server.url)
    found = list(client.search(collections=["sentinel-2-c1-l2a"], method="POST").items())
    assert len(found) == 3
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        with rasterio.open(f"/vsicurl/{found[0].assets['red'].href}", driver="GTiff") as dataset:
            part = dataset.read(1, window=((0, 50), (0, 50)))
    np.testing.assert_array_equal(part, noise[:50, :50])
    reads = stac_server.assert_ranges()
    assert sum(request.sent for request in reads) < 200_000  # not the whole file


def test_waits_grow_with_jitter_and_have_an_end():
    patience = Patience(tries=9, first_s=1, longest_s=20)
    rng = np.random.default_rng(0)
    for failures in range(1, 2000, 7):
        wait = patience.wait_s(failures, None, rng)
        full = min(20, 2.0 ** min(failures - 1, 60))
        assert full / 2 <= wait <= full
    assert patience.wait_s(1, 15, rng) == 15
    assert len({patience.wait_s(3, None, rng) for _ in range(20)}) == 20
    with pytest.raises(InputError):
        Patience(tries=0)


def test_a_retry_gives_the_result_or_the_last_error():
    sleeps, left = [], [TransientError("reset"), TransientError("busy: token=hunter2hunter2")]

    def action():
        if left:
            raise left.pop(0)
        return 7

    assert Retry(np.random.default_rng(0), Patience(tries=3), sleeps.append)("page", action) == 7
    assert len(sleeps) == 2
    left.extend([TransientError("sig=hunter2hunter2")] * 3)
    with pytest.raises(UnreadableError, match="3 tries") as caught:
        Retry(np.random.default_rng(0), Patience(tries=3), sleeps.append)("page", action)
    assert "hunter2" not in str(caught.value)
    assert caught.value.reason == "busy"
    assert len(sleeps) == 4  # no wait after the last


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("-3", 0),
        ("Thu, 05 Oct 2023 02:00:30 GMT", 30),
        ("Wed, 04 Oct 2023 02:00:00 GMT", 0),
        ("soon", None),
        (None, None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text, seconds):
    assert retry_after_s(text, lambda: datetime(2023, 10, 5, 2, tzinfo=UTC)) == seconds
