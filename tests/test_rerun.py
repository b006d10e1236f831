"""A real run sealed, repeated, and computed again from its dossier."""

import dataclasses
import json
from pathlib import Path

import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence.cli import app
from evidence.config import RunConfig
from evidence.dossier.package import Sealing
from evidence.dossier.rerun import rerun
from evidence.dossier.verify import Broken, verify
from evidence.run import run
from imagery.errors import ConfigError, InputError

GRID = GeoBox((96, 128), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
COMMAND = "yardwatch run a.yaml"


@pytest.fixture(autouse=True)
def small(load, monkeypatch):
    helpers = load("small_run")
    helpers.sure(monkeypatch, 10.0, 20.0, moved=True)
    return helpers


@pytest.fixture
def config(tmp_path, small):
    folder = tmp_path / "tiles"
    for day in (1, 11):
        small.noise(folder / f"yard_202309{day:02d}.tif", GRID, day)
    (folder / "broken_20230921.tif").write_text("no image")
    (folder / "notes.txt").write_text("beside the images")
    return RunConfig(tiles=(folder,), title="A yard", pictures=0)


def test_equal_runs_have_equal_contents(tmp_path, config):
    first, second = (run(config, tmp_path / name, COMMAND) for name in ("first", "second"))
    assert first.seal.content_sha256 == second.seal.content_sha256
    assert len(json.loads((first.dossier / "inputs.json").read_text())) == 4, "what lies beside decides, too"
    files = {
        path.relative_to(first.dossier.parent).as_posix()
        for path in first.dossier.parent.rglob("*")
        if path.is_file()
        and path.relative_to(first.dossier.parent).parts[0] not in ("dossier", ".finished", ".lock")
    }
    assert {"measurements.csv", "report/index.html", "run.json"} <= files
    assert files <= set(first.seal.files), "a result is not in the dossier"


def test_out_among_the_tiles_is_no_input(tmp_path, config, monkeypatch):
    monkeypatch.chdir(config.tiles[0])
    for _ in range(2):
        result = run(config, Path("out"), COMMAND)
    assert len(json.loads((result.dossier / "inputs.json").read_text())) == 4
    verify(result.dossier)


@pytest.mark.parametrize("with_inputs", [False, True])
def test_a_dossier_comes_out_the_same_again(tmp_path, config, monkeypatch, with_inputs):
    result = run(config, tmp_path / "out", COMMAND, sealing=Sealing(with_inputs=with_inputs))
    (config.tiles[0] / "later_20231001.tif").write_bytes((config.tiles[0] / "yard_20230911.tif").read_bytes())
    held = verify(result.dossier)
    again = rerun(held)
    assert again.measurements == sum(len(outcome.measurements) for outcome in result.outcomes) > 0
    assert again.largest == 0
    said = json.loads((held.folder / "software.json").read_text())["code_sha256"]
    for code in (said, "0" * 64):
        monkeypatch.setattr("evidence.dossier.rerun.code_digest", lambda code=code: code)
        assert rerun(held).same_code == (code == said)
    with pytest.raises(InputError, match="--inputs"):
        rerun(dataclasses.replace(held, base=None))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [(",3.0,", ",4.0,", "its value came out as 3, not 4"), ("railcars", "wagons", "the rerun alone has it")],
)
def test_another_result_is_named(tmp_path, config, monkeypatch, old, new, said):
    held = verify(run(config, tmp_path / "out", COMMAND).dossier)
    table = held.folder / "measurements.csv"
    table.chmod(0o644)
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new))
    monkeypatch.setattr("evidence.dossier.rerun.code_digest", lambda: "0" * 64)
    with pytest.raises(Broken, match=said) as caught:
        rerun(held)
    assert caught.value.what == "result"
    assert "code or weights" in str(caught.value), "why it may differ belongs to it"


def test_a_config_that_leads_out_is_not_run(tmp_path, config):
    held = verify(run(config, tmp_path / "out", COMMAND).dossier)
    path = held.folder / "config.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"tiles"\n', '"../../etc"\n'))
    with pytest.raises(ConfigError, match="leads out"):
        rerun(held)


def test_the_commands_go_together(tmp_path, config):
    (tmp_path / "a.yaml").write_text("tiles: [tiles]\ntitle: A yard\npictures: 0\n")
    out = tmp_path / "out"
    made = CliRunner().invoke(app, ["run", str(tmp_path / "a.yaml"), "--out", str(out), "--with-inputs"])
    assert made.exit_code == 0, made.output
    seal = made.output.split("seal ")[-1].split()[0]
    said = CliRunner().invoke(app, ["verify", str(out), "--seal", seal, "--rerun"])
    assert said.exit_code == 0, said.output
    assert "comes out the same" in said.output
    assert CliRunner().invoke(app, ["verify", str(out), "--seal", "0" * 64]).exit_code == 1
