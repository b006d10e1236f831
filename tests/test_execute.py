"""Scenes side by side: bounded, within memory, the same whoever runs them, and never twice."""

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from typer.testing import CliRunner

from evidence.cli import app
from evidence.config import RunConfig
from evidence.execute.executor import AHEAD
from evidence.execute.local import Threads
from evidence.execute.memory import ENGINE_BYTES, LEAST_BYTES, Budget, budget_of, needed, parse_bytes
from evidence.run import run
from imagery.errors import ConfigError
from imagery.scenes import Asset, Scene
from imagery.sources.files.write import write_cog
from imagery.synthetic.paint import paint_chip

ROOT = Path(__file__).resolve().parents[1]
GRID = GeoBox((160, 200), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
SITE = ROOT / "seeds" / "sites" / "tumangang.geojson"
TABLES = ("measurements.csv", "skips.csv", "align.csv", "detections.geojson", "goods.geojson")


def scenes(count):
    return [Scene(str(k), (Asset(Path(str(k)), ("red",)),)) for k in range(count)]


def fine(folder, count):
    folder.mkdir(exist_ok=True)
    for seed in range(count):
        painted = paint_chip(np.random.default_rng(seed), gsd_m=0.5, size=200).image[:160]
        write_cog(
            folder / f"yard_2023090{seed + 1}.tif",
            np.moveaxis(painted, 2, 0),
            GRID,
            ("red", "green", "blue"),
            tags={"YARDWATCH_SIMULATED": "SIMULATED"},
        )
    return folder


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """Dates of every kind: single railcars, Sentinel-2 that is held against other dates, radar."""
    folder = fine(tmp_path_factory.mktemp("tiles"), 2)
    sample = ROOT / "sample_tiles" / "tumangang"
    for kind, count in (("coarse", 4), ("radar", 1)):
        for item in sorted((sample / kind).glob("*.json"))[:count]:
            for path in (sample / kind).glob(f"{item.stem}*"):
                shutil.copy(path, folder)
    return folder


def kept(out):
    """What was seen in each scene, to the last bit, and the tables made of it."""
    seen = {path.name: path.read_bytes() for path in out.glob(".finished/*.npz")}
    return seen | {name: (out / name).read_bytes() for name in TABLES}


def command(*arguments):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = [sys.executable, "-c", "from evidence.cli import app; app()", *map(str, arguments)]
    return subprocess.Popen(start, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_answers_come_in_the_order_of_the_scenes_and_few_are_in_hand():
    lock, handed, most, told = threading.Lock(), [0], [0], []

    def task(scene):
        with lock:
            handed[0] += 1
            most[0] = max(most[0], handed[0])
        time.sleep(random.Random(int(scene.id)).uniform(0, 0.004))
        with lock:
            handed[0] -= 1
        return scene.id

    asked = scenes(40)
    assert Threads(4).each(task, asked, told.append) == [scene.id for scene in asked]
    assert sorted(int(scene.id) for scene in told) == list(range(40))
    assert 1 < most[0] <= 4


def test_no_more_scenes_are_drawn_than_are_ahead():
    started, stop = [], threading.Event()

    def task(scene):
        started.append(scene.id)
        if scene.id == "0":
            stop.wait(5)
            raise KeyboardInterrupt
        return scene.id

    def done(scene):
        stop.set()

    with pytest.raises(KeyboardInterrupt):
        Threads(2).each(task, scenes(1000), done)
    assert len(started) < 1000 - AHEAD


def test_negative_workers_are_refused():
    with pytest.raises(ConfigError, match="-1 workers"):
        Threads(-1)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=12))
def test_scenes_in_hand_never_take_more_than_the_budget(sizes):
    budget, held, most, lock = Budget(100), [0], [0], threading.Lock()

    def take(size):
        with budget.room(size):
            with lock:
                held[0] += size
                most[0] = max(most[0], held[0])
            time.sleep(0)
            with lock:
                held[0] -= size

    threads = [threading.Thread(target=take, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert most[0] <= 100
    assert budget.fits(100)
    assert not budget.fits(101)


def test_without_a_ceiling_a_large_scene_is_looked_at_alone():
    budget, entered = Budget(100, firm=False), threading.Event()
    assert budget.fits(10**9)

    def small():
        with budget.room(1):
            entered.set()

    with budget.room(10**9):
        beside = threading.Thread(target=small)
        beside.start()
        assert not entered.wait(0.05)
    beside.join(10)
    assert entered.is_set()
    assert 0 < budget_of(None, 1).limit < budget_of(None, 0).limit


def test_sizes_as_people_write_them():
    assert parse_bytes("4GiB") == 4 * 2**30
    assert parse_bytes("1.5 gb") == 1_500_000_000
    assert parse_bytes("123") == 123
    for text in ("", "four", "4GiBs", "-1GiB", "1e9"):
        with pytest.raises(ConfigError, match="4GiB"):
            parse_bytes(text)


def test_larger_views_need_more_up_to_what_is_kept_of_one():
    def at(side):
        return needed(GeoBox((side, side), Affine(0.5, 0, 5e5, 0, -0.5, 4.7e6), "EPSG:32652"), 3)

    assert LEAST_BYTES < at(1000) < at(4000) < at(6000) == at(40_000)
    with pytest.raises(ConfigError, match="--memory"):
        budget_of(2**30, remembered=100)
    assert budget_of(None, 100).fits(2**60)


def test_a_scene_without_room_is_skipped_and_looked_at_when_there_is_room(tmp_path):
    folder = fine(tmp_path / "tiles", 1)
    config = RunConfig(tiles=(folder,), detector="edges")
    tight = Threads(1, ENGINE_BYTES + LEAST_BYTES)
    first = run(config, tmp_path / "out", "c", executor=tight).outcomes
    assert [outcome.skip.reason for outcome in first] == ["memory"]
    again = run(config, tmp_path / "out", "c", executor=Threads(1, 2 * tight.memory)).outcomes
    assert again[0].skip is None or again[0].skip.reason != "memory"


@pytest.fixture(scope="module")
def serial(tmp_path_factory, tiles):
    """Files of a run in one thread."""
    out = tmp_path_factory.mktemp("serial")
    run(RunConfig(tiles=(tiles,), sites=(SITE,), detector="edges"), out, "c", executor=Threads(1))
    assert len(list(out.glob(".finished/*.npz"))) == 7
    return kept(out)


def test_threads_leave_the_same_files(tmp_path, tiles, serial):
    config = RunConfig(tiles=(tiles,), sites=(SITE,), detector="edges")
    run(config, tmp_path, "c", executor=Threads(3, parse_bytes("4GiB")))
    assert kept(tmp_path) == serial


@pytest.mark.skipif(find_spec("distributed") is None, reason="dask.distributed is not installed")
def test_a_cluster_leaves_the_same_files_though_a_worker_is_killed(tmp_path, tiles, serial):
    running = command(
        "count", tiles, "--site", SITE, "--detector", "edges", "--out", tmp_path,
        "--executor", "dask", "--workers", 2,
    )  # fmt: skip
    while not any(tmp_path.glob(".finished/*.npz")) and running.poll() is None:
        time.sleep(0.05)
    below = psutil.Process(running.pid).children(recursive=True)
    workers = [child for child in below if "spawn_main" in " ".join(child.cmdline())]
    assert len(workers) == 2
    workers[0].kill()
    said, _ = running.communicate(timeout=150)
    assert running.returncode == 0, said
    assert kept(tmp_path) == serial


RUNNER = """
import os, random, sys
from pathlib import Path
from evidence import checkpoint
from evidence.config import RunConfig
from evidence.execute.local import Threads
from evidence.run import run
tiles, out, log, seed = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
save, chance = checkpoint.Checkpoint.save, random.Random(seed)

def logged(self, scene, *rest):
    if seed and chance.random() < 0.3:
        os.kill(os.getpid(), 9)
    save(self, scene, *rest)
    with open(log, "a") as stream:
        stream.write(scene.id + "\\n")
    if seed and chance.random() < 0.3:
        os.kill(os.getpid(), 9)

checkpoint.Checkpoint.save = logged
run(RunConfig(tiles=(tiles,), detector="edges"), out, "c", executor=Threads(2))
"""


def test_killed_at_any_moment_it_goes_on_and_nothing_is_done_twice(tmp_path):
    folder = fine(tmp_path / "tiles", 4)
    killed, log = 0, tmp_path / "log"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for seed in (1, 2, 0):
        given_ = [sys.executable, "-c", RUNNER, folder, tmp_path / "cut", log, str(seed)]
        killed += subprocess.run(list(map(str, given_)), env=env, check=False).returncode == -9
    assert killed
    assert sorted(log.read_text().split()) == [f"yard_2023090{k + 1}" for k in range(4)]
    run(RunConfig(tiles=(folder,), detector="edges"), tmp_path / "whole", "c")
    assert kept(tmp_path / "cut") == kept(tmp_path / "whole")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--executor", "cloud"], "local and dask"),
        (["--scheduler", "tcp://nowhere:1"], "--executor dask"),
        (["--memory", "much"], "4GiB"),
        (["--memory", "500MiB"], "--memory"),
    ],
)
def test_options_that_make_no_sense_are_one_line(tmp_path, arguments, message):
    folder = fine(tmp_path / "tiles", 1)
    answer = CliRunner().invoke(
        app, ["count", str(folder), "--detector", "edges", "--out", str(tmp_path / "out"), *arguments]
    )
    assert answer.exit_code == 2, answer.output
    assert message in answer.output
    assert "Traceback" not in answer.output
