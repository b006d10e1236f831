"""The page in a real browser, opened from a disk: what a reader can do with it, and what it never does."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from evidence.report.page import write_page
from evidence.report.reviewed import with_review
from models.stats.checked import Corrected

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = (390, 1280, 2560)


@pytest.fixture(scope="module")
def world(load):
    return load("report_world")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(world, tmp_path_factory):
    """A page with all parts, hostile names among them, and what a person counted."""
    out = tmp_path_factory.mktemp("report")
    page = world.rich_page()
    grey = np.full((60, 90, 3), 90, dtype=np.uint8)
    pictures = [
        world.picture("s1", boxes=2, pixel_m=0.5), replace(world.picture("s3", boxes=5), image=grey),
        replace(world.picture("s4", simulated=True), site="port"),
    ]  # fmt: skip
    odd = world.skipped(world.MARKUP, "clouded", days=4)
    claims = [replace(page.claims[0], text=world.MARKUP), *page.claims[1:]]
    file = write_page(
        replace(page, pictures=pictures, claims=claims, outcomes=[*page.outcomes, odd], title=world.MARKUP),
        out,
    )
    row = {
        "site": "yard", "scene_id": "s1", "taken_at": "2021-02-12T02:11:00Z", "machine": 7.0, "low": 4.0,
        "high": 10.0, "person": 5, "accepted": 5, "rejected": 2, "moved": 0, "added": 0,
        "who": world.MARKUP, "when": "2024-01-01T00:00:00Z",
    }  # fmt: skip
    mean = {"yard": {"all dates": Corrected(26, 7.0, 5.5, 4.5, 6.5, 6, 1)}}
    file.write_text(with_review(file.read_text(encoding="utf-8"), [row], mean), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def opened(browser, report):
    """The page, opened once as its library is large, and whatever it asked for or complained of."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    faults = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: faults.append(request.url[:99]))
    page.goto(report.as_uri())
    assert faults.pop(0) == report.as_uri()
    return page, faults


@pytest.fixture
def page(opened):
    """The page as it is at first; any request or complaint fails the test."""
    page, faults = opened
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(media="screen", color_scheme="light")
    page.evaluate("location.hash = ''")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    for box in page.locator(".filter input").all():
        box.check()
    yield page
    assert [fault for fault in faults if not fault.startswith("data:")] == []


def all_drawn(page):
    page.evaluate("charts.filter((one) => !one.drawn).forEach((one) => draw(one))")
    page.wait_for_function("charts.every((one) => one.div.querySelector('.main-svg'))")


def test_it_loads_from_a_disk_asks_for_nothing_and_draws_every_chart(page):
    all_drawn(page)
    assert page.locator(".plot .points path").count() > 50
    assert page.locator(".plot .error_y path, .plot .errorbars path, .plot .yerror").count() > 20
    assert page.evaluate("charts.length") == page.locator(".plot").count() > 4


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_out_of_it_and_axe_finds_no_serious_fault(page, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    all_drawn(page)
    wide = "document.documentElement.scrollWidth"
    for _ in range(100):  # charts take their new width in their own time
        if page.evaluate(wide) <= width:
            break
        page.wait_for_timeout(100)
    assert page.evaluate(wide) <= width
    found = axe.Axe().run(page).response["violations"]
    assert [
        (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
    ] == []


def test_the_swipe_moves_by_mouse_and_by_keys_and_shows_any_two_dates(page):
    swipe = page.locator(".swipe").first
    swipe.scroll_into_view_if_needed()
    right = swipe.locator(".stage .right")
    area = swipe.locator(".stage").bounding_box()
    assert "50%" in right.evaluate("(one) => one.style.clipPath")
    page.mouse.click(area["x"] + area["width"] * 0.25, area["y"] + area["height"] / 2)
    moved = float(swipe.locator("input").input_value())
    assert moved == pytest.approx(25, abs=1)
    swipe.locator("input").focus()
    page.keyboard.press("ArrowRight")
    assert float(swipe.locator("input").input_value()) == moved + 0.5
    assert f"{moved + 0.5}%" in right.evaluate("(one) => one.style.clipPath")
    before = right.locator("img").get_attribute("src")
    swipe.locator("select").nth(1).select_option("picture-yard-s1")
    assert right.locator("img").get_attribute("src") != before
    assert right.locator(".boxes polygon").count() == 2
    swipe.get_by_role("button", name="2×").click()
    assert swipe.locator(".stage").bounding_box()["width"] == pytest.approx(2 * area["width"], abs=2)


@pytest.mark.parametrize("layer", ["boxes", "occupied", "goods"])
def test_each_layer_can_be_switched_in_every_picture(page, layer):
    shapes = page.locator(f".overlay .{layer}")
    assert shapes.count() >= 3
    assert all(one.evaluate("(g) => getComputedStyle(g).display") != "none" for one in shapes.all())
    page.locator(f"#show-{layer}").uncheck()
    assert {one.evaluate("(g) => getComputedStyle(g).display") for one in shapes.all()} == {"none"}
    others = page.locator(f".overlay g:not(.{layer})").first
    assert others.evaluate("(g) => getComputedStyle(g).display") != "none"


def test_a_claims_link_lands_on_its_picture_and_lays_it_over_an_older_one(page):
    link = page.locator("article.claim a[href='#picture-yard-s1']").first
    link.click()
    page.wait_for_function("document.activeElement.id === 'picture-yard-s1'")
    assert page.evaluate("location.hash") == "#picture-yard-s1"
    box = page.locator("#picture-yard-s1").bounding_box()
    assert -5 < box["y"] < 450, "the picture is in view"
    assert page.locator(".swipe select").nth(1).input_value() == "picture-yard-s1"


def test_a_link_into_something_folded_opens_it(page):
    row = page.locator("article.claim a[href^='#series-']").first
    target = row.get_attribute("href")[1:]
    page.evaluate(f"location.hash = {target!r}")
    page.locator(f"[id='{target}']").wait_for(state="visible")


def test_a_point_leads_to_its_pixels_by_keys_and_is_read_out(page):
    plot = page.locator("#series-yard-railcars-plot")
    plot.scroll_into_view_if_needed()
    all_drawn(page)
    plot.focus()
    page.keyboard.press("Home")
    assert "2021-01-03" in page.locator("#live").inner_text()
    for _ in range(80):
        page.keyboard.press("ArrowRight")
        if "scene s1" in page.locator("#live").inner_text() or ", s1" in page.locator("#live").inner_text():
            break
    assert "7 railcars (4 to 10), s1" in page.locator("#live").inner_text()
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#picture-yard-s1"


def test_a_chart_shows_the_target_period(page):
    page.locator(".views button", has_text="Target period").first.click()
    shown = page.evaluate("charts.find((one) => one.view && one.view[0] > '2023').div.layout.xaxis.range")
    assert [str(end)[:10] for end in shown] == ["2023-07-21", "2023-12-01"]


def test_what_a_person_counted_stands_in_its_table_and_in_the_chart(page):
    all_drawn(page)
    named = "charts.find((one) => one.div.id === 'series-yard-railcars-plot').div.data.map((one) => one.name)"
    assert "counted by a person" in page.evaluate(named)
    row = page.locator("#review tbody tr").first
    assert row.locator("td").nth(2).inner_text() == "5"
    assert page.locator("nav a[href='#review']").count() == 1


def test_markup_in_names_is_text(page, world):
    all_drawn(page)
    assert page.locator("h1").inner_text() == world.MARKUP
    assert world.MARKUP in page.locator("#skips").evaluate("(one) => one.textContent")
    assert page.locator("article.claim .claimed", has_text="<script>alert(1)</script>").count() == 1
    assert page.locator("#review tbody tr td").nth(7).inner_text() == world.MARKUP
    assert page.locator("main script:not([type='application/json'])").count() == 0
    assert page.locator("img:not([src^='data:'])").count() == 0


def test_it_prints_light_and_whole(page):
    page.emulate_media(color_scheme="dark")
    pdf = page.pdf(format="A4", print_background=True)
    assert pdf.startswith(b"%PDF")
    assert 2 < pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") < 60
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    ink = page.locator("#series-yard-railcars-plot .ytick text").first
    assert ink.evaluate("(one) => getComputedStyle(one).fill") == "rgb(86, 97, 107)", "ink for white paper"
    assert not page.locator("nav").first.is_visible()
    assert page.locator(".swipe").first.is_hidden()
