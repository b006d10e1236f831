"""The report: everything that a run found, as one self-contained page.

Nothing on the page is loaded from anywhere: styles, drawings and pictures stand in the file, there is no
script, and its own Content-Security-Policy forbids the browser to fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sized
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from evidence.files import written
from evidence.report.content import Page, Picture
from evidence.report.view import lay_out
from evidence.report.words import count, days, printable

__all__ = ["Page", "Picture", "write_page"]

FILES = (
    ("measurements.csv", "every figure with its interval (also measurements.parquet)"),
    ("detections.geojson", "every box (also detections.parquet, GeoParquet)"),
    ("skips.csv", "every scene that was not measured, and why"),
    ("verdicts.json", "every verdict"),
    ("statistics.json", "change, onset, episodes, power and placebos of each series in the target period"),
    ("run.json", "configuration, versions, hash of each input"),
)
"""Data files beside the report's folder, and what is in each."""
MARKER_NAMES = {"o": "dots", "D": "diamonds", "s": "squares", "^": "triangles"}


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
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, finalize=printable, trim_blocks=False
    )
    environment.filters |= {"count": count, "count_of": _count_of, "days": days, "plain": _plain}
    here = files("evidence.report")
    style = here.joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return environment.from_string(here.joinpath("page.html").read_text(encoding="utf-8")).render(
        view=lay_out(page),
        style=Markup(style),  # our own file
        style_hash=f"sha256-{digest}",
        files=FILES,
        markers=MARKER_NAMES,
    )


def _count_of(things: Sized, noun: str) -> str:
    return count(len(things), noun)


def _plain(value: float) -> str:
    return f"{value:g}"
