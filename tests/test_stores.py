"""URLs as input and output: what is brought, what is refused, and what is never shown."""

import dataclasses
import functools
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from obstore.exceptions import BaseError
from obstore.store import MemoryStore
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence.cli import app
from evidence.config import load_config
from imagery.errors import ConfigError, InputError, UnreadableError
from imagery.sources.folders.folder import find_scenes
from imagery.sources.stores.address import as_url, is_url, parse, root_of
from imagery.sources.stores.bucket import Bucket, Taken
from imagery.sources.stores.cache import Cache
from imagery.sources.stores.mirror import CLAIM, Mirror
from imagery.sources.stores.source import Bounds, Stored
from imagery.sources.stores.webfile import WebFile

CANARY = "c4n4ry"
GRID = GeoBox((96, 128), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
HERE = "s3://yards/tiles"


class Counting:
    """A source of bytes by name that remembers what was read of it."""

    def __init__(self, objects, version="1"):
        self.held = objects
        self.version = version
        self.asked = []

    def objects(self):
        for name, data in self.held.items():
            yield Stored(parse(HERE).child(name), len(data), f"{self.version}-{data[:3]}")

    def read(self, stored):
        self.asked.append(stored.address.path)
        data = self.held[stored.address.path.removeprefix("tiles/")]
        yield from (data[:2], data[2:])


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def empty(folder, *names):
    return not [path for name in names for path in (folder / name).iterdir()]


# --- addresses


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{CANARY}@host/x.tif",
        f"s3://key:{CANARY}@yards/x",
        f"https://host?sig={CANARY}",
        f"https://host/../x.tif?sig={CANARY}",
        f"ftp://host/x?password={CANARY}",
        f"s3://yards/x?X-Amz-Signature={CANARY}",
        f"file:///etc/passwd?{CANARY}",
        f"memory://x/#{CANARY}",
        "s3://",
        "s3:///tiles",
        "s3://yards/a//b",
        "s3://yards/a/../../b",
        "zip://x::s3://yards/y.zip",
        "s3://yards/" + "n" * 300,
    ],
)
def test_other_urls_are_refused_and_their_secrets_not_told(text):
    with pytest.raises(InputError) as caught:
        parse(text)
    assert CANARY not in repr(caught.value)


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_whatever_is_taken_leads_straight_down_and_shows_no_query(path, query):
    try:
        address = parse(f"https://host/{path}?token=c4n4ry{query}")
    except InputError as error:
        address, said = None, str(error)
    if address is None:
        assert CANARY not in said
        return
    assert ".." not in address.name.parts
    assert CANARY not in repr(address) + address.bare + str(address.name)
    assert root_of(Path("/cache") / address.name) == Path("/cache")
    assert as_url(address.name.as_posix()) == address.bare


def test_paths_are_no_urls():
    assert not any(map(is_url, ("tiles", "/a/b", "C:/x", "./s3:/x", "", None, 3)))
    assert root_of(Path("/data/tiles/x.tif")) is None


# --- the cache


def test_what_is_there_is_not_read_again(tmp_path):
    source = Counting({"a.tif": b"abcdef", "deep/b.tif": b"123456"})
    view = Cache(tmp_path / "cache").bring([source], Bounds())
    assert files(view) == {"s3:/yards/tiles/a.tif": b"abcdef", "s3:/yards/tiles/deep/b.tif": b"123456"}
    assert Cache(tmp_path / "cache").bring([source], Bounds()) == view
    assert sorted(source.asked) == ["tiles/a.tif", "tiles/deep/b.tif"], "nothing twice"
    assert (tmp_path / "cache").stat().st_mode & 0o77 == 0, "images have licences"
    # Changed, gone and new objects make another view; the old one stays as it was.
    source.held = {"a.tif": b"XYZdef", "c.tif": b"c"}
    other = Cache(tmp_path / "cache").bring([source], Bounds())
    assert files(other) == {"s3:/yards/tiles/a.tif": b"XYZdef", "s3:/yards/tiles/c.tif": b"c"}
    assert files(view)["s3:/yards/tiles/a.tif"] == b"abcdef"
    # What was brought is known by its bytes, without asking anybody.
    source.asked.clear()
    digest = next(
        path.name for path in (tmp_path / "cache/objects").iterdir() if path.read_bytes() == b"123456"
    )
    again = Cache(tmp_path / "cache").view_of({"s3:/yards/x.tif": digest, "s3:/yards/y.tif": "0" * 64})
    assert files(again) == {"s3:/yards/x.tif": b"123456"}
    assert not source.asked


def test_bounds_are_held_before_a_byte_is_read(tmp_path):
    source = Counting({f"{n}.tif": b"x" * 600 for n in range(10)})
    for bounds, said in (
        (Bounds(9, 10**9), "9 objects.*--most-objects"),
        (Bounds(99, 2000), "GiB.*--most-bytes"),
    ):
        with pytest.raises(InputError, match=said):
            Cache(tmp_path).bring([source], bounds)
    assert not source.asked
    with pytest.raises(InputError, match="no object"):
        Cache(tmp_path).bring([Counting({})], Bounds())


@pytest.mark.parametrize("name", ["../x", "a/../x", "a//b", "./x", "a\nb", "x" * 250])
def test_names_that_are_no_paths_are_refused(tmp_path, name):
    address = dataclasses.replace(parse(HERE), path=f"tiles/{name}")
    source = Counting({})
    source.objects = lambda: iter([Stored(address, 1, "1")])
    with pytest.raises(InputError, match="cannot be the path"):
        Cache(tmp_path / "cache").bring([source], Bounds())
    assert not (tmp_path / "cache").exists()


def test_an_object_that_is_a_folder_too(tmp_path):
    view = Cache(tmp_path).bring([Counting({"sub": b"", "sub/x": b"1"})], Bounds())
    assert files(view) == {"s3:/yards/tiles/sub/x": b"1"}, "an empty object only marks a folder"
    with pytest.raises(InputError, match="at once"):
        Cache(tmp_path).bring([Counting({"sub": b"2", "sub/x": b"1"})], Bounds())


@pytest.mark.parametrize("cut", [b"abc", b"abcdefgh"])
def test_an_object_of_another_size_than_listed_is_not_kept(tmp_path, cut):
    source = Counting({"a.tif": b"abcdef"})
    source.read = lambda stored: iter([cut])
    with pytest.raises(UnreadableError, match="has 6 bytes"):
        Cache(tmp_path).bring([source], Bounds())
    assert empty(tmp_path, "objects", "index", "views", "part")


KILLED = """
import os, sys
from pathlib import Path
from imagery.sources.stores.address import parse
from imagery.sources.stores.cache import Cache
from imagery.sources.stores.source import Bounds, Stored

class Dying:
    def objects(self):
        yield Stored(parse("s3://yards/a.tif"), 6, "1")
    def read(self, stored):
        yield b"abc"
        os.kill(os.getpid(), 9)

Cache(Path(sys.argv[1])).bring([Dying()], Bounds())
"""


def test_a_killed_download_leaves_nothing(tmp_path):
    assert subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False).returncode == -9
    assert empty(tmp_path, "objects", "index", "views")
    view = Cache(tmp_path).bring([Counting({"a.tif": b"abcdef"})], Bounds())
    assert files(view) == {"s3:/yards/tiles/a.tif": b"abcdef"}
    assert empty(tmp_path, "part"), "what a dead process has left is swept"


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="--cache"):
        Cache(tmp_path / "file").bring([Counting({"a": b"1"})], Bounds())


# --- buckets


@pytest.fixture
def store():
    return MemoryStore()


def bucket(store, url="s3://yards/run"):
    return Bucket(parse(url), store)


def test_a_prefix_ends_at_a_slash_and_an_object_stands_alone(store):
    for name in ("run/a", "run/sub/b", "runner/c"):
        store.put(name, name.encode())
    assert sorted(one.address.bare for one in bucket(store).objects()) == [
        "s3://yards/run/a",
        "s3://yards/run/sub/b",
    ]
    (alone,) = bucket(store, "s3://yards/run/a").objects()
    assert b"".join(bucket(store).read(alone)) == b"run/a"
    store.put("run/a", b"other")
    with pytest.raises(UnreadableError, match="changed while"):
        list(bucket(store).read(alone))


def test_what_is_not_there_is_told(store):
    with pytest.raises(UnreadableError, match="is not there") as caught:
        list(bucket(store).read(Stored(parse("s3://yards/gone"), 1, "")))
    assert caught.value.reason == "not-found"


@pytest.mark.parametrize(
    ("status", "hinted"), [("403 Forbidden: AccessDenied", True), ("500 Internal Server Error", False)]
)
def test_a_store_that_refuses_points_to_the_credentials(store, monkeypatch, status, hinted):
    def head(*given):
        raise BaseError(f"Generic S3 error: Server returned {status}")

    monkeypatch.setattr("imagery.sources.stores.bucket.obstore.head", head)
    with pytest.raises(UnreadableError, match=status[:3]) as caught:
        bucket(store).has("a")
    assert ("credentials in the environment" in str(caught.value)) == hinted


# --- results in a bucket


def mirror(store, folder, **how):
    folder.mkdir(parents=True, exist_ok=True)
    how = {"beat_s": 0.05, "dead_s": 0.3, **how}
    return Mirror(bucket(store), folder, ".finished", "dossier", ("review.jsonl",), **how)


def until(what):
    for _ in range(400):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def names(store):
    return {meta["path"].removeprefix("run/") for page in store.list("run") for meta in page}


def put(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_scenes_go_out_while_work_goes_on_and_results_at_its_end(tmp_path, store):
    folder = tmp_path / "a/run"
    for name in ("dossier/old.csv", "review.jsonl", "dossier/seal.json"):
        store.put(f"run/{name}", b"theirs")
    with mirror(store, folder):
        assert CLAIM in names(store)
        put(folder / ".finished/1.npz")
        until(lambda: ".finished/1.npz" in names(store))
        put(folder / ".finished/.2.npz.part")
        for name in ("dossier/seal.json", "dossier/run.json", "run.json", ".lock", "review.jsonl"):
            put(folder / name, "ours")
        assert "run.json" not in names(store)
    assert names(store) == {
        ".finished/1.npz", "dossier/seal.json", "dossier/run.json", "run.json", "review.jsonl"
    }  # fmt: skip
    assert bytes(store.get("run/dossier/seal.json").bytes()) == b"ours"
    assert bytes(store.get("run/review.jsonl").bytes()) == b"theirs", (
        "what a person wrote is never overwritten"
    )


def test_another_machine_goes_on_where_one_stopped(tmp_path, store):
    one = mirror(store, tmp_path / "a/run").__enter__()
    put(tmp_path / "a/run/.finished/1.npz", "seen")
    put(tmp_path / "a/run/run.json")
    one.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert names(store) == {".finished/1.npz"}, "finished scenes alone: there are no results"
    store.put("run/review.jsonl", b"marks")
    with mirror(store, tmp_path / "b/run"):
        assert files(tmp_path / "b/run") == {".finished/1.npz": b"seen", "review.jsonl": b"marks"}


def test_one_run_to_a_place(tmp_path, store):
    with mirror(store, tmp_path / "a/run"):
        with pytest.raises(InputError, match="in use"), mirror(store, tmp_path / "b/run"):
            pass
        with pytest.raises(InputError, match="in use"), mirror(store, tmp_path / "a/run"):
            pass  # the same folder: its lock says so at once
    with mirror(store, tmp_path / "b/run"):
        pass
    assert names(store) == set()


def test_the_claim_of_the_dead_is_taken_over(tmp_path, store):
    dead = mirror(store, tmp_path / "a/run")
    dead._bucket.swap(CLAIM, json.dumps({"run": "dead"}).encode(), None)
    said = []
    with mirror(store, tmp_path / "b/run", say=said.append):
        assert any("still lives" in text for text in said)
    # On the machine of the dead nobody need wait: its folder's lock says that it is.
    dead._bucket.swap(CLAIM, json.dumps({"run": "dead"}).encode(), None)
    put(tmp_path / "a/.run.claim", "dead")
    with mirror(store, tmp_path / "a/run", dead_s=1e9):
        pass


def test_who_has_lost_its_claim_writes_no_more(tmp_path, store):
    folder = tmp_path / "a/run"
    one = mirror(store, folder).__enter__()
    store.put(f"run/{CLAIM}", json.dumps({"run": "another"}).encode())
    until(lambda: one._lost)
    put(folder / "run.json")
    with pytest.raises(InputError, match="taken over"):
        one.__exit__(None, None, None)
    assert names(store) == {CLAIM}
    assert b"another" in bytes(store.get(f"run/{CLAIM}").bytes())


def test_a_write_meets_just_the_version_that_it_is_to_replace(store):
    one = bucket(store)
    first = one.swap("x", b"1", None)
    second = one.swap("x", b"2", first)
    for old in (None, first):
        with pytest.raises(Taken):
            one.swap("x", b"3", old)
    assert one.look("x") == (b"2", second)
    assert one.look("y") is None


# --- web servers


class Server(http.server.BaseHTTPRequestHandler):
    """Answers with files of ``held``, and remembers what it was asked."""

    held: dict
    asked: list

    def do_GET(self):
        self.asked.append(self.path)
        status, headers, body = self.held.get(self.path.partition("?")[0], (404, {}, b""))
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *rest):
        pass


@pytest.fixture
def web():
    kind = type("Held", (Server,), {"held": {}, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kind.url = f"http://127.0.0.1:{server.server_port}"
        yield kind
        server.shutdown()


def test_a_file_of_a_web_server(tmp_path, web):
    web.held["/y/a.tif"] = (200, {"ETag": '"1"'}, b"abc")
    source = WebFile(parse(f"{web.url}/y/a.tif?sig={CANARY}"))
    view = Cache(tmp_path).bring([source], Bounds())
    place = web.url.removeprefix("http://")
    assert files(view) == {f"http:/{place}/y/a.tif": b"abc"}
    assert web.asked == [f"/y/a.tif?sig={CANARY}"] * 2, "what it is, then its bytes"
    assert Cache(tmp_path).bring([source], Bounds()) == view
    assert len(web.asked) == 3, "its bytes are not read again"
    kept = [path.read_bytes() + path.name.encode() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(CANARY.encode() in one for one in kept)
    with pytest.raises(InputError, match="--most-bytes"):
        Cache(tmp_path / "b").bring([source], Bounds(1, 2))


def test_a_file_without_a_version_is_read_each_time(tmp_path, web):
    web.held["/a.tif"] = (200, {}, b"abc")
    for body in (b"abc", b"xyz"):
        web.held["/a.tif"] = (200, {}, body)
        view = Cache(tmp_path).bring([WebFile(parse(f"{web.url}/a.tif"))], Bounds())
        assert list(files(view).values()) == [body]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("ftp://elsewhere/x", "must not"),
        ("file:///etc/passwd", "must not"),
        ("/a.tif", "more than 5 times"),
        (f"/gone?sig={CANARY}", "answers 404"),
    ],
)
def test_where_a_server_sends_on(tmp_path, web, to, said):
    web.held["/a.tif"] = (302, {"Location": to}, b"")
    with pytest.raises(UnreadableError, match=said) as caught:
        list(WebFile(parse(f"{web.url}/a.tif?sig={CANARY}")).objects())
    assert CANARY not in str(caught.value)


def test_no_server_in_the_open_sends_into_the_private(web, monkeypatch):
    web.held["/a.tif"] = (302, {"Location": "/b.tif"}, b"")
    web.held["/b.tif"] = (200, {}, b"private")
    source = WebFile(parse(f"{web.url}/a.tif"))
    assert [one.size for one in source.objects()] == [7]
    start = f"{web.url}/a.tif"
    monkeypatch.setattr("imagery.sources.stores.webfile.is_private", lambda href: href != start)
    with pytest.raises(UnreadableError, match="must not"):
        list(source.objects())


# --- whole runs


@pytest.fixture
def small(load, monkeypatch):
    helpers = load("small_run")
    helpers.sure(monkeypatch, 10.0, 20.0, moved=True)
    return helpers


@pytest.fixture
def cloud(monkeypatch, store, tmp_path):
    """One store behind every bucket, and a cache of the test's own."""
    monkeypatch.setattr("imagery.sources.stores.bucket.from_url", lambda *rest, **how: store)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return store


def yardwatch(*words):
    done = CliRunner().invoke(app, list(map(str, words)))
    return done.exit_code, " ".join(done.output.split())


def fill(small, cloud, tmp_path):
    for day in (1, 11):
        path = tmp_path / f"yard_202309{day:02d}.tif"
        small.noise(path, GRID, day)
        cloud.put(f"tiles/{path.name}", path)
    cloud.put("tiles/broken_20230921.tif", b"no image")
    # A scene of an Item remembers where the Item lies.
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "first", "geometry": None, "links": [],
        "properties": {"datetime": "2023-09-01T00:00:00Z"},
        "assets": {
            "visual": {
                "href": "./yard_20230901.tif", "roles": ["data"],
                "eo:bands": [{"name": "red"}, {"name": "green"}, {"name": "blue"}],
            }
        },
    }  # fmt: skip
    cloud.put("tiles/first.json", json.dumps(item).encode())


def test_a_run_from_a_bucket_into_a_bucket(tmp_path, small, cloud, monkeypatch):
    fill(small, cloud, tmp_path)
    (tmp_path / "a.yaml").write_text(f"tiles: ['{HERE}']\npictures: 0\n")
    words = ("run", tmp_path / "a.yaml", "--out", "s3://yards/run", "--cache")
    code, said = yardwatch(*words, tmp_path / "here")
    assert code == 0, said
    facts = json.loads(bytes(cloud.get("run/run.json").bytes()))
    assert sorted(facts["inputs_sha256"]) == [
        f"{HERE}/{name}"
        for name in ("broken_20230921.tif", "first.json", "yard_20230901.tif", "yard_20230911.tif")
    ]
    assert b"first" in bytes(cloud.get("run/measurements.csv").bytes())
    assert facts["config"]["tiles"] == ["s3:/yards/tiles"]
    told = [
        bytes(cloud.get(f"run/{one}").bytes()) for one in sorted(names(cloud)) if not one.endswith("parquet")
    ]
    assert not any(str(tmp_path).encode() in text for text in told), "no folder of this machine"
    # Another machine: nothing is looked at again, and the dossier holds, computed again, too.
    before = bytes(cloud.get("run/dossier/seal.json").bytes())
    seen = []
    monkeypatch.setattr("evidence.observe.look", lambda scene, *rest: seen.append(scene))
    code, said = yardwatch(*words, tmp_path / "there")
    assert (code, seen) == (0, []), said
    assert "2 objects taken back" in said
    seals = [
        json.loads(text)["files"] for text in (before, bytes(cloud.get("run/dossier/seal.json").bytes()))
    ]
    changed = {name for name in seals[0].keys() | seals[1].keys() if seals[0].get(name) != seals[1].get(name)}
    assert changed <= {"ro-crate-metadata.json"}, "it alone says when"
    monkeypatch.undo()
    monkeypatch.setattr("imagery.sources.stores.bucket.from_url", lambda *rest, **how: cloud)
    small.sure(monkeypatch, 10.0, 20.0, moved=True)
    code, said = yardwatch("verify", "s3://yards/run", "--rerun", "--cache", tmp_path / "there")
    assert code == 0, said
    assert "comes out the same" in said
    code, said = yardwatch("verify", "s3://yards/run", "--cache", tmp_path / "third")
    assert code == 1
    assert "absent" in said or "missing" in said
    code, said = yardwatch("verify", "s3://yards/run", "--inputs", HERE, "--cache", tmp_path / "third")
    assert code == 0, said


def test_a_signed_url_is_used_and_shown_nowhere(tmp_path, small, web, caplog, monkeypatch):
    caplog.set_level("DEBUG", logger="evidence")
    small.noise(tmp_path / "yard_20230901.tif", GRID)
    web.held["/yard_20230901.tif"] = (200, {"ETag": "1"}, (tmp_path / "yard_20230901.tif").read_bytes())
    url = f"{web.url}/yard_20230901.tif?X-Amz-Signature={CANARY}&b=1"
    monkeypatch.setattr(sys, "argv", ["yardwatch", "count", url])
    code, said = yardwatch("count", url, "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    assert code == 0, said
    assert CANARY in web.asked[0]
    assert CANARY not in said + caplog.text
    kept = [path for path in (*(tmp_path / "out").rglob("*"), *(tmp_path / "cache").rglob("*"))]
    assert not [
        path
        for path in kept
        if CANARY in path.name or (path.is_file() and CANARY.encode() in path.read_bytes())
    ]
    assert (
        f"{web.url}/yard_20230901.tif" in json.loads((tmp_path / "out/run.json").read_text())["inputs_sha256"]
    )
    web.held.clear()
    code, said = yardwatch("count", url, "--out", tmp_path / "out2", "--cache", tmp_path / "cache")
    assert (code, CANARY in said) == (2, False)
    assert "answers 404" in said


def test_nothing_that_lies_in_a_store_leads_to_a_url(tmp_path, cloud, web, helpers):
    """Items name their images by URLs of a server that would answer: it is never asked."""
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "a", "geometry": None, "links": [],
        "properties": {"datetime": "2023-09-01T00:00:00Z"},
        "assets": {"visual": {"href": f"{web.url}/a.tif", "roles": ["data"]}},
    }  # fmt: skip
    vrt = f'<VRTDataset rasterXSize="4" rasterYSize="4"><SourceFilename>/vsicurl/{web.url}/a.tif'
    cloud.put("tiles/a.json", json.dumps(item).encode())
    cloud.put(
        "tiles/b.json",
        json.dumps({**item, "id": "b", "assets": {"v": {"href": "s3://yards/secret.tif"}}}).encode(),
    )
    cloud.put("tiles/c.vrt", vrt.encode())
    cloud.put("secret.tif", b"II*\0")
    view = Cache(tmp_path).bring([bucket(cloud, HERE)], Bounds())
    found = find_scenes([view / parse(HERE).name])
    assert not found.scenes
    assert {file.path.name for file in found.refused} == {"a.json", "b.json", "c.vrt"}
    assert web.asked == []
    assert not list(tmp_path.rglob("secret.tif"))


def test_urls_where_none_are_taken(tmp_path):
    def config(text):
        (tmp_path / "a.yaml").write_text(text)
        return tmp_path / "a.yaml"

    for text in (
        f"tiles: https://user:{CANARY}@host/a.tif",
        f"tiles: [t]\nsites: ['s3://b/s?token={CANARY}']",
    ):
        with pytest.raises(ConfigError, match="only a list of tiles") as caught:
            load_config(config(text))
        assert CANARY not in str(caught.value)
    with pytest.raises(ConfigError, match="only `yardwatch run`"):
        load_config(config(f"tiles: ['https://host/a.tif?sig={CANARY}']"))
    with pytest.raises(ConfigError) as caught:
        load_config(config("tiles: [t]"), [f"tiles=[https://u:{CANARY}@host/x"])
    assert CANARY not in str(caught.value)
    (tmp_path / "t").mkdir()
    for words in (
        ("count", tmp_path / "t", "--out", "https://host/run"),
        ("fetch", "configs/fetch/sites.yaml", "--dry-run", "--out", "s3://yards/tiles"),
    ):
        code, said = yardwatch(*words)
        assert code == 2
        assert "bucket" in said


def test_without_obstore_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    for name in ("bucket", "mirror"):
        monkeypatch.delitem(sys.modules, f"imagery.sources.stores.{name}")
    (tmp_path / "t").mkdir()
    for words in (("count", HERE), ("count", tmp_path / "t", "--out", HERE), ("verify", HERE)):
        code, said = yardwatch(*words, "--cache", tmp_path / "cache")
        assert code == 2
        assert "pip install 'yardwatch[stores]'" in said


# --- the protocol itself


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """moto's server, where there is one: it wants other versions than our lock has, so it is no extra."""
    program = os.environ.get("YARDWATCH_MOTO") or shutil.which("moto_server")
    if program is None:
        pytest.skip(
            "no moto_server: pip install 'moto[server]' elsewhere and set YARDWATCH_MOTO to its program"
        )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("w")
    with (
        log,
        subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log) as server,
    ):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def test_the_s3_protocol(s3, tmp_path, monkeypatch):
    import requests

    for key, value in {
        "AWS_ENDPOINT_URL": s3, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": CANARY,
    }.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    made = functools.partial(
        requests.put, f"{s3}/yards", timeout=5,
        headers={"Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"},
    )  # fmt: skip

    def is_up():
        try:
            return made().status_code == 200
        except requests.ConnectionError:
            return False

    until(is_up)
    there = Bucket(parse("s3://yards/tiles"))
    put(tmp_path / "big.tif", "b" * 7_000_000)
    there.put("deep/big ü.tif", tmp_path / "big.tif")
    there.swap("a.json", b"{}", None)
    view = Cache(tmp_path / "cache").bring([there], Bounds())
    sizes = {name: len(data) for name, data in files(view).items()}
    assert sizes == {"s3:/yards/tiles/deep/big ü.tif": 7_000_000, "s3:/yards/tiles/a.json": 2}
    with Mirror(
        Bucket(parse("s3://yards/run")), tmp_path / "run", ".finished", "dossier", (), beat_s=0.1
    ) as one:
        put(tmp_path / "run/.finished/1.npz")
        until(lambda: ".finished/1.npz" in one._there)
        first = one._tag
        until(lambda: one._tag != first)
        with (
            pytest.raises(InputError, match="in use"),
            Mirror(
                Bucket(parse("s3://yards/run")),
                tmp_path / "b/run",
                ".finished",
                "dossier",
                (),
                beat_s=0.1,
                dead_s=1,
            ),
        ):
            pass
    assert [one.address.path for one in Bucket(parse("s3://yards/run")).objects()] == ["run/.finished/1.npz"]
    with pytest.raises(UnreadableError) as caught:
        list(Bucket(parse("s3://nowhere/x")).objects())
    assert CANARY not in str(caught.value)
