"""``yardwatch compare`` over a whole run folder: figures in, the compared table and the ladder out."""

import json

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence.cli import app
from evidence.config import RunConfig
from evidence.run import run
from evidence.verdicts.outside import ADDED
from imagery.grid import pixel_to_lonlat

GRID = GeoBox((300, 400), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
CLAIMS = """
- {id: C1, site: yard, quantity: railcars, unit: railcars, comparison: about, low: 3, period: '2023-09-02',
   text: Three wagons stood there., imagery: satellite, source: One outlet, locator: page 1, testable: true,
   reason: wagons can be counted}
- {id: C2, site: yard, quantity: railcars, unit: railcars, comparison: about, low: 200, period: '2023-09-02',
   text: Two hundred stood there., imagery: satellite, source: Another, locator: page 2, testable: true,
   reason: wagons can be counted,
   see_also: [C1]}
- {id: C3, site: yard, quantity: containers, unit: containers, comparison: at least, low: 1000,
   period: '2023-09-02', text: More than a thousand in weeks., imagery: none, source: A ministry,
   locator: page 3, testable: false, reason: a total over weeks that no single picture shows}
"""
FIGURES = [
    ("yard", "2023-09-01", "railcars", "3", "=cmd()"),
    ("yard", "2023-09-02", "railcars", "50", "outlet"),
    ("yard", "2023-09-20", "railcars", "3", "too late"),
    ("elsewhere", "2023-09-01", "railcars", "3", "not watched"),
    ("yard", "2023-09-01", "teu", "12", "not measured"),
    ("yard", "2023-09-01", "railcars", "a few", "no number"),
]


def site(path):
    rows, cols = GRID.shape
    ring = pixel_to_lonlat(GRID, np.array([[0, 0], [cols, 0], [cols, rows], [0, rows], [0, 0]], dtype=float))
    feature = {
        "type": "Feature",
        "properties": {"id": "all", "role": "footprint"},
        "geometry": {"type": "Polygon", "coordinates": [ring.tolist()]},
    }
    about = {"id": "yard", "name": "A yard", "uncertainty_m": 5}
    path.write_text(json.dumps({"type": "FeatureCollection", "properties": about, "features": [feature]}))
    return path


@pytest.fixture
def out(tmp_path, monkeypatch, load):
    """A real run whose detector finds three wagons on each of two days."""
    helpers = load("small_run")
    helpers.sure(monkeypatch, 100.0, 50.0)
    for day in (1, 2):
        helpers.noise(tmp_path / "tiles" / f"yard_2023090{day}.tif", GRID, day)
    (tmp_path / "claims.yaml").write_text(CLAIMS)
    config = RunConfig(
        tiles=(tmp_path / "tiles",),
        sites=(site(tmp_path / "yard.geojson"),),
        claims=(tmp_path / "claims.yaml",),
        pictures=0,
    )
    run(config, tmp_path / "out", "yardwatch run")
    return tmp_path / "out"


def ask(*words):
    return CliRunner().invoke(app, ["compare", *map(str, words)], env={"COLUMNS": "300"})


def test_a_table_of_figures_comes_back_compared(tmp_path, out):
    table = pd.DataFrame(FIGURES, columns=["site", "date", "quantity", "value", "source"])
    table.to_csv(tmp_path / "mine.csv", index=False)
    answer = ask(out, "--figures", tmp_path / "mine.csv", "--to", tmp_path / "compared.csv")
    assert answer.exit_code == 0, answer.output
    back = pd.read_csv(tmp_path / "compared.csv")
    assert list(back.columns) == [*table.columns, *ADDED]
    assert list(back["comparable"]) == [True, True, False, False, False, False]
    assert list(back["our_value"][:2]) == [3, 3]
    assert list(back["difference"][:2]) == [0, -47]
    assert [str(held) for held in back["holds"][:2]] == ["True", "False"]
    assert list(back["scene_id"][:2]) == ["yard_20230901", "yard_20230902"]
    reasons = list(back["reason"][2:])
    for reason, word in zip(reasons, ["18 days", "'elsewhere'", "'teu'", "no number"], strict=True):
        assert word in reason
        assert f"not comparable, 1: {reason}" in answer.output
    assert back["source"][0] == "'=cmd()"
    assert "railcars: 2 of 5 figures compared; ours minus theirs -23.5" in answer.output
    assert "our interval holds 50%" in answer.output


def test_a_date_further_off_is_taken_where_days_allow_it(tmp_path, out):
    (tmp_path / "mine.csv").write_text("site,date,quantity,value\nyard,2023-09-20,railcars,3\n")
    near = ask(out, "--figures", tmp_path / "mine.csv")
    assert "none of 1 figures can be compared" in near.output
    far = ask(out, "--figures", tmp_path / "mine.csv", "--days", 18)
    assert "1 of 1 figures compared; ours minus theirs +0.0" in far.output


def test_the_ladder_puts_each_claim_on_its_rung_and_conflicts_side_by_side(tmp_path, out):
    answer = ask(out, "--claims", tmp_path / "claims.yaml")
    assert answer.exit_code == 0, answer.output
    measured, rest = answer.output.split("inferred: none")
    assert measured.index("C1") < measured.index("C2")
    assert "Three wagons stood there." in measured
    assert "a total over weeks that no single picture shows" in rest
    assert rest.index("not testable") < rest.index("C3") < rest.index("Sources beside each other")
    assert "which do not meet. The imagery: contradicted; undecided." in " ".join(rest.split())


def test_what_cannot_be_compared_ends_with_one_line(tmp_path, out):
    (tmp_path / "mine.csv").write_text("site,date,value\nyard,2023-09-01,3\n")
    lacking = ask(out, "--figures", tmp_path / "mine.csv", "--to", tmp_path / "compared.csv")
    assert (lacking.exit_code, "lacks the columns quantity" in lacking.output) == (2, True)
    assert not (tmp_path / "compared.csv").exists()
    nothing = ask(tmp_path / "tiles", "--figures", tmp_path / "mine.csv")
    assert (nothing.exit_code, "Traceback" in nothing.output) == (2, False)
