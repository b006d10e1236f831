"""What SECURITY.md promises beyond single readers: full disks, folders in use, tables, clocks."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from evidence.config import RunConfig
from evidence.files import plain_cell, written
from evidence.places.calendars import write_table
from evidence.run import run
from evidence.tables import write_csv
from imagery.errors import InputError, UnreadableError
from imagery.fetching.coverage import Day
from imagery.folderlock import LOCK, locked
from imagery.sources.files.write import write_cog
from imagery.sources.network.retry import Patience, Retry, retry_after_s
from models.wagons.engine import RECORD, exported_reader

ROOT = Path(__file__).resolve().parents[1]
FORMULA = "=cmd|' /C calc'!A0"
GRID = GeoBox((40, 50), Affine(0.5, 0, 633_000, 0, -0.5, 4_698_000), "EPSG:32652")

LIMITED = """
import resource, signal, sys
from evidence.cli import app
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
app()
"""
"""The command line on a disk on which no file can grow beyond a size."""

HOLDER = """
import sys, time
from pathlib import Path
from imagery.folderlock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def tiles(tmp_path):
    folder = tmp_path / "tiles"
    folder.mkdir()
    for day in (13, 18):
        pixels = np.random.default_rng(day).integers(60, 90, (3, 40, 50)).astype(np.uint8)
        write_cog(folder / f"202309{day}T021600_RGB.tif", pixels, GRID, ["red", "green", "blue"])
    return folder


def command(*words, limit=None):
    code = LIMITED if limit is not None else "from evidence.cli import app; app()"
    before = [str(limit)] if limit is not None else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *before, *map(str, words)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("limit", [0, 20_000])
def test_a_full_disk_ends_a_run_with_words_and_without_half_files(tmp_path, tiles, limit):
    out = tmp_path / "out"
    answer = command("count", tiles, "--detector", "edges", "--out", out, limit=limit)
    assert answer.returncode == 2, answer.stderr
    assert "cannot be written" in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr
    assert not [path for path in out.rglob("*") if path.is_file() and path.suffix in (".part", ".partial")]
    again = command("count", tiles, "--detector", "edges", "--out", out)
    assert again.returncode == 0, again.stderr
    assert len(pd.read_csv(out / "measurements.csv")) > 0


def test_what_stood_there_before_is_kept_where_the_new_cannot_be_written(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("before")

    def fill():
        with written(path) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="cannot be written"):
        fill()
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path, tiles):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    answer = command("count", tiles, "--detector", "edges", "--out", blocked)
    assert answer.returncode == 2
    assert "choose another --out" in " ".join(answer.stderr.split())
    assert blocked.read_text() == "no folder"


def test_two_runs_never_share_a_folder(tmp_path, tiles):
    out = tmp_path / "out"
    with (
        locked(out),
        pytest.raises(InputError, match=rf"in use by process {os.getpid()} on \S+: wait for it"),
    ):
        run(RunConfig(tiles=(tiles,), detector="edges"), out, "yardwatch")
    assert [path.name for path in out.iterdir()] == [LOCK]


def test_the_lock_of_a_killed_process_locks_nothing(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(InputError, match=f"process {holder.pid} on"), locked(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with locked(tmp_path):
        assert (tmp_path / LOCK).read_text().startswith(f"{os.getpid()} on ")


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    target = tmp_path / "precious"
    target.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).symlink_to(target)
    with pytest.raises(InputError, match="cannot be written"), locked(tmp_path / "out"):
        pass
    assert target.read_text() == "mine"


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula(text):
    cell = plain_cell(text)
    assert cell in (text, f"'{text}")
    assert cell[:1] not in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def test_tables_keep_formulas_as_text(tmp_path):
    write_csv(pd.DataFrame({FORMULA: [FORMULA, "plain"], "n": [-1.5, 2.0]}), tmp_path / "a.csv")
    day = Day("yard", "sentinel-2-l2a", date(2023, 9, 13), "failed", detail=FORMULA, scenes=(FORMULA,))
    write_table([day], tmp_path / "b.csv")
    for name in "ab":
        cells = [cell for row in csv.reader(StringIO((tmp_path / f"{name}.csv").read_text())) for cell in row]
        assert f"'{FORMULA}" in cells
        assert FORMULA not in cells
    assert "-1.5" in (tmp_path / "a.csv").read_text()  # numbers stay numbers


@pytest.mark.parametrize("years", [-40, -1, 1, 40])
def test_a_clock_that_jumps_makes_no_wait_longer_than_is_allowed(years):
    then = datetime(2023, 9, 13, tzinfo=UTC)
    asked = retry_after_s("Wed, 13 Sep 2023 00:00:30 GMT", lambda: then + timedelta(days=365 * years))
    waits = []
    retry = Retry(np.random.default_rng(0), Patience(3, 0.5, 5.0), waits.append)
    wait = retry.patience.wait_s(1, asked if asked <= 5 else None, np.random.default_rng(0))
    assert asked >= 0
    assert wait <= 5.0


def test_results_do_not_depend_on_the_clock(tmp_path, tiles, monkeypatch):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(1999, 1, 1, tzinfo=tz)

    run(RunConfig(tiles=(tiles,), detector="edges"), tmp_path / "a", "yardwatch")
    monkeypatch.setattr("evidence.run.datetime", Later)
    run(RunConfig(tiles=(tiles,), detector="edges"), tmp_path / "b", "yardwatch")
    for name in ("measurements.csv", "skips.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "b" / "run.json").read_text())["counts"]["scenes"] == 2


STARTED = """
import os, sys
def heard(event, what):
    if event == "import" and what[0] == "evidence.cli":
        os.write(1, b"started")
sys.addaudithook(heard)
from evidence.start import main
sys.argv[0] = "yardwatch"
main()
"""
"""The command, which says when its first lines have run; Python's own start, before them, heeds nobody."""


@pytest.mark.parametrize("after_s", np.random.default_rng(7).uniform(0.0, 0.6, 5).round(3))
def test_stopped_in_its_first_moments_a_command_ends_without_a_traceback(tmp_path, tiles, after_s):
    command = subprocess.Popen(
        [
            sys.executable,
            "-c",
            STARTED,
            "count",
            str(tiles),
            "--detector",
            "edges",
            "--out",
            str(tmp_path / "o"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell may ignore it
    )
    assert command.stdout.read(7) == b"started"
    time.sleep(after_s)
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode in (130, 0), said  # 0: it had ended before
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said


def test_whoever_wants_a_command_to_run_on_is_heeded(tmp_path, tiles):
    command = subprocess.Popen(
        [sys.executable, "-c", STARTED, "info", str(tiles)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as nohup does with hang-ups
    )
    assert command.stdout.read(7) == b"started"
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    assert command.returncode == 0


@pytest.mark.parametrize(
    "record", ['{"engine": []}', '{"engine": "pickle"}', "[1]", "[" * 100_000, "{", "\x00"]
)
def test_an_export_that_names_no_engine_is_refused(tmp_path, record):
    (tmp_path / RECORD).write_text(record)
    with pytest.raises(UnreadableError, match=r"export|names"):
        exported_reader(tmp_path)


def test_every_promise_names_tests_that_exist():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rooms = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py")}
    named = re.findall(r"`(?:tests/)?(test_\w+\.py)?(?:::)?(test_\w+)?`", text)
    assert len(named) > 20
    for room, test in named:
        assert not room or room in rooms, room
        assert not test or f"def {test}(" in (rooms[room] if room else "".join(rooms.values())), test
