"""The page: what stands on it, where its links lead, and that nothing from outside becomes part of it."""

import base64
import hashlib
import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.report.page import render, write_page
from evidence.report.words import printable, web_address
from imagery.errors import InputError
from imagery.period import Period

LIBRARY = f'document.getElementById("{"0a" * 32}")'


@pytest.fixture(scope="module")
def world(load):
    """Builders of pages. A line stands in for plotly.js, whose 5 MB would be read again in every test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.report.page.get_plotlyjs", lambda: LIBRARY)
        yield load("report_world")


@pytest.fixture(scope="module")
def rich(world):
    return render(world.rich_page())


def test_nothing_is_loaded_from_outside(world, rich):
    reader = world.Reader(rich)
    inside = re.compile(r"#.|data:image/webp;base64,|data:,$|\.\./[a-z]+\.[a-z]+$")
    outside = []
    for tag, attrs in reader.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
            if name in attrs and not inside.match(attrs[name]):
                outside.append((tag, attrs[name], attrs.get("rel")))
    assert set(outside) == {("a", "https://example.org/a?b=1&c=2", "noopener noreferrer")}
    assert not reader.all("iframe")
    style = re.search(r"<style[^>]*>(.*?)</style>", rich, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_policy_allows_the_page_and_nothing_else(world, rich):
    text, reader = rich, world.Reader(rich)
    policy = next(
        m["content"] for m in reader.all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search(r"<style[^>]*>(.*?)</style>", text, re.S)[1]
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in [style, *scripts]]
    listed = " ".join(f"'sha256-{digest}'" for digest in digests[1:])
    assert policy.split("; ") == [
        "default-src 'none'", "img-src data:", f"style-src 'sha256-{digests[0]}'", f"script-src {listed}",
        "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip
    assert len(scripts) == 4
    kinds = {attrs.get("type") for attrs in reader.all("script")}
    assert kinds == {None, "application/json"}, "scripts stand by their hash; the others are data"
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]
    assert len(reader.all("style")) == 1
    assert not reader.values("style"), "an inline style would be blocked by the policy"


def test_ids_are_unique_and_every_fragment_lands(world, rich):
    reader = world.Reader(rich)
    ids = reader.values("id")
    assert len(ids) == len(set(ids))
    wanted = {href[1:] for href in reader.values("href") if href.startswith("#")}
    wanted |= {one for names in reader.values("aria-labelledby") for one in names.split()}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", " ".join(reader.values("clip-path"))))
    assert wanted
    assert wanted <= set(ids)


def test_claims_verdicts_and_skip_reasons_all_appear(world, rich):
    one, reader = world.rich_page(), world.Reader(rich)
    for c, v in zip(one.claims, one.verdicts, strict=True):
        assert c.text in reader.text
        assert v.reason in reader.text
    for verdict in {v.verdict for v in one.verdicts}:
        slug = verdict.replace(" ", "-")
        assert sum(attrs.get("class") == f"claim {slug}" for attrs in reader.all("article")) == 2
        assert f"body:has(#show-{slug}:not(:checked)) .claim.{slug}" in reader.text
        assert f"show-{slug}" in reader.values("id")
    table = reader.text[reader.text.index("not measured, by reason") :]
    assert re.search(r"clouded\s*2\s*2021-01-06\s*2021-01-12\s*snow\s*1\s*2021-01-03\s*2021-01-03", table)
    assert "yard: tracks are approximate." in reader.text
    assert "yardwatch run a.yaml" in reader.text


def test_figures_of_a_claim_stand_beside_it(world):
    text = "".join(world.read(world.page()).text.split())
    for name, figure in (
        ("Claimed", "about 73 railcars"), ("Measured", "71 railcars"), ("Interval", "58 to 85"),
        ("Usual here", "6.2 to 27 railcars"), ("Highest before", "28 railcars"), ("Rank p-value", "0.03"),
    ):  # fmt: skip
        assert (name + figure).replace(" ", "") in text


def test_scenes_of_a_claim_lead_to_picture_or_row(world):
    reader = world.read(world.page(pictures=[world.picture("s1")]))
    links = {attrs.get("href") for attrs in reader.all("a")}
    assert {"#picture-yard-s1", "#series-yard-railcars-2"} <= links


def test_claims_lead_to_those_that_disagree_with_them(world):
    reader = world.read(world.page(claims=[world.claim("T01", see_also=("T02", "GONE")), world.claim("T02")]))
    assert "Beside it: T02" in reader.text
    assert "#claim-T02" in reader.values("href")
    assert "GONE" not in reader.text


def test_what_was_usual_is_told_only_of_the_time_before_the_claim(world):
    during = world.read(world.page(claims=[world.claim(period=Period.parse("2021-06"))]))
    assert "Highest before" not in during.text
    assert "middle 90 % of 24 dates from 2021-01-03 to 2023-07-12" in during.text


@pytest.mark.parametrize(("before", "band"), [(0, False), (4, False), (5, True)])
def test_a_handful_of_dates_makes_no_usual_range(world, before, band):
    outcomes = [world.measured("s", days=970)] + [world.measured(f"s{i}", days=30 * i) for i in range(before)]
    reader = world.read(world.page(outcomes, claims=[world.claim()]))
    assert ("No usual range: fewer than 5 dates" in reader.text) is not band
    assert ("Usual here" in reader.text) is band


@pytest.mark.parametrize(
    ("outcomes", "pictures", "expected"),
    [
        (lambda w: [w.measured("s2", days=9)], lambda w: [], False),
        (lambda w: [w.measured("s2", days=9)], lambda w: [w.picture()], False),
        (lambda w: [w.measured("s2", days=9, simulated=True)], lambda w: [], True),
        (lambda w: [w.skipped("s2", "clouded", simulated=True)], lambda w: [], True),
        (lambda w: [], lambda w: [w.picture(simulated=True)], True),
    ],
)
def test_banner_stands_exactly_where_an_input_is_simulated(world, outcomes, pictures, expected):
    reader = world.read(world.page([world.measured("s1"), *outcomes(world)], pictures=pictures(world)))
    assert any("banner" in attrs.get("class", "").split() for attrs in reader.all("aside")) is expected
    assert (reader.text.strip().startswith("SIMULATED")) is expected  # the title


@pytest.fixture(scope="module")
def calm(world):
    return world.read(world.page_of("calm"))


def test_markup_appears_as_text(world, calm):
    reader = world.read(world.page_of(world.MARKUP))
    assert [tag for tag, _ in reader.tags] == [tag for tag, _ in calm.tags]
    assert {attrs["src"][:15] for attrs in reader.all("img")} == {"data:image/webp"}
    for letter in "abcrdtqmowvlpzxnygh":
        assert letter + world.MARKUP in reader.text, letter


@settings(max_examples=12, deadline=None)
@given(st.text(st.characters(), max_size=30) | st.text("<>&\"'`{}%$\\#;\n\x00\u202e\ud800", max_size=12))
def test_no_text_changes_the_structure(world, calm, text):
    reader = world.read(world.page_of(text))
    assert [tag for tag, _ in reader.tags] == [tag for tag, _ in calm.tags]
    assert f"q{printable(text)}" in reader.text
    reader.text.encode()  # a surrogate from a file name must not reach the file


@pytest.mark.parametrize(
    "locator",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
        "javascript://example.org/%0aalert(1)", "ftp://example.org/a",
        "data:text/html,x", "//example.org/a", "/etc/passwd", "file:///etc/passwd", "https:example.org",
        "https://", "http://[x", "https://example.org/a b", "https://example.org/\u202eb",
        "https:\\\\example.org", "page 3, second paragraph",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_not_linked(world, locator):
    assert web_address(locator) is None
    reader = world.read(world.page_of("calm", locator))
    assert all(attrs["href"].startswith(("#", "../")) for attrs in reader.all("a"))
    assert html.escape(printable(locator), quote=False) in html.escape(reader.text, quote=False)


@pytest.mark.parametrize(
    "locator", ["https://example.org/a?b=1&c=2#d", "http://example.org", "HTTPS://EXAMPLE.org/ü"]
)
def test_web_addresses_are_linked(world, locator):
    links = [
        attrs
        for attrs in world.read(world.page_of("calm", locator)).all("a")
        if not attrs["href"].startswith(("#", "../"))
    ]
    assert [(attrs["href"], attrs["rel"]) for attrs in links] == [(locator, "noopener noreferrer")]


def test_equal_pages_are_equal_bytes(world, rich, tmp_path):
    written = write_page(world.rich_page(), tmp_path / "a")
    assert written.read_bytes() == rich.encode()
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "index.html"]


def test_a_page_that_cannot_be_written_says_so(world, tmp_path):
    (tmp_path / "report" / "index.html").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be written"):
        write_page(world.page(), tmp_path / "report")


def test_images_without_a_date_stand_in_their_own_table(world):
    reader = world.read(
        world.page(
            [world.measured("plain.png", "", dated=False), world.skipped("b.png", "no-date")],
            claims=[],
            baselines={},
        )
    )
    assert re.search(r"plain\.png\s*Railcars\s*7 railcars\s*4 to 10\s*edges", reader.text)
    assert "claims" not in reader.values("id")
    assert "#claims" not in reader.values("href")
    assert "#undated" in reader.values("href")


def test_long_lists_of_facts_are_shown_entry_by_entry(world):
    facts = {
        "command": "c", "versions": {"numpy": "2.1", "torch": "2.13"},
        "inputs_sha256": {f"tile-{i}.tif": f"hash-{i}" for i in range(30)},
    }  # fmt: skip
    reader = world.read(world.page(run=facts))
    assert "numpy 2.1, torch 2.13" in reader.text
    assert "Inputs sha256 (30)" in reader.text
    assert {f"hash-{i}" for i in range(30)} <= set(reader.texts)


def test_a_claim_without_its_verdict_is_refused(world):
    with pytest.raises(InputError, match="T01"):
        world.page(verdicts=[])
    with pytest.raises(InputError, match="T01"):
        world.page(claims=[world.claim(), world.claim()])
