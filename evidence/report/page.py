"""The report: everything that a run found, as one self-contained page.

Nothing on the page is loaded from anywhere: styles, scripts, data and pictures stand in the file, and its
own Content-Security-Policy, which names each script and style by its hash, forbids the browser all else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sized
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from evidence.dossier.crate import WORDS
from evidence.files import written
from evidence.report.calendar import MONTHS
from evidence.report.content import Area, Page, Picture
from evidence.report.view import lay_out
from evidence.report.words import amount, count, days, printable, unit_name
from evidence.verdicts.likelihood import WORDS as LIKELIHOODS

__all__ = ["Area", "Page", "Picture", "environment", "write_page"]

STYLES = ("base.css", "parts.css", "print.css")
SCRIPTS = ("charts.js", "swipe.js", "links.js")
FILES = (
    "measurements.csv", "measurements.parquet", "detections.geojson", "detections.parquet", "skips.csv",
    "verdicts.csv", "verdicts.json", "statistics.json", "sensitivity.csv", "goods.geojson",
    "trains.geojson", "covers.csv", "radar.csv", "rakes.csv", "align.csv", "run.json",
)  # fmt: skip
"""Data files beside the report's folder."""


def write_page(page: Page, out: Path) -> Path:
    """Write ``out/index.html``, whole or not at all; equal pages give equal files.

    Args:
        page: What it says.
        out: Folder of the report, made if absent; the data files are expected in the folder above it.

    Returns:
        The file.

    Raises:
        InputError: The folder cannot be written to.
    """
    text = render(page)
    target = out / "index.html"
    with written(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return target


def render(page: Page) -> str:
    """The page as HTML."""
    style = "".join(_own(name) for name in STYLES)
    scripts = [get_plotlyjs(), *(_own(name) for name in SCRIPTS)]
    return (
        environment()
        .get_template("page.html")
        .render(
            view=lay_out(page),
            style=Markup(style),  # these are our own files, and the library's
            style_hash=_hash(style),
            scripts=[Markup(script) for script in scripts],
            script_hashes=" ".join(_hash(script) for script in scripts),
            # The library adds a map's style of its own unless something of that id stands there already.
            taken_ids=re.findall(r'document\.getElementById\("([0-9a-f]{64})"\)', scripts[0]),
            files=[(name, WORDS[name]) for name in FILES],
            months=MONTHS,
            likelihoods=LIKELIHOODS,
        )
    )


def environment() -> jinja2.Environment:
    """Templates of the report: text is escaped, and nothing in it can hide."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("evidence.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=printable,
    )
    made.filters |= {
        "count": count, "count_of": _count_of, "days": days, "plain": _plain, "json": _json,
        "unit": unit_name, "amount": amount,
    }  # fmt: skip
    return made


def _own(name: str) -> str:
    return files("evidence.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _json(value: Any) -> Markup:
    """JSON that can stand in a script element, whatever its texts hold."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _count_of(things: Sized, noun: str) -> str:
    return count(len(things), noun)


def _plain(value: float) -> str:
    return f"{value:g}"
