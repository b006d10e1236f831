"""Pages to be looked at by tests: what they are made of, and a reader that sees tags as a browser does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import numpy as np

from evidence.claims import Claim
from evidence.ledger import Outcome, series_of
from evidence.report.content import Area
from evidence.report.page import Page, Picture, render
from evidence.verdicts.sensitivity import Alternative
from evidence.verdicts.statistics import statistics_of
from evidence.verdicts.verdict import Verdict
from imagery.period import Period
from models.measurement import Measurement, Skip
from models.stats.baseline import baseline_of

START = datetime(2021, 1, 3, 2, 11, tzinfo=UTC)
TARGET = Period.parse("2023-08-20/2023-10-31")
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
    crops = tuple(image[:8, :16] for _ in range(boxes))
    plain = dict(
        labels=("railcar, 0.9",) * boxes, caption="The yard.", crops=crops, framed=True,
        occupied=(np.array([[4.0, 6], [20, 6]]),) * boxes,
        goods=(Area(np.array([[30.0, 30], [50, 30], [50, 40]]), "stack, 40 m2"),),
    )  # fmt: skip
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
    statistics = statistics_of(series, TARGET)
    others = [Alternative(c.id, "by profile alone", "undecided", "railcars", 7.0, 4.0, 9.0) for c in claims]
    plain = dict(
        baselines=baselines, run={"command": "yardwatch run a.yaml"}, told=statistics.words,
        standings=statistics.standings, alternatives=others,
    )  # fmt: skip
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
    goods = (Area(np.array([[3.0, 3], [9, 3], [9, 9]]), f"g{text}"),)
    shown = picture(f"a{text}", labels=(f"l{text}",), caption=f"p{text}", goods=goods)
    other = Alternative("T01", f"h{text}", "contradicted", "railcars", 1.0, 0.0, 2.0)
    return page(
        outcomes, [one], [verdict], [shown], run={f"k{text}": f"z{text}", "command": f"x{text}"},
        site_notes=[f"n{text}"], site_names={"yard": f"y{text}"}, alternatives=[other],
    )  # fmt: skip
