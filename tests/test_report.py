import base64
import hashlib
import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.claims import Claim
from evidence.ledger import Outcome, series_of
from evidence.report.frames import PICTURES_BYTES
from evidence.report.images import LONGEST_SIDE, encode, scale_bar
from evidence.report.page import Page, Picture, render, write_page
from evidence.report.words import anchors, claimed, interval, number, printable, web_address
from evidence.verdicts.verdict import Verdict
from imagery.errors import InputError
from imagery.period import Period
from models.measurement import Measurement, Skip
from models.stats.baseline import baseline_of

START = datetime(2021, 1, 3, 2, 11, tzinfo=UTC)
TARGET = Period.parse("2023-08-20/2023-10-31")
AMBER = np.array([255, 196, 0])
VOID = {"meta", "link", "img", "br", "input"}


class Reader(HTMLParser):
    """Tags, attributes and text of a page, as a browser would see them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    def values(self, name):
        return [attrs[name] for _, attrs in self.tags if name in attrs]


def measured(scene_id, site="yard", *, days=0, value=7.0, simulated=False, dated=True, reach=3.0):
    when = START + timedelta(days=days) if dated else None
    reading = Measurement("railcars", value, value - reach, value + reach, 0.9, "railcars", "edges", 1.0)
    return Outcome(scene_id, site, "skysat", when, 0.5, simulated, (reading,))


def skipped(scene_id, reason, detail="61 % lies under cloud", site="yard", *, days=0, simulated=False):
    when = START + timedelta(days=days)
    return Outcome(scene_id, site, "skysat", when, 0.5, simulated, (), Skip(reason, detail))


def claim(
    identity="T01", text="About 73 railcars stood there.", locator="https://example.org/a?b=1&c=2", **more
):
    plain = dict(
        id=identity, site="yard", quantity="railcars", unit="railcars", comparison="about",
        low=73.0, high=73.0, period=Period.parse("2023-10-05"), text=text, imagery="Planet",
        source="A paper", locator=locator, testable=True, reason="Lengths differ.",
    )  # fmt: skip
    return Claim(**(plain | more))


def picture(scene_id="s1", rows=60, cols=90, *, simulated=False, boxes=1, **more):
    image = np.random.default_rng(1).integers(0, 160, (rows, cols, 3), dtype=np.uint8)
    corners = np.tile(np.array([[4.0, 4], [20, 4], [20, 9], [4, 9]]), (boxes, 1, 1))
    plain = dict(labels=("railcar, 0.9",) * boxes, caption="The yard.")
    return Picture(scene_id, "yard", START, "skysat", 0.5, simulated, image, corners, **(plain | more))


def page(outcomes=None, claims=None, verdicts=None, pictures=(), **more):
    if outcomes is None:
        outcomes = [measured(f"s{i}", days=40 * i, value=5.0 + i) for i in range(26)]
        outcomes += [skipped(f"c{i}", "clouded", days=41 * i) for i in range(5)]
    claims = [claim()] if claims is None else claims
    if verdicts is None:
        verdicts = [
            Verdict(c.id, "supported", "71 were counted.", "railcars", 71.0, 58.0, 85.4, 0.03, ("s1", "s2"))
            for c in claims
        ]
    series = series_of(outcomes)
    baselines = {(s.site, s.quantity): baseline_of(s, TARGET) for s in series}
    plain = dict(baselines=baselines, run={"command": "yardwatch run a.yaml"})
    return Page(
        "A yard", outcomes, series, claims=claims, verdicts=verdicts, pictures=pictures,
        **(plain | more),
    )  # fmt: skip


def read(one):
    reader = Reader(render(one))
    assert not reader.open
    return reader


def rich_page(**more):
    kinds = ("supported", "contradicted", "undecided", "out of reach")
    claims = [claim(f"T{i:02}", f"Claim number {i}.", site=("yard", "port")[i % 2]) for i in range(8)]
    verdicts = [
        Verdict(c.id, kinds[i // 2], f"Reason {i}.", "railcars", 7.0, 4.0, 9.0, 0.2, ("s1", "s3", "s4"))
        for i, c in enumerate(claims)
    ]
    outcomes = [measured(f"s{i}", days=40 * i) for i in range(26)]
    outcomes += [measured(f"s{i}", "port", days=40 * i, value=11.0) for i in range(26)]
    outcomes += [skipped("n1", "snow"), skipped("c1", "clouded", days=3), skipped("c2", "clouded", days=9)]
    outcomes += [measured("plain.png", "", dated=False)]
    pictures = [picture("s1"), picture("s3", pixel_m=0.5), replace(picture("s1"), site="port")]
    return page(
        outcomes, claims, verdicts, pictures,
        site_notes=["yard: tracks are approximate."], site_names={"yard": "The yard"}, **more,
    )  # fmt: skip


@cache
def rich_text():
    return render(rich_page())


def test_nothing_is_loaded_from_outside():
    reader = Reader(rich_text())
    inside = re.compile(r"#.|data:image/webp;base64,|data:,$|\.\./[a-z]+\.[a-z]+$")
    outside = []
    for tag, attrs in reader.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
            if name in attrs and not inside.match(attrs[name]):
                outside.append((tag, attrs[name], attrs.get("rel")))
    assert set(outside) == {("a", "https://example.org/a?b=1&c=2", "noopener noreferrer")}
    assert not reader.all("script")
    assert not reader.all("iframe")
    style = re.search(r"<style>(.*?)</style>", rich_text(), re.S)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_policy_allows_the_page_and_nothing_else():
    text = rich_text()
    reader = Reader(text)
    policy = next(
        m["content"] for m in reader.all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'", "img-src data:", f"style-src 'sha256-{digest}'", "base-uri 'none'",
        "form-action 'none'",
    ]  # fmt: skip
    assert len(reader.all("style")) == 1
    assert not reader.values("style"), "an inline style would be blocked by the policy"


def test_ids_are_unique_and_every_fragment_lands():
    reader = Reader(rich_text())
    ids = reader.values("id")
    assert len(ids) == len(set(ids))
    wanted = {href[1:] for href in reader.values("href") if href.startswith("#")}
    wanted |= {one for names in reader.values("aria-labelledby") for one in names.split()}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", " ".join(reader.values("clip-path"))))
    assert wanted
    assert wanted <= set(ids)


def test_claims_verdicts_and_skip_reasons_all_appear():
    one, reader = rich_page(), Reader(rich_text())
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


def test_figures_of_a_claim_stand_beside_it():
    text = "".join(read(page()).text.split())
    for name, figure in (
        ("Claimed", "about 73 railcars"), ("Measured", "71 railcars"), ("Interval", "58 to 85"),
        ("Usual here", "6.2 to 27 railcars"), ("Highest before", "28 railcars"), ("Rank p-value", "0.03"),
    ):  # fmt: skip
        assert (name + figure).replace(" ", "") in text


def test_scenes_of_a_claim_lead_to_picture_or_row():
    reader = read(page(pictures=[picture("s1")]))
    links = {attrs.get("href") for attrs in reader.all("a")}
    assert {"#picture-yard-s1", "#series-yard-railcars-2"} <= links


def test_claims_lead_to_those_that_disagree_with_them():
    reader = read(page(claims=[claim("T01", see_also=("T02", "GONE")), claim("T02")]))
    assert "Beside it: T02" in reader.text
    assert "#claim-T02" in reader.values("href")
    assert "GONE" not in reader.text


def test_what_was_usual_is_told_only_of_the_time_before_the_claim():
    during = read(page(claims=[claim(period=Period.parse("2021-06"))]))
    assert "Highest before" not in during.text
    assert "middle 90 % of 24 dates from 2021-01-03 to 2023-07-12" in during.text


@pytest.mark.parametrize(("before", "band"), [(0, False), (4, False), (5, True)])
def test_a_handful_of_dates_makes_no_usual_range(before, band):
    outcomes = [measured("s", days=970)] + [measured(f"s{i}", days=30 * i) for i in range(before)]
    reader = read(page(outcomes, claims=[claim()]))
    assert ("No usual range: fewer than 5 dates" in reader.text) is not band
    assert ("Usual here" in reader.text) is band


@pytest.mark.parametrize(
    ("outcomes", "pictures", "expected"),
    [
        ([measured("s1"), measured("s2", days=9)], [], False),
        ([measured("s1"), measured("s2", days=9)], [picture()], False),
        ([measured("s1"), measured("s2", days=9, simulated=True)], [], True),
        ([measured("s1"), skipped("s2", "clouded", simulated=True)], [], True),
        ([measured("s1")], [picture(simulated=True)], True),
    ],
)
def test_banner_stands_exactly_where_an_input_is_simulated(outcomes, pictures, expected):
    reader = read(page(outcomes, pictures=pictures))
    assert any("banner" in attrs.get("class", "").split() for attrs in reader.all("p")) is expected
    assert (reader.text.strip().startswith("SIMULATED")) is expected  # the title


def test_simulated_is_written_on_drawings_of_simulated_scenes_only():
    real = [measured(f"r{i}", "port", days=30 * i) for i in range(3)]
    painted = [measured(f"p{i}", "yard", days=30 * i, simulated=True) for i in range(3)]
    text = render(page(real + painted, baselines={}))
    drawings = re.findall(r"<svg viewBox[^>]*role=\"img\".*?</svg>", text, re.S)
    assert [(">Railcars, port" in d, ">SIMULATED</text>" in d) for d in drawings] == [
        (False, True),
        (True, False),
    ]


def decoded(uri):
    data = np.frombuffer(base64.b64decode(uri.removeprefix("data:image/webp;base64,")), dtype=np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)


def is_stamped(image):
    return float((np.abs(image[:24, :100] - AMBER).max(axis=2) < 40).mean()) > 0.3


@pytest.mark.parametrize("shape", [(60, 90), (1, 1), (3, 5000), (5000, 3), (500, 700), (900, 1800)])
def test_every_simulated_picture_is_stamped_and_its_boxes_still_fit(shape):
    plain, stamped = (
        encode(picture(rows=shape[0], cols=shape[1], simulated=s), 3_000_000) for s in (False, True)
    )
    image = decoded(stamped.uri)
    assert image.shape[:2] == (stamped.height, stamped.width)
    assert max(image.shape) <= LONGEST_SIDE
    assert is_stamped(image)
    assert not is_stamped(decoded(plain.uri))
    assert plain.view == pytest.approx(shape[::-1])
    # What was added for the stamp lies right and below, so box coordinates keep their meaning.
    ratio = plain.width / plain.view[0], plain.height / plain.view[1]
    assert stamped.view == pytest.approx((stamped.width / ratio[0], stamped.height / ratio[1]))


def test_the_stamp_is_all_over_a_picture():
    grey = np.full((700, 1100, 3), 120, dtype=np.uint8)
    one = replace(picture(simulated=True), image=grey, boxes=np.empty((0, 4, 2)), labels=())
    marked = np.abs(decoded(encode(one, 400_000).uri) - 120).max(axis=2) > 12
    for rows in np.array_split(marked, 3):
        for part in np.array_split(rows, 3, axis=1):
            assert part.mean() > 0.002


def test_boxes_and_labels_are_laid_over_their_picture():
    reader = read(page(pictures=[picture(boxes=3)]))
    overlay = [attrs for attrs in reader.all("svg") if attrs.get("class") == "overlay"]
    assert [attrs["viewbox"] for attrs in overlay] == ["0 0 90 60"]
    assert [attrs["points"] for attrs in reader.all("polygon")] == ["4.0,4.0 20.0,4.0 20.0,9.0 4.0,9.0"] * 3
    assert reader.text.count("railcar, 0.9") == 3
    assert "3 boxes" in reader.all("img")[0]["alt"]


@given(st.floats(1e-3, 1e3), st.integers(1, 4000))
def test_scale_bar_is_round_and_fits(pixel_m, cols):
    image = np.zeros((2, cols, 3), dtype=np.uint8)
    bar = scale_bar(replace(picture(), image=image, boxes=np.empty((0, 4, 2)), labels=(), pixel_m=pixel_m))
    metres = bar.length_px * pixel_m
    assert 0.09 * cols <= bar.length_px <= 0.2501 * cols
    assert f"{metres:.0e}"[0] in "125"
    assert scale_bar(picture()) is None


def test_budget_of_a_picture_is_kept_even_for_noise():
    noise = np.random.default_rng(2).integers(0, 255, (500, 500, 3), dtype=np.uint8)
    one = encode(replace(picture(simulated=True), image=noise), 60_000)
    assert len(one.uri) * 3 / 4 < 60_100
    assert is_stamped(decoded(one.uri))


def test_pictures_share_what_the_page_may_weigh(tmp_path, monkeypatch):
    noise = np.random.default_rng(2).integers(0, 255, (100, 480, 3), dtype=np.uint8)
    pictures = [replace(picture(f"s{i}", boxes=90), image=noise) for i in range(20)]
    full = write_page(page(pictures=pictures), tmp_path / "full").stat().st_size
    monkeypatch.setattr("evidence.report.frames.PICTURES_BYTES", 200_000)
    small = write_page(page(pictures=pictures), tmp_path / "small").stat().st_size
    rest = write_page(page(), tmp_path / "rest").stat().st_size
    assert small < 200_000 * 4 / 3 + rest + 20 * 10_000  # the boxes are text beside the pictures
    assert small < full < 15_000_000
    assert PICTURES_BYTES * 4 / 3 < 12_500_000  # what is left holds the drawings and tables


MARKUP = '<script>alert(1)</script><img src="http://x.test/a">&amp;\'"</title></svg>{{ 7 * 7 }}'


def page_of(text, locator="somewhere"):
    """A page in which ``text`` stands everywhere that something from outside can stand."""
    # Words first, so that a text is never empty, never alike, and never falls under another rule of the page.
    outcomes = [
        measured(f"a{text}", "yard", days=1), measured(f"b{text}", "yard", days=300, dated=False),
        replace(skipped(f"c{text}", f"r{text}", f"d{text}"), site=f"t{text}"),
    ]  # fmt: skip
    one = claim("T01", f"q{text}", locator, imagery=f"m{text}", source=f"o{text}", reason=f"w{text}")
    verdict = Verdict(one.id, "undecided", f"v{text}", "railcars", 7.0, 4.0, 9.0, None, (f"a{text}",))
    shown = picture(f"a{text}", labels=(f"l{text}",), caption=f"p{text}")
    return page(
        outcomes, [one], [verdict], [shown], run={f"k{text}": f"z{text}", "command": f"x{text}"},
        site_notes=[f"n{text}"], site_names={"yard": f"y{text}"},
    )  # fmt: skip


@cache
def calm_page():
    return read(page_of("calm"))


def test_markup_appears_as_text():
    reader = read(page_of(MARKUP))
    calm = calm_page()
    assert [tag for tag, _ in reader.tags] == [tag for tag, _ in calm.tags]
    assert not reader.all("script")
    assert {attrs["src"][:15] for attrs in reader.all("img")} == {"data:image/webp"}
    for letter in "abcrdtqmowvlpzxny":
        assert letter + MARKUP in reader.text, letter


@settings(max_examples=12, deadline=None)
@given(st.text(st.characters(), max_size=30) | st.text("<>&\"'`{}%$\\#;\n\x00\u202e\ud800", max_size=12))
def test_no_text_changes_the_structure(text):
    reader = read(page_of(text))
    calm = calm_page()
    assert [tag for tag, _ in reader.tags] == [tag for tag, _ in calm.tags]
    assert f"q{printable(text)}" in reader.text
    reader.text.encode()  # a surrogate from a file name must not reach the file


@given(st.text(st.characters(), max_size=40))
def test_printable_hides_nothing(text):
    shown = printable(text)
    shown.encode()
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b\r\u2028")
    if text.isascii() and text.replace("\n", "").isprintable():
        assert shown == text


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
def test_what_is_no_web_address_is_not_linked(locator):
    assert web_address(locator) is None
    reader = read(page_of("calm", locator))
    assert all(attrs["href"].startswith(("#", "../")) for attrs in reader.all("a"))
    assert html.escape(printable(locator), quote=False) in html.escape(reader.text, quote=False)


@pytest.mark.parametrize(
    "locator", ["https://example.org/a?b=1&c=2#d", "http://example.org", "HTTPS://EXAMPLE.org/ü"]
)
def test_web_addresses_are_linked(locator):
    links = [
        attrs
        for attrs in read(page_of("calm", locator)).all("a")
        if not attrs["href"].startswith(("#", "../"))
    ]
    assert [(attrs["href"], attrs["rel"]) for attrs in links] == [(locator, "noopener noreferrer")]


def test_equal_pages_are_equal_bytes(tmp_path):
    written = write_page(rich_page(), tmp_path / "a")
    assert written.read_bytes() == rich_text().encode()
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "index.html"]


def test_a_page_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "report" / "index.html").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be written"):
        write_page(page(), tmp_path / "report")


def drawings_of(one):
    return re.findall(r"<svg viewBox[^>]*role=\"img\".*?</svg>", render(one), re.S)


def points_in(drawing):
    return re.findall(r"<title>(\d{4}-\d\d-\d\d): ", drawing)


def test_the_drawing_holds_every_date_and_the_enlargement_those_of_the_target():
    outcomes = [measured(f"s{i}", days=5 * i) for i in range(200)]
    whole, near = drawings_of(page(outcomes))
    assert len(points_in(whole)) == 200
    assert points_in(near) == [d for d in points_in(whole) if d >= "2023-08-18"]
    assert len(points_in(near)) > 3
    assert len(drawings_of(page(outcomes, baselines={}))) == 1


def test_claims_and_skips_stand_in_the_drawing():
    far = claim("FAR", unit="containers")
    drawing = drawings_of(page(claims=[claim("T01"), far, claim("OTHER", site="port")]))[0]
    assert ">T01</text>" in drawing
    assert "FAR" not in drawing  # another unit cannot stand on this axis
    assert "OTHER" not in drawing
    tick = r"<path d=\"M \S+ (\S+) L \S+ (\S+)\"[^>]*stroke-width=\"0.7\""
    assert len(re.findall(tick, drawing)) == 5
    assert "5 scenes not measured" in drawing


def test_the_drawing_takes_its_colours_from_the_page():
    drawing = drawings_of(page())[0]
    assert set(re.findall(r"(?:fill|stroke)=\"([^\"]+)\"", drawing)) <= {
        "none", *(f"var(--{name})" for name in ("ink", "muted", "rule", "accent", "usual", "claim", "stamp")),
    }  # fmt: skip
    assert {"var(--usual)", "var(--accent)", "var(--claim)"} <= set(re.findall(r"\"(var[^\"]+)\"", drawing))


READINGS = st.tuples(st.datetimes(), st.floats(0, 1e9), st.sampled_from([0.0, 2.0, float("inf")]))


@settings(max_examples=10, deadline=None)
@given(st.lists(READINGS, min_size=1, max_size=4))
def test_any_series_can_be_drawn(rows):
    outcomes = [
        replace(measured(f"s{i}", value=value, reach=reach), taken_at=when.replace(tzinfo=UTC))
        for i, (when, value, reach) in enumerate(rows)
    ]
    reader = read(page(outcomes, claims=[]))
    assert reader.text.count("s0") >= 1
    assert "nan" not in "".join(attrs["d"] for attrs in reader.all("path")).lower()


def test_images_without_a_date_stand_in_their_own_table():
    reader = read(
        page([measured("plain.png", "", dated=False), skipped("b.png", "no-date")], claims=[], baselines={})
    )
    assert re.search(r"plain\.png\s*Railcars\s*7 railcars\s*4 to 10\s*edges", reader.text)
    assert "claims" not in reader.values("id")
    assert "#claims" not in reader.values("href")
    assert "#undated" in reader.values("href")


def test_long_lists_of_facts_are_shown_entry_by_entry():
    facts = {
        "command": "c", "versions": {"numpy": "2.1", "torch": "2.13"},
        "inputs_sha256": {f"tile-{i}.tif": f"hash-{i}" for i in range(30)},
    }  # fmt: skip
    reader = read(page(run=facts))
    assert "numpy 2.1, torch 2.13" in reader.text
    assert "Inputs sha256 (30)" in reader.text
    assert {f"hash-{i}" for i in range(30)} <= set(reader.texts)


def test_a_claim_without_its_verdict_is_refused():
    with pytest.raises(InputError, match="T01"):
        page(verdicts=[])
    with pytest.raises(InputError, match="T01"):
        page(claims=[claim(), claim()])


@pytest.mark.parametrize(
    "broken",
    [
        dict(image=np.zeros((4, 4), dtype=np.uint8)), dict(image=np.zeros((4, 4, 3))),
        dict(image=np.zeros((0, 4, 3), dtype=np.uint8)), dict(boxes=np.zeros((1, 5))),
        dict(boxes=np.full((1, 4, 2), np.nan)), dict(labels=("a", "b")),
    ],
)  # fmt: skip
def test_pictures_are_checked(broken):
    with pytest.raises(InputError, match="picture of 's1'"):
        replace(picture(), **broken)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (0.043, "0.043"), (3.0, "3"), (3.14, "3.1"), (9.94, "9.9"), (9.96, "10"),
     (72.6, "73"), (1016.4, "1,016"), (-2.5, "\N{MINUS SIGN}2.5"),
     (float("inf"), "unbounded"), (float("nan"), "unknown")],
)  # fmt: skip
def test_numbers_in_words(value, text):
    assert number(value) == text


def test_claimed_figures_in_words():
    assert claimed(claim(comparison="at most", low=20.0, high=20.0)) == "at most 20 railcars"
    assert claimed(claim(comparison="between", low=5.0, high=6.5, unit="m")) == "between 5 and 6.5 m"
    assert claimed(claim(comparison="appears", low=None, high=None)) == "appears"
    assert claimed(claim(low=1234567.0, high=1234567.0, unit="t")) == "about 1,234,567 t"
    assert interval(2.0, 1200.0) == "2 to 1,200"


@given(st.lists(st.text(max_size=5), max_size=8))
def test_anchors_are_unique_and_plain(names):
    made = anchors("site", names)
    assert len(set(made)) == len(names)
    assert all(re.fullmatch(r"site[A-Za-z0-9-]*", anchor) for anchor in made)
