"""What comes from strangers: ids, addresses, credentials; and which offers are one picture."""

import copy
import hashlib
import json
import logging
import pickle
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from imagery.errors import InputError
from imagery.sources.catalogue import Access
from imagery.sources.network.secret import HIDDEN, Secret, bare_href, from_environment, redact
from imagery.sources.offers import Offer, RemoteBand, multihash, safe_href, safe_name
from imagery.sources.overpasses import overpasses
from imagery.sources.products import product_named

CANARY = "hunter2hunter2"


def offer(
    item="S2B_T52TFM_20231005T021900_L2A",
    product="S2B_MSIL2A_20231005T021519_R003_T52TFM",
    area=(130.0, 42.0, 131.0, 43.0),
    **other,
):
    fields = {
        "provider": "earth-search",
        "collection": "sentinel-2-c1-l2a",
        "sensor": "sentinel-2-l2a",
        "taken_at": datetime(2023, 10, 5, 2, 19, tzinfo=UTC),
        "lon": 130.6,
        "datatake": "S2B_20231005T021519",
        "bands": (RemoteBand("B04", "https://example.org/B04.tif", 1e-4, -0.1, 0),),
        "rule": "earth-search-c1",
        "baseline": "05.09",
    }
    return Offer(id=item, product=product, footprint=box(*area), **{**fields, **other})


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../x",
        "a/../b",
        "/etc/passwd",
        "a/b",
        "a\\b",
        ".hidden",
        "a b",
        "a\0b",
        "a\n",
        "x" * 161,
        "a..",
        None,
        7,
        "-x",
        "C:x",
        "ä",
    ],
)
def test_ids_that_could_lead_elsewhere_are_refused(name):
    with pytest.raises(InputError):
        safe_name(name)


@given(st.text())
def test_a_safe_name_is_one_plain_folder_below(tmp_path_factory, name):
    try:
        safe = safe_name(name)
    except InputError:
        return
    folder = tmp_path_factory.getbasetemp()
    assert (folder / safe).resolve().parent == folder.resolve()


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "/etc/passwd",
        "../../secret.tif",
        "B04.tif",
        "/vsicurl/http://evil/x.tif",
        "/vsizip/x.zip",
        "vsicurl?url=http://x",
        "https://example.org/a/../../b.tif",
        "https://example.org/a/%2e%2e/b.tif",
        "https://example.org/vsitar/x.tif",
        "https://example.org/scene.vrt",
        "https://example.org/scene.VRT?x=y",
        "https:///x.tif",
        "https://exa mple.org/x.tif",
        "https://example.org/x.tif\r\nHost: evil",
        "https://example.org/a%0d%0ab.tif",
        "ftp://example.org/x.tif",
        "s3://bucket/x.tif",
        "data:image/tiff;base64,AAAA",
        "javascript:alert(1)",
        "https://[::1",
        "",
        None,
        "https://example.org/" + "x" * 3000,
    ],
)
def test_addresses_that_are_no_plain_web_address_are_refused(href):
    with pytest.raises(InputError):
        safe_href(href)


def test_an_address_is_kept_without_query_and_user():
    assert (
        safe_href("https://user:pw@example.org:8443/a/B04.tif?sig=abc#x")
        == "https://example.org:8443/a/B04.tif"
    )
    with pytest.raises(InputError, match="without query"):
        RemoteBand("B04", "https://example.org/B04.tif?sig=abc")
    assert safe_href("s3://eodata/x/B02.jp2", ("s3",)) == "s3://eodata/x/B02.jp2"


@pytest.mark.parametrize(
    "text",
    [
        f"https://a.org/x.tif?sig={CANARY}&se=2026",
        f"GET https://a.org/x?token={CANARY} failed",
        f"s3://b/x?X-Amz-Signature={CANARY}",
        f"https://user:{CANARY}@a.org/x",
        f"Authorization: Bearer {CANARY}",
        f"Authorization: Token {CANARY}",
        f"Cookie: a={CANARY}",
        f"{{'Authorization': 'Bearer {CANARY}', 'Accept': '*'}}",
        f"Ocp-Apim-Subscription-Key: {CANARY}",
        f"HTTPConnectionPool(host='a', port=80): Max retries exceeded with url: /x?sig={CANARY}&sp=rl",
        f"connection string BlobEndpoint=https://a;SharedAccessSignature=sig={CANARY}",
        f"AWS_SECRET_ACCESS_KEY={CANARY}",
        f"aws_secret_access_key: {CANARY}",
        f'{{"access_token": "{CANARY}"}}',
        f"password={CANARY}",
        f"bearer {CANARY}",
    ],
)
def test_messages_lose_their_credentials(text):
    assert CANARY not in redact(text)
    assert HIDDEN in redact(text)


@pytest.mark.parametrize(
    "text", ["page 3 of 7", "https://a.org/x.tif answers 404", "baseline 05.11 of S2B_x"]
)
def test_messages_without_credentials_stay_as_they_are(text):
    assert redact(text) == text


def test_a_bare_address_says_nothing_secret():
    assert bare_href(f"https://u:{CANARY}@a.org/x/y.tif?sig={CANARY}#{CANARY}") == "https://a.org/x/y.tif"


def test_a_credential_cannot_be_shown_stored_or_hashed(caplog):
    secret = Secret(CANARY)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("x").info("%s %r", secret, {"key": secret})
    access = Access("/vsicurl/https://a.org/x.tif", credentials={"GDAL_HTTP_HEADERS": secret})
    for shown in (
        str(secret),
        repr(secret),
        f"{secret}",
        repr([secret]),
        repr(access),
        str(vars(access)),
        caplog.text,
    ):
        assert CANARY not in shown
    for store in (pickle.dumps, json.dumps, copy.deepcopy, hash, lambda s: hashlib.sha256(s)):
        with pytest.raises(TypeError):
            store(secret)
    assert secret != Secret(CANARY)
    assert secret.reveal() == CANARY


def test_credentials_come_from_the_environment():
    assert from_environment("KEY", {"KEY": " abc\n"}).reveal() == "abc"
    assert from_environment("KEY", {"KEY": " "}) is None
    assert from_environment("KEY", {}) is None


def test_checksums_are_kept_only_where_they_say_what_they_are():
    digest = hashlib.sha256(b"x").hexdigest()
    assert multihash("1220" + digest) == "1220" + digest
    assert multihash(("1220" + digest).upper()) == "1220" + digest
    assert multihash("d50110" + hashlib.md5(b"x").hexdigest()) is not None
    assert multihash("dd3cc7ed9a831bfe915c87e45638c48c") is None  # a bare MD5, as some Items have
    assert multihash("1220" + digest[2:]) is None
    assert multihash(None) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"item": "../x"}, "cannot name"),
        ({"datatake": "a/b"}, "cannot name"),
        ({"taken_at": datetime(2023, 10, 5)}, "UTC"),
        ({"sensor": "sentinel-9"}, "sensor"),
        ({"bands": ()}, "no band"),
        ({"lon": 200.0}, "longitude"),
        ({"bands": (RemoteBand("B04", "https://a.org/x.tif"),) * 2}, "twice"),
    ],
)
def test_an_offer_is_checked_once(change, why):
    with pytest.raises(InputError, match=why):
        offer(**change)


def test_an_offer_gives_its_bands_and_its_size():
    sized = offer(
        bands=(RemoteBand("B04", "https://a.org/x.tif", size_bytes=5), RemoteBand("SCL", "https://a.org/y"))
    )
    assert sized.band("B04").size_bytes == 5
    assert sized.size_bytes is None  # one size is unknown: no sum is claimed
    with pytest.raises(InputError, match="it has B04, SCL"):
        sized.band("B11")


def test_a_dawn_pass_belongs_to_the_next_local_day():
    dawn = offer(taken_at=datetime(2023, 10, 4, 21, 30, tzinfo=UTC))
    assert dawn.solar_day == date(2023, 10, 5)
    assert offer(taken_at=datetime(2023, 10, 4, 21, 30, tzinfo=UTC), lon=14.0).solar_day == date(2023, 10, 4)
    assert offer(taken_at=datetime(2023, 10, 5, 2, 0, tzinfo=UTC), lon=-120.0).solar_day == date(2023, 10, 4)


@given(st.floats(-180, 180), st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)))
def test_local_noon_is_always_its_own_day(lon, moment):
    noon = moment.replace(hour=12, tzinfo=UTC) - timedelta(hours=lon / 15)
    assert offer(taken_at=noon, lon=lon).solar_day == moment.date()


def test_two_tiles_of_one_overpass_are_one_group():
    north = offer("S2B_T52TFN", "S2B_MSIL2A_20231005T021519_R003_T52TFN", (130, 42.9, 131, 43.9))
    south = offer("S2B_T52TFM")
    later = offer(
        "S2A_T52TFM", taken_at=datetime(2023, 10, 10, 2, tzinfo=UTC), datatake="S2A_20231010T021519"
    )
    first, second = overpasses([later, north, south])
    assert {one.id for one in first.offers} == {"S2B_T52TFN", "S2B_T52TFM"}
    assert not first.spares
    assert first.id == "sentinel-2-l2a_20231005_S2B_20231005T021519"
    assert [one.id for one in second.offers] == ["S2A_T52TFM"]


def test_the_fewest_offers_that_cover_a_site_are_taken():
    west, east = offer("W", "p1", (130, 42, 130.6, 43)), offer("E", "p2", (130.5, 42, 131, 43))
    (group,) = overpasses([west, east])
    assert [one.id for one in group.covering(box(130.1, 42.1, 130.2, 42.2))] == ["W"]
    assert [one.id for one in group.covering(box(130.52, 42.1, 130.58, 42.2))] == ["E"]  # both have it: one
    assert {one.id for one in group.covering(box(130.4, 42.1, 130.7, 42.2))} == {"W", "E"}
    assert group.covering(box(10, 10, 11, 11)) == ()


def test_one_product_of_two_collections_is_taken_once_from_the_preferred():
    old = offer("S2B_52TFM_20231005_0_L2A", collection="sentinel-2-l2a", rank=1, baseline="05.09")
    (group,) = overpasses([old, offer()])
    assert [one.collection for one in group.offers] == ["sentinel-2-c1-l2a"]
    assert [one.collection for one in group.spares] == ["sentinel-2-l2a"]
    other = offer("PC", provider="planetary-computer", collection="sentinel-2-l2a")
    (group,) = overpasses([old, offer(), other], prefer=("planetary-computer",))
    assert [one.id for one in group.offers] == ["PC"]
    assert len(group.spares) == 2


def test_a_half_picture_is_filled_from_the_other_collection():
    half = offer("c1-half", area=(130, 42, 130.5, 43))
    whole = offer("old-whole", collection="sentinel-2-l2a", rank=1)
    (group,) = overpasses([whole, half])
    assert [one.id for one in group.offers] == ["c1-half", "old-whole"]  # in order of preference
    assert [one.id for one in group.covering(box(130.6, 42.2, 130.7, 42.3))] == ["old-whole"]


def test_the_newer_of_two_processings_is_taken():
    (group,) = overpasses([offer("old", baseline="02.14"), offer("new", baseline="05.00")])
    assert [one.id for one in group.offers] == ["new"]


def test_a_product_is_the_same_whoever_processed_it():
    names = [
        ("S2B_T52TFM_L2A", "S2B_MSIL2A_20190629T021519_N0212_R003_T52TFM_20190629T051519.SAFE"),
        ("S2B_52TFM_0_L2A", "S2B_MSIL2A_20190629T021519_N0500_R003_T52TFM_20230629T051519.SAFE"),
        ("S2B_MSIL2A_20190629T021519_R003_T52TFM_20201006T080531", None),
    ]
    found = [product_named(item, {"s2:product_uri": uri} if uri else {}) for item, uri in names]
    assert len({one.name for one in found}) == 1
    assert len({one.datatake for one in found}) == 1
    assert [one.baseline for one in found] == ["02.12", "05.00", ""]
    radar = product_named("S1A_IW_GRDH_1SDV_20240419T045904_20240419T045916_053498_067DF2_rtc", {})
    assert radar.datatake == "S1A_053498_067DF2"
    assert product_named("anything", {"s2:product_uri": 7}) is None
