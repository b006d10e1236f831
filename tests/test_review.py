"""A person's marks: kept in a chain, beside the machine's counts, taken only from the review's own page."""

import http.client
import json
import threading

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence.cli import app
from evidence.config import RunConfig
from evidence.dossier.seal import FIRST
from evidence.dossier.verify import verify
from evidence.review.counts import Counted, check_wish, looked_at, order
from evidence.review.desk import Desk, Wish, lay_out
from evidence.review.marks import Book, Said, load_marks
from evidence.review.server import Server
from evidence.run import run
from imagery.errors import InputError

# Pixels that are not square on the ground: boxes travel between three grids.
GRID = GeoBox((120, 160), Affine(6e-6, 0, 130.6, 0, -4.5e-6, 42.4), "EPSG:4326")
WHO = "A. <b>Reader</b>"


@pytest.fixture(scope="module")
def ran(tmp_path_factory, load):
    """A run over eight dates, five of them in the target period."""
    helpers = load("small_run")
    folder = tmp_path_factory.mktemp("review")
    for day in range(1, 9):
        tags = {"YARDWATCH_SIMULATED": "SIMULATED"}
        helpers.noise(folder / "tiles" / f"yard_2023090{day}.tif", GRID, day, tags=tags)
    with pytest.MonkeyPatch.context() as patch:
        helpers.sure(patch, 30.0, 30.0)
        target = "2023-09-04/2023-09-09"
        run(RunConfig(tiles=(folder / "tiles",), pictures=0, target=target), folder / "out", "yardwatch run")
    return folder / "out"


@pytest.fixture
def held(ran):
    return verify(ran)


@pytest.fixture
def desk(held, tmp_path):
    with Book(tmp_path / "review.jsonl") as book:
        yield Desk(lay_out(held), book, WHO, tmp_path)


def said(**values):
    plain = {
        "who": "R",
        "when": "2026-01-01T00:00:00Z",
        "content": FIRST,
        "site": "s",
        "scene_id": "i",
        "at": None,
    }
    return Said(**(plain | {"box": None, "action": "done"} | values))


def wish(action, box=None, at=None):
    return Wish(action=action, box=box, at=at)


def test_marks_are_chained_and_read_back(tmp_path):
    path = tmp_path / "review.jsonl"
    assert load_marks(path) == []
    with Book(path) as book:
        for box in ("m0", "m1", "m2"):
            book.append(said(action="reject", box=box))
    with Book(path) as book:
        last = book.append(said())
        assert load_marks(path) == book.marks
    assert (last.index, last.previous) == (3, book.marks[2].hash)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda lines: [lines[1], lines[0], lines[2]], 1),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [lines[0], lines[1].replace(b"reject", b"accept"), lines[2]], 2),
        (lambda lines: [*lines[:2], lines[2].replace(b'"R"', b'"S"')], 3),
        (lambda lines: [lines[0], lines[1], lines[2][:-20]], 3),
        (lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]], 1),
        (lambda lines: [*lines, b"\xff\n"], None),
    ],
)
def test_marks_that_were_touched_are_refused(tmp_path, spoil, line):
    path = tmp_path / "review.jsonl"
    with Book(path) as book:
        for box in ("m0", "m1", "m2"):
            book.append(said(action="reject", box=box))
    path.write_bytes(b"".join(spoil(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(InputError, match=f"line {line}" if line else "UTF-8"):
        Book(path)


def test_one_review_writes_at_a_time(tmp_path):
    with Book(tmp_path / "review.jsonl"), pytest.raises(InputError, match="another review"):
        Book(tmp_path / "review.jsonl")
    Book(tmp_path / "review.jsonl").__exit__(None, None, None)


def image(boxes=3, **values):
    plain = {"site": "s", "scene_id": "i", "taken_at": "", "value": 3.0, "low": 2.0, "high": 4.0}
    return Counted(**(plain | values), boxes=np.tile([5.0, 5, 4, 2, 0], (boxes, 1)))


def test_what_was_said_last_counts(tmp_path):
    with Book(tmp_path / "review.jsonl") as book:
        book.append(said(action="reject", box="m0"))
        book.append(said(action="reject", box="m1"))
        book.append(said(action="accept", box="m1"))
        book.append(said(action="add", at=(9.0, 9.0, 4.0, 2.0, 0.0)))
        book.append(said(action="move", box="p3", at=(8.0, 9.0, 4.0, 2.0, 0.0)))
        book.append(said(action="reject", box="m2", scene_id="another"))
        (begun,) = looked_at([image()], book.marks)
        book.append(said(who="S", when="later"))
    (looked,) = looked_at([image()], book.marks)
    assert (begun.count, begun.done, looked.done) == (3, False, True)
    assert (looked.who, looked.when) == ("S", "later")
    assert looked.boxes["p3"] == (8.0, 9.0, 4.0, 2.0, 0.0)
    assert dict(looked.said) == {"m0": "reject", "m1": "accept", "p3": "move"}


@pytest.mark.parametrize(
    ("action", "box", "at"),
    [
        ("accept", "m3", None), ("accept", None, None), ("reject", "../x", None), ("move", "m0", None),
        ("add", "m0", (1.0, 1.0, 4.0, 2.0, 0.0)), ("add", None, None),
        ("add", None, (1.0, 1.0, 0.0, 2.0, 0.0)),
        ("accept", "m0", (1.0, 1.0, 4.0, 2.0, 0.0)), ("done", "m0", None),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(action, box, at):
    with pytest.raises(InputError):
        check_wish(looked_at([image()], [])[0], action, box, at)


def test_nobody_chooses_the_order(held):
    images = [image(scene_id=str(k), high=4.0 + k) for k in range(30)]
    first, other = (order(images, content * 64)["s"][0].tolist() for content in "ab")
    assert first == order(images, "a" * 64)["s"][0].tolist()
    assert first != other


def test_counts_stand_side_by_side_with_who_and_when(desk, tmp_path):
    numbers = [line["number"] for line in desk.overview()["images"]]
    assert sorted(numbers) == list(range(8))
    for number in numbers:
        assert [box["id"] for box in desk.image(number)["boxes"]] == ["m0", "m1", "m2"]
        desk.say(number, wish("reject", "m0"))
        desk.say(number, wish("add", at=(20.0, 30.0, 28.0, 6.0, 10.0)))
        desk.say(number, wish("add", at=(20.0, 60.0, 28.0, 6.0, 10.0)))
        assert desk.say(number, wish("done"))["person"] == 4
    table = pd.read_csv(tmp_path / "review.csv")
    assert table[["machine_boxes", "person", "rejected", "added"]].to_numpy().tolist() == [[3, 4, 1, 2]] * 8
    assert set(table.who) == {WHO}
    assert table.when.str.endswith("Z").all()
    means = json.loads((tmp_path / "review.json").read_text())["mean"][""]
    assert {name: mean["dates"] for name, mean in means.items()} == {
        "all dates": 8,
        "target period": 5,
        "other dates": 3,
    }
    assert all((mean["value"], mean["low"], mean["high"]) == (4, 4, 4) for mean in means.values())


def test_some_checked_dates_correct_the_others(desk, tmp_path):
    for line in desk.overview()["images"][:6]:
        desk.say(line["number"], wish("reject", "m1"))
        desk.say(line["number"], wish("done"))
    mean = json.loads((tmp_path / "review.json").read_text())["mean"][""]["all dates"]
    assert mean["draws"] >= mean["checked"] == 6
    # Machine and person differ alike on each date, and the chances are alike, too: the estimate is exact.
    machine = desk.images[0].value
    assert mean["value"] == pytest.approx(mean["machine"] + 2 - machine)
    assert mean["low"] == pytest.approx(mean["high"])


def test_boxes_come_back_to_where_they_were(desk):
    before = desk.image(0)
    box = before["boxes"][1]
    moved = desk.say(0, wish("move", "m1", tuple(box["at"])))["boxes"][1]
    assert moved["at"] == pytest.approx(box["at"], abs=0.02)
    assert desk.images[0].boxes[1] == pytest.approx(desk.marks[0].at, abs=0.02)
    assert desk.images[0].boxes[1] != pytest.approx(box["at"], abs=1), "the picture has square pixels"


def test_a_done_image_is_closed_until_reopened(desk):
    desk.say(0, wish("done"))
    with pytest.raises(InputError, match="reopen"):
        desk.say(0, wish("reject", "m0"))
    desk.say(0, wish("reopen"))
    assert desk.say(0, wish("reject", "m0"))["person"] == 2


def test_marks_of_another_dossier_stay_unused(held, tmp_path):
    with Book(tmp_path / "review.jsonl") as book:
        book.append(said(site="", scene_id=verify(held.folder).folder.name, action="reject", box="m0"))
        assert Desk(lay_out(held), book, WHO, tmp_path).marks == []


@pytest.fixture
def server(desk):
    with Server(desk) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, route, body=None, token=None, **headers):
    """Status, headers and body of one request."""
    line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    headers = {"Host": f"127.0.0.1:{server.server_port}"} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    path = f"/{server.token if token is None else token}/{route}"
    line.request("GET" if body is None else "POST", path, body, headers)
    answer = line.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    line.close()
    return found


JSON = "application/json"
REJECT = json.dumps({"action": "reject", "box": "m0", "at": None})


def test_a_mark_survives_a_reload(server, tmp_path):
    assert server.server_address[0] == "127.0.0.1"
    status, headers, page = ask(server, "")
    assert (status, b"review.js" in page) == (200, True)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert ask(server, "picture/0")[2][8:12] == b"WEBP"
    status, _, answer = ask(server, "image/0", REJECT, Content_Type=JSON)
    assert (status, json.loads(answer)["person"]) == (200, 2)
    again = json.loads(ask(server, "image/0")[2])
    assert again["boxes"][0]["said"] == "reject"
    assert again["simulated"]
    assert len(load_marks(tmp_path / "review.jsonl")) == 1


@pytest.mark.parametrize(
    ("route", "body", "more", "status"),
    [
        ("", None, {"token": "guessed"}, 404),
        ("", None, {"token": ""}, 404),
        ("", None, {"Host": "evil.example"}, 403),
        ("", None, {"Host": "127.0.0.1:1"}, 403),
        ("../seal.json", None, {}, 404),
        ("review.py", None, {}, 404),
        ("image/-1", None, {}, 404),
        ("image/99", None, {}, 400),
        ("image/0", REJECT, {"Content_Type": "text/plain"}, 415),
        ("image/0", REJECT, {"Content_Type": JSON, "Origin": "http://evil.example"}, 403),
        ("image/0", REJECT, {"Content_Type": JSON, "Origin": "null"}, 403),
        ("image/0", " " * 5000, {"Content_Type": JSON}, 413),
        ("image/0", "{}", {"Content_Type": JSON}, 400),
        ("image/0", '{"action":"burn","box":"m0","at":null}', {"Content_Type": JSON}, 400),
        ("image/0", '{"action":"add","box":null,"at":[1,1,NaN,1,1]}', {"Content_Type": JSON}, 400),
        ("overview", REJECT, {"Content_Type": JSON}, 404),
    ],
)
def test_what_is_not_the_pages_own_is_refused(server, tmp_path, route, body, more, status):
    assert ask(server, route, body, **more)[0] == status
    assert load_marks(tmp_path / "review.jsonl") == []


def test_the_report_cannot_mark(server):
    status, headers, _ = ask(server, "report")
    assert status == 200
    assert headers["Content-Security-Policy"].startswith("sandbox")
    assert "allow-same-origin" not in headers["Content-Security-Policy"]


def test_the_command_sums_up(ran):
    answer = CliRunner().invoke(app, ["review", str(ran), "--summary", "--who", WHO])
    assert answer.exit_code == 0, answer.output
    assert "0 of 8 images done" in answer.output
    assert len(pd.read_csv(ran / "review.csv")) == 8
    nothing = CliRunner().invoke(app, ["review", str(ran / "nowhere"), "--summary"])
    assert (nothing.exit_code, "Traceback" in nothing.output) == (2, False)
