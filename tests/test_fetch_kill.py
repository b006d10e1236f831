"""Killed at any instant and started again, ``yardwatch fetch`` ends with the folder of an undisturbed run."""

import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from imagery.sources.network.landing import sweep

KILLS = int(os.environ.get("YARDWATCH_KILLS", "200"))
PICTURES = 8


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


world = _load("fetch_world")


class Runner:
    """A warm process that forks a child a run."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fetch_runner.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def start(self, *args):
        self.process.stdin.write(json.dumps([str(arg) for arg in args]) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self):
        """Wait status of the child: 0 where it ended well, the signal where it was killed."""
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture
def runner():
    one = Runner()
    yield one
    one.close()


def committed(out):
    """Ids of Items that lie in the folder under their own name."""
    return {path.parent.name for path in out.glob("*/*/*/[!.]*/*.json")}


def half_written(out):
    return list(out.rglob("*.part"))


def test_200_kills_end_in_the_same_folder(stac_server, tmp_path, runner, record_property):
    world.add_archive(stac_server, PICTURES, grid=world.SMALL)
    bands = {"sentinel-2-l2a": ["B04", "SCL"]}
    config = world.write_config(tmp_path, stac_server, workers=3, sensors=bands)
    reference = tmp_path / "undisturbed"
    runner.start("--help")
    assert runner.end() == 0  # the runner has imported what it needs
    started = time.monotonic()
    runner.start(config, "--out", reference)
    assert runner.end() == 0
    lifetime = time.monotonic() - started
    whole = world.tree(reference)
    assert len(committed(reference)) == PICTURES
    stac_server.assert_ranges()
    figures = {"requests of an undisturbed run": len(stac_server.requests("^/files/"))}

    rng = random.Random(20231005)
    rounds = kills = asked = doubled = torn = 0
    while kills < KILLS:
        out = tmp_path / f"round-{rounds}"
        finished = False
        while not finished:
            before, seen = committed(out), len(stac_server.log)
            pid = runner.start(config, "--out", out)
            if kills < KILLS:
                # Short lives and long ones: most end while scenes are searched, copied or written.
                time.sleep(rng.uniform(0.0, lifetime * rng.choice((0.3, 1.0))))
                with suppress(ProcessLookupError):  # it has ended by itself
                    os.kill(pid, signal.SIGKILL)
            status = runner.end()
            assert status in (0, signal.SIGKILL), f"run ended with {status}"
            finished = status == 0
            kills += not finished
            torn += bool(half_written(out))
            reads = [one for one in list(stac_server.log)[seen:] if one.path.startswith("/files/")]
            asked += len(reads)
            doubled += sum(bool(before & set(one.path.split("/"))) for one in reads)
        assert world.tree(out) == whole, f"round {rounds} differs"
        assert not half_written(out)
        rounds += 1
        shutil.rmtree(out)
    seconds = round(time.monotonic() - started, 1)
    figures |= {"kills": kills, "identical ends": rounds, "requests for finished items": doubled}
    figures |= {"kills amid writing": torn, "requests in all": asked, "seconds": seconds}
    print(figures)
    for name, value in figures.items():
        record_property(name, value)
    assert kills == KILLS
    assert doubled == 0
    assert torn > KILLS / 20, "too few kills hit an Item that was being written"


def test_what_killed_runs_have_left_is_swept_and_nothing_else(tmp_path):
    site, year = tmp_path / "yard", tmp_path / "yard" / "sentinel-2-l2a" / "2023"
    left = (site / ".yard.geojson.7.part", year / ".A.part" / "A.json")
    kept = (site / "yard.geojson", year / "A" / "A.json")
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    sweep(tmp_path)
    assert not half_written(tmp_path)
    assert all(path.is_file() for path in kept)
