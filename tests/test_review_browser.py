"""The review page in a real browser: keys and mouse make marks, and a reload shows them again."""

import shutil
import threading

import pandas as pd
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence.config import RunConfig
from evidence.dossier.verify import verify
from evidence.review.desk import Desk, lay_out
from evidence.review.marks import Book, load_marks
from evidence.review.server import Server
from evidence.run import run

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
GRID = GeoBox((300, 400), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
MARKUP = "yard_<img src=x onerror=document.title=1>_20230901.tif"


@pytest.fixture
def server(tmp_path, monkeypatch, load):
    helpers = load("small_run")
    helpers.sure(monkeypatch, 100.0, 50.0)
    helpers.noise(tmp_path / "tiles" / MARKUP, GRID)
    run(RunConfig(tiles=(tmp_path / "tiles",), pictures=0), tmp_path / "out", "yardwatch run")
    with Book(tmp_path / "review.jsonl") as book:
        desk = Desk(lay_out(verify(tmp_path / "out")), book, "A. Reader", tmp_path)
        with Server(desk) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield server
            server.shutdown()
            thread.join()


@pytest.fixture
def page(server):
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        faults = []
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request", lambda request: faults.append(request.url) if server.url not in request.url else None
        )
        page.goto(server.url)
        yield page
        browser.close()
        assert [fault for fault in faults if not fault.startswith(("data:", "blob:"))] == []


def test_marks_are_made_and_survive_a_reload(page, tmp_path):
    page.locator("#images button").click()
    page.wait_for_selector("#view rect")
    assert MARKUP.removesuffix(".tif") in page.locator("#name").inner_text()
    assert page.title() == "Review: yardwatch run", "markup in a name is text"
    assert "Boxes that stand: 3" in page.locator("#counts").inner_text()
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.wait_for_selector("rect.reject")
    page.keyboard.press("n")
    page.wait_for_selector("rect.add")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("rect.move")
    box = page.locator("#view rect").nth(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 10, steps=3)
    page.mouse.up()
    page.locator("rect.move").nth(1).wait_for()
    page.get_by_role("button", name="Add").click()
    page.locator("#view rect").nth(4).wait_for()
    page.get_by_role("button", name="Image done").click()
    page.get_by_role("button", name="Reopen").wait_for()
    page.reload()
    page.wait_for_selector("rect.reject")
    assert "Boxes that stand: 4. Done by A. Reader" in page.locator("#counts").inner_text()
    marks = load_marks(tmp_path / "review.jsonl")
    assert [(mark.action, mark.box) for mark in marks] == [
        ("reject", "m0"), ("add", None), ("move", "p1"), ("move", "m1"), ("add", None), ("done", None),
    ]  # fmt: skip
    assert marks[2].at[0] - marks[1].at[0] == pytest.approx(2), "two steps of the arrow key are one mark"
    assert pd.read_csv(tmp_path / "review.csv").person.tolist() == [4]


@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_nothing_runs_out_of_the_page(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("#images button").click()
    page.wait_for_selector("#view rect")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
