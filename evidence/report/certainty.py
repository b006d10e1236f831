"""What speaks for and against a verdict: placebos, power, and the answers of other ways of reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence.report.charts import Figure, text
from evidence.report.content import Page
from evidence.report.words import amount, interval, number, percent, quantity_name, unit_name
from evidence.verdicts.statistics import Standing
from models.stats.power import Power

ROW_PX, FRAME_PX = 26, 110
"""Height of a series in the drawing of placebos, and of what lies around it."""
LEAST_P = 1e-4
"""Smaller p-values stand at the edge of the drawing."""


@dataclass(frozen=True)
class Placebos:
    """The target period beside earlier periods and other sites, tested in the same way."""

    figure: Figure
    """For plotly."""
    rows: tuple[tuple[str, ...], ...]
    """Series, p-value, earlier periods, alarms, rate, other sites, alarms."""
    alarms: str
    """All placebos together, in a sentence."""


@dataclass(frozen=True)
class Answer:
    """A claim in one other way of reading."""

    way: str
    """What was done otherwise."""
    verdict: str
    """What it would be."""
    figure: str
    """What would have been measured, in words."""
    told: bool
    """Whether anything was measured in the claim's days."""
    changes: bool
    """Whether it was, and the verdict is another."""


@dataclass(frozen=True)
class Sensitivity:
    """One claim in every other way."""

    href: str
    """Where its card stands."""
    claim_id: str
    """The claim."""
    verdict: str
    """As given."""
    answers: tuple[Answer, ...]
    """In every other way that the run allows."""

    @property
    def holds(self) -> bool:
        """Whether no other way changes the verdict."""
        return not any(answer.changes for answer in self.answers)


def placebos(page: Page) -> Placebos | None:
    """Every series of the target period with its placebos, None where there is none."""
    standings = [one for one in page.standings if one.periods.n or one.sites.n]
    if not standings:
        return None
    names = [_name(one, page.site_names) for one in standings]
    rows = tuple(
        (
            name,
            f"{one.change.p_rank:.2g}",
            str(one.periods.n),
            str(one.periods.alarms),
            " to ".join(f"{share:.0%}" for share in one.periods.interval),
            str(one.sites.n),
            str(one.sites.alarms),
        )
        for name, one in zip(names, standings, strict=True)
    )
    tested, alarms = sum(one.periods.n for one in standings), sum(one.periods.alarms for one in standings)
    level = standings[0].periods.level
    told = (
        f"Of {tested:,} earlier periods tested in the same way, {alarms:,} alarmed at {level:.2g}: "
        f"{alarms / tested:.0%}, where chance alone gives up to {level:.0%}."
        if tested
        else "No earlier period could serve as a placebo."
    )
    return Placebos(_drawn(standings, names, level), rows, told)


def sensitivities(page: Page, claims: Mapping[str, str]) -> list[Sensitivity]:
    """Claims with their other answers, those that change first.

    Args:
        page: What the page says.
        claims: Where on the page each claim stands, by id.
    """
    by_claim: dict[str, list[Answer]] = {}
    given = {verdict.claim_id: verdict.verdict for verdict in page.verdicts}
    units = {(s.site, s.quantity): s.unit for s in page.series}
    sites = {claim.id: claim.site for claim in page.claims}
    for one in page.alternatives:
        unit = unit_name(units.get((sites[one.claim_id], one.quantity or ""), ""))
        figure = "nothing measured in those days"
        if one.value is not None and one.low is not None and one.high is not None:
            figure = f"{number(one.value)} {unit} ({interval(one.low, one.high)})"
        told = one.value is not None
        changes = told and one.verdict != given[one.claim_id]
        answer = Answer(one.way, one.verdict, figure, told, changes)
        by_claim.setdefault(one.claim_id, []).append(answer)
    found = [Sensitivity(claims[id], id, given[id], tuple(of_it)) for id, of_it in by_claim.items()]
    return sorted(found, key=lambda one: one.holds)


def _smallest(power: Power) -> str:
    return "no rise of any size" if power.smallest is None else amount(power.smallest, power.unit)


def powers(page: Page) -> list[tuple[str, str, str, str]]:
    """Each series of the target period: the smallest rise it would have shown, what is usual, how surely."""
    return [
        (
            _name(one, page.site_names),
            _smallest(one.power),
            amount(one.power.usual, one.power.unit),
            f"{percent(one.power.power)} of cases, against {one.power.m} earlier dates",
        )
        for one in page.standings
    ]


def _name(one: Standing, sites: Mapping[str, str]) -> str:
    orbit = f", orbit {one.orbit}" if one.orbit else ""
    return f"{sites.get(one.site, one.site)}: {quantity_name(one.quantity)} ({one.method}{orbit})"


def _drawn(standings: Sequence[Standing], names: Sequence[str], level: float) -> Figure:
    rows = range(len(names))
    spread = (
        ("earlier period", "circle-open", "var(--muted)", [one.periods.p for one in standings]),
        ("other site", "square-open", "var(--second)", [one.sites.p for one in standings]),
        ("target period", "diamond", "var(--accent)", [(one.change.p_rank,) for one in standings]),
    )
    axis = {"color": "var(--muted)", "zeroline": False, "automargin": True, "gridcolor": "var(--rule)"}
    return {
        "data": [
            {
                "type": "scatter", "mode": "markers", "name": name,
                "x": [max(p, LEAST_P) for of_it in values for p in of_it],
                "y": [row for row, of_it in zip(rows, values, strict=True) for _ in of_it],
                "marker": {"symbol": symbol, "size": 9 if symbol == "diamond" else 7, "color": colour},
                "hoverinfo": "text",
                "text": [
                    text(f"{names[row]}, {name}: p {p:.2g}")
                    for row, of_it in zip(rows, values, strict=True) for p in of_it
                ],
            }
            for name, symbol, colour, values in spread if any(values)
        ],
        "layout": {
            "height": ROW_PX * len(names) + FRAME_PX,
            "shapes": [
                {"type": "line", "x0": level, "x1": level, "yref": "paper", "y0": 0, "y1": 1,
                 "name": f"alarm at {level:.2g}", "showlegend": True,
                 "line": {"color": "var(--contradicted)", "width": 1.5, "dash": "dash"}},
            ],
            "xaxis": {**axis, "type": "log", "title": {"text": "rank p-value: left is rarer"}, "dtick": 1},
            "yaxis": {**axis, "tickvals": list(rows), "ticktext": [text(name) for name in names],
                      "range": [len(names) - 0.5, -0.5]},
        },
    }  # fmt: skip
