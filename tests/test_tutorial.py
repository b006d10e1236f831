"""The tutorial is true: its commands are run as they stand, and the verdicts are those that it states."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKS = {"", "network", "waits", "long"}


def blocks():
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder in which every unmarked block of the page was run, in order."""
    folder = tmp_path_factory.mktemp("tutorial")
    script = "\n".join(body for mark, body in blocks() if not mark)
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    said = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join(places), "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout[-2000:] + said.stderr[-2000:]
    assert "Traceback" not in said.stderr
    return folder / "erlenau"


def test_each_block_is_run_or_says_why_not():
    marks = {mark for mark, _ in blocks()}
    assert marks <= MARKS
    assert sum(not mark for mark, _ in blocks()) > 8
    reached = re.compile(r"\b(?:git clone|pip |curl|yardwatch (?:fetch|site new))")
    assert not [body for mark, body in blocks() if not mark and reached.search(body)]


def test_the_verdicts_are_those_of_the_page(done):
    told = dict(re.findall(r"^\| (E\d) \| ([a-z ]+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    found = {v["claim_id"]: v["verdict"] for v in json.loads((done / "out/verdicts.json").read_text())}
    assert len(told) == 4
    assert found == told


def test_what_the_page_names_is_there(done):
    for name in ("check/check.png", "out/report/index.html", "out/dossier/seal.json", "out/skips.csv",
                 "out/review.csv", "labels/coco.json"):  # fmt: skip
        assert (done / name).is_file(), name
    assert list((done / "out/rasters").glob("*.tif"))
    compared = pd.read_csv(done / "compared.csv")
    assert list(compared["comparable"]) == [True, False]
    assert compared["our_quantity"][0] == "railcars"
