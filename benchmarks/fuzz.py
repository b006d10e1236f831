"""Every reader of what strangers send, fed with spoilt input: crashes, hangs, and files touched elsewhere.

    python benchmarks/fuzz.py [--inputs 20000] [--only NAME] [--seed 1] [--out benchmarks/results]

writes ``fuzz.json``. Each reader runs in a process of its own, so that a crash of a library ends one reader
and is counted. An audit hook of Python counts files opened for writing outside the folder, connections and
processes started; what C libraries do by themselves it does not see. Inputs that take longer than 10 s are
hangs. Every finding is kept with the mutation that led to it. Mutations are blind: seeds with bytes flipped,
cut, doubled and tokens put in, or values of a document replaced.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
HANG_S = 10
MOST_EDITS = 8
KEPT = 5
"""Findings of a reader that are written down."""
_WATCHED = ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.remove")


class Hang(BaseException):
    """An input took too long; no reader catches it."""


def targets_room() -> ModuleType:
    """The readers, which the tests share."""
    spec = importlib.util.spec_from_file_location("fuzz_targets", ROOT / "tests" / "fuzz_targets.py")
    assert spec is not None
    assert spec.loader is not None
    room = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_targets"] = room
    spec.loader.exec_module(room)
    return room


class Watch:
    """Counts what a reader does outside its folder, by Python's audit events."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.touched: list[str] = []
        self.on = False
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, mode, flags = args
            writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            if writes and isinstance(path, str | bytes | os.PathLike) and not self._inside(os.fsdecode(path)):
                self.touched.append(f"open {os.fsdecode(path)}")
        elif event in _WATCHED and not (event == "os.remove" and self._inside(os.fsdecode(args[0]))):
            self.touched.append(f"{event} {str(args)[:120]}")

    def _inside(self, path: str) -> bool:
        return os.path.abspath(path).startswith((self.folder, "/dev/null"))


def one_reader(name: str, inputs: int, seed: int) -> dict[str, Any]:
    """Feed one reader; called in a process of its own."""
    warnings.simplefilter("ignore")
    faulthandler.enable()
    rng = np.random.default_rng([seed, *name.encode()])
    findings: list[dict[str, Any]] = []
    counts = {"inputs": 0, "crashes": 0, "hangs": 0, "touched_elsewhere": 0, "slowest_s": 0.0}

    def hung(number: int, frame: object) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, hung)
    room = targets_room()
    with tempfile.TemporaryDirectory() as temporary:
        seeds, place = Path(temporary, "seeds"), Path(temporary, "place")
        seeds.mkdir()
        (target,) = [one for one in room.targets(seeds) if one.name == name]
        watch = Watch(Path(temporary))
        while counts["inputs"] < inputs:
            which = int(rng.integers(len(target.seeds)))
            edits = rng.integers(0, 1_000_000, (int(rng.integers(1, MOST_EDITS)), 3)).tolist()
            data = room.mutated(target.seeds[which], edits)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            error, start = "", time.perf_counter()
            signal.alarm(HANG_S)
            watch.on = True
            try:
                target.take(data, place)
            except Hang:
                error, counts["hangs"] = "hang", counts["hangs"] + 1
            except Exception:  # whatever a reader lets through is what is looked for
                error, counts["crashes"] = traceback.format_exc()[-600:], counts["crashes"] + 1
            finally:
                watch.on = False
                signal.alarm(0)
            counts["inputs"] += 1
            counts["slowest_s"] = round(max(counts["slowest_s"], time.perf_counter() - start), 2)
            if watch.touched:
                counts["touched_elsewhere"] += 1
                error = error or f"touched: {watch.touched[:3]}"
                watch.touched.clear()
            if error and len(findings) < KEPT:
                findings.append({"seed": which, "edits": edits, "error": error})
    return {**counts, "findings": findings}


def in_a_process(name: str, inputs: int, seed: int) -> dict[str, Any]:
    """One reader; a process that dies is a crash."""
    command = [
        sys.executable,
        __file__,
        "--only",
        name,
        "--inputs",
        str(inputs),
        "--seed",
        str(seed),
        "--alone",
    ]
    start = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    found: dict[str, Any] = {"died": True, "error": run.stderr[-1500:]}
    if run.returncode == 0:
        found = json.loads(run.stdout.splitlines()[-1])
    return {**found, "wall_s": round(time.perf_counter() - start, 1)}


def git_commit() -> str:
    """Commit of the code, with a mark where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip() or "unknown"


def main() -> None:
    """Feed all readers and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=20_000, help="of each reader")
    parser.add_argument("--only", help="one reader by name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    chosen = parser.parse_args()
    if chosen.alone:
        print(json.dumps(one_reader(chosen.only, chosen.inputs, chosen.seed)))
        return
    with tempfile.TemporaryDirectory() as folder:
        names = [target.name for target in targets_room().targets(Path(folder))]
    readers = {}
    for name in names if chosen.only is None else [chosen.only]:
        readers[name] = in_a_process(name, chosen.inputs, chosen.seed)
        print(name, {key: value for key, value in readers[name].items() if key != "findings"}, flush=True)
    result = {
        "made_by": f"python benchmarks/fuzz.py --inputs {chosen.inputs} --seed {chosen.seed}",
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": git_commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "what": " ".join((__doc__ or "").split("\n\n")[2].split()),
        "readers": readers,
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "fuzz.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
