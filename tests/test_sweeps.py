"""Sweeps: what is tried, each run once, and a winner that is not told its own marks."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence.cli import app
from evidence.sweeps import sweep as sweep_room
from evidence.sweeps.compare import against_figures, claims_apart, runs_of
from evidence.sweeps.plan import Span, SweepConfig, config_of, load_sweep, settings
from evidence.sweeps.sweep import BEST, FIGURES, TABLE, sweep
from imagery.errors import ConfigError

GRID = GeoBox((120, 120), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
DAYS = ("20230901", "20230911", "20230921", "20231001")


@pytest.fixture
def world(tmp_path, load, monkeypatch):
    """Four dates of one place on which three wagons are always found, a base config and known figures."""
    small = load("small_run")
    for seed, day in enumerate(DAYS):
        small.noise(tmp_path / "tiles" / f"yard_{day}.tif", GRID, seed)
    small.sure(monkeypatch, 20, 30)
    (tmp_path / "base.yaml").write_text("tiles: [tiles]\nsites: []\n", encoding="utf-8")
    known = (
        (f"{day[:4]}-{day[4:6]}-{day[6:]}", value) for day, value in zip(DAYS, (3, 3, 5, 6), strict=True)
    )
    rows = [f",{day},railcars,{value}" for day, value in known]
    (tmp_path / "known.csv").write_text(
        "\n".join(["site,date,quantity,value", *rows]) + "\n", encoding="utf-8"
    )
    return tmp_path


def plan(folder, **more):
    values = {
        "name": "s",
        "base": folder / "base.yaml",
        "values": {"level": [0.8, 0.9], "detector": ["edges"]},
        "figures": folder / "known.csv",
        "choose_on": {"until": "2023-09-15"},
        "report_on": {"since": "2023-09-15"},
    }
    return SweepConfig(**{**values, **more})


def test_a_grid_holds_every_combination_in_order(world):
    tried = list(settings(plan(world, values={"level": [0.8, 0.9], "season_days": [30, None, 60]})))
    assert len(tried) == 6
    assert tried[1] == {"level": 0.8, "season_days": None}
    assert config_of(plan(world), tried[1]).season_days is None
    assert config_of(plan(world), {"tiles.0": "elsewhere"}).tiles == (world / "elsewhere",)


@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_draws_lie_within_and_repeat(seed, log, whole):
    drawing = SweepConfig(
        name="s",
        base="b.yaml",
        values={"pictures": Span(low=1, high=50, log=log, whole=whole), "detector": ["edges", "strips"]},
        search="random",
        seed=seed,
        draws=8,
    )
    tried = list(settings(drawing))
    assert tried == list(settings(drawing))
    assert all(1 <= one["pictures"] <= 50 for one in tried)
    assert not whole or all(isinstance(one["pictures"], int) for one in tried)


def test_runs_are_made_once_and_again_where_something_changed(world, monkeypatch):
    made = []
    real = sweep_room.run
    monkeypatch.setattr(
        sweep_room, "run", lambda config, *rest, **how: made.append(config) or real(config, *rest, **how)
    )
    sweep(plan(world), world / "out", say=lambda text: None)
    assert [config.level for config in made] == [0.8, 0.9]
    first = pd.read_parquet(world / "out" / TABLE)
    sweep(plan(world), world / "out", say=lambda text: None)
    assert len(made) == 2
    pd.testing.assert_frame_equal(pd.read_parquet(world / "out" / TABLE), first)
    again = {"level": [0.9, 0.7], "detector": ["edges"]}
    sweep(plan(world, values=again), world / "out", say=lambda text: None)
    assert [config.level for config in made[2:]] == [0.7]


def test_the_winner_is_chosen_on_one_part_and_told_on_the_other(world):
    table = sweep(plan(world), world / "out", say=lambda text: None)
    assert set(table["part"]) == {"chosen on", "reported on"}
    found = json.loads((world / "out" / BEST).read_text())
    assert found["best"] == {"level": 0.8, "detector": "edges"}
    measured = pd.read_parquet(next((world / "out" / "runs").iterdir()) / "measurements.parquet")
    value = measured[measured.quantity == "railcars"].value.iloc[0]
    assert found["chosen on"]["mean_absolute"] == pytest.approx(abs(value - 3))
    assert found["reported on"]["mean_absolute"] == pytest.approx(np.mean([abs(value - 5), abs(value - 6)]))


def test_a_setting_that_leaves_figures_out_never_wins(world):
    (world / "few").mkdir()
    (world / "few" / "yard_20230901.tif").write_bytes((world / "tiles" / "yard_20230901.tif").read_bytes())
    rows = pd.read_csv(world / "known.csv", dtype=str, keep_default_na=False)
    rows.loc[1, "value"] = "50"
    rows.to_csv(world / "known.csv", index=False)
    sweep(plan(world, values={"tiles.0": ["few", "tiles"]}), world / "out", say=lambda text: None)
    assert json.loads((world / "out" / BEST).read_text())["best"] == {"tiles.0": "tiles"}


def test_without_figures_nothing_is_best(world):
    sweep(plan(world, figures=None, report_on=None), world / "out", say=lambda text: None)
    assert json.loads((world / "out" / BEST).read_text())["best"] is None


def test_a_run_that_fails_is_a_row_that_says_why(world):
    table = sweep(plan(world, values={"tiles.0": ["nowhere", "tiles"]}), world / "out", say=lambda text: None)
    failed = table[table["failed"] != ""]
    assert len(failed) == 1
    assert "nowhere" in failed["failed"].iloc[0]
    assert json.loads((world / "out" / BEST).read_text())["best"] == {"tiles.0": "tiles"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"values": {"levle": [1]}}, "did you mean 'level'"),
        ({"values": {"tiles.7": ["x"]}}, "leads nowhere"),
        ({"values": {"level": list(range(200)), "pictures": list(range(200))}}, "at most"),
        ({"report_on": {"since": "2023-09-05"}}, "keep them apart"),
    ],
)
def test_what_makes_no_sense_is_said_before_the_first_run(world, monkeypatch, more, message):
    monkeypatch.setattr(sweep_room, "run", None)
    with pytest.raises(ConfigError, match=message):
        sweep(plan(world, **more), world / "out", say=lambda text: None)


def test_configs_are_refused_in_words(tmp_path):
    bad = tmp_path / "bad.yaml"
    for text, message in (
        ("name: s\nbase: b.yaml\nvalues: {level: {low: 0.1, high: 0.9}}", "search: random"),
        ("name: s\nbase: b.yaml\nvalues: {level: [0.1]}\nsearch: random", "needs a seed"),
        ("name: s\nbase: b.yaml\nvalues: {level: [0.1]}\nsed: 1", "did you mean 'seed'"),
    ):
        bad.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            load_sweep(bad)


def test_the_shipped_sweep_can_be_made():
    shipped = load_sweep(Path(__file__).resolve().parents[1] / "configs" / "sweeps" / "detectors.yaml")
    configs = [config_of(shipped, setting) for setting in settings(shipped)]
    assert len({config.digest() for config in configs}) == 2
    assert all(path.exists() for path in (*configs[0].tiles, *configs[0].sites, shipped.figures))


def test_runs_are_compared_by_command(world, monkeypatch):
    sweep(plan(world), world / "out", say=lambda text: None)
    assert len(runs_of([world / "out"])) == 2
    table = against_figures(runs_of([world / "out"]), world / "out" / FIGURES)
    assert table["pairs"].tolist() == [4, 4]
    assert claims_apart(runs_of([world / "out"])).empty
    answer = CliRunner().invoke(app, ["compare-runs", str(world / "out"), "--to", str(world / "to")])
    assert answer.exit_code == 0, answer.output
    assert "best of 2" in answer.output
    assert (world / "to" / "compared.png").read_bytes()[:4] == b"\x89PNG"
    assert len(pd.read_csv(world / "to" / "compared.csv")) == 2
    refused = CliRunner().invoke(app, ["compare-runs", str(world)])
    assert refused.exit_code == 2
    assert "no run and no sweep" in " ".join(refused.output.split())
