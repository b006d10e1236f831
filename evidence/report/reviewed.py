"""A finished page with a person's counts beside the machine's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evidence.report.charts import text
from evidence.report.page import environment
from evidence.report.words import anchors, interval, number
from models.stats.checked import Corrected

PLACE, LINK_PLACE = "<!--review-->", "<!--review link-->"
"""Where the page leaves room; as text from outside is escaped, nothing else on it reads so."""
LINK = '<li><a href="#review">Checked by a person</a></li>'


def with_review(
    page: str, rows: Sequence[Mapping[str, Any]], means: Mapping[str, Mapping[str, Corrected]]
) -> str:
    """Add what a person counted.

    Args:
        page: HTML as ``write_page`` made it.
        rows: Images of which something was said, as in ``review.csv``.
        means: Machine's and corrected means by site and group of dates.

    Returns:
        The page with a section more, and a mark in the chart of each site for every image that is done.
    """
    done = [row for row in rows if row["person"] is not None]
    sites = sorted({row["site"] for row in done if row["taken_at"]})
    section = (
        environment()
        .get_template("reviewed.html")
        .render(
            rows=[
                {**row, "count": number(row["machine"]), "ends": interval(row["low"], row["high"])}
                for row in rows
            ],
            means=[_mean(site, *group) for site, groups in means.items() for group in groups.items()],
            traces=[_trace(site, [row for row in done if row["site"] == site]) for site in sites],
        )
    )
    return page.replace(PLACE, section, 1).replace(LINK_PLACE, LINK, 1)


def _mean(site: str, name: str, mean: Corrected) -> tuple[str, ...]:
    known = not math.isnan(mean.low) and not math.isnan(mean.high)
    return (
        site,
        f"{name} ({mean.dates})",
        number(mean.machine),
        number(mean.value) if mean.draws else "not yet known",
        interval(mean.low, mean.high) if known else "too few checked",
        str(mean.checked),
    )


def _trace(site: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of a person for the chart of the site's railcars."""
    rows = sorted((row for row in rows if row["taken_at"]), key=lambda row: row["taken_at"])
    return {
        "plot": f"{anchors('series', [f'{site} railcars'])[0]}-plot",
        "data": {
            "type": "scatter", "mode": "markers", "name": "counted by a person",
            "x": [row["taken_at"].removesuffix("Z") for row in rows], "y": [row["person"] for row in rows],
            "marker": {"symbol": "star-open", "size": 12, "color": "var(--supported)"},
            "hoverinfo": "text",
            "text": [
                text(f"{row['taken_at'][:10]}: {row['person']} counted by {row['who']}") for row in rows
            ],
            "customdata": ["#review"] * len(rows),
        },
    }  # fmt: skip
