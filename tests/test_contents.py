"""What lies where after a run, and how QGIS is told to show it."""

from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from typer.testing import CliRunner

from evidence.cli import app
from evidence.exports.contents import contents
from evidence.exports.styles import STYLES, write_styles
from imagery.errors import InputError
from models.occupancy.trains import colour_of
from models.wagons.nets import COVERS


@pytest.fixture
def out(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "dossier").mkdir()
    (tmp_path / ".finished").mkdir()
    for name in ("run.json", "measurements.csv", "detections.geojson", "report/index.html", "odd [name].csv"):
        (tmp_path / name).write_text("x" * 5000)
    return tmp_path


def test_styles_stand_beside_the_layers_that_there_are(out):
    write_styles(out)
    assert [path.name for path in out.glob("*.qml")] == ["detections.qml"]
    root = Xml.parse(out / "detections.qml").getroot()
    renderer = root.find("renderer-v2")
    assert (root.tag, renderer.get("attr")) == ("qgis", "tarp")
    categories = renderer.findall("categories/category")
    symbols = {symbol.get("name") for symbol in renderer.findall("symbols/symbol")}
    assert {category.get("symbol") for category in categories} == symbols
    # What a detector may say of a cover has a colour; the empty value is QGIS's word for all others.
    assert {category.get("value") for category in categories} == {*COVERS, ""} - {"other"}
    colours = [option.get("value") for option in root.iter("Option") if option.get("name") == "outline_color"]
    assert len(set(colours)) == len(STYLES["detections"].colours)


def test_trains_are_lines(out):
    (out / "trains.geojson").write_text("{}")
    write_styles(out)
    root = Xml.parse(out / "trains.qml").getroot()
    renderer = root.find("renderer-v2")
    assert renderer.get("attr") == "colour"
    assert {symbol.get("type") for symbol in renderer.findall("symbols/symbol")} == {"line"}
    assert {layer.get("class") for layer in root.iter("layer")} == {"SimpleLine"}
    named = {category.get("value") for category in renderer.findall("categories/category")}
    tops = {
        "white": 0.5 * np.ones((4, 3)),
        "blue": np.tile([0.3, 0.1, 0.1], (4, 1)),
        "green": np.eye(3)[[1] * 4],
    }
    tops["mixed"] = np.concatenate([tops["white"], tops["blue"]])
    told = {colour_of(each, ("blue", "green", "red")) for each in tops.values()}
    assert told == set(tops)
    assert told < named


def test_a_run_is_listed_page_first(out):
    items = contents(out)
    names = [item.path.relative_to(out.resolve()).as_posix() for item in items]
    assert names[0] == "report/index.html"
    assert set(names) == {
        "report/index.html", "run.json", "measurements.csv", "detections.geojson", "dossier",
        "odd [name].csv",
    }  # fmt: skip
    assert {item.bytes for item in items} == {5000, None}
    with pytest.raises(InputError, match="holds no run"):
        contents(out / "report")


def test_the_command_prints_paths_as_text(out):
    answer = CliRunner().invoke(app, ["open", str(out)])
    assert answer.exit_code == 0, answer.output
    assert "odd [name].csv (5 kB)" in answer.output
    assert "Every measurement with its interval" in answer.output
    assert CliRunner().invoke(app, ["open", str(out / "report")]).exit_code == 2
