"""One turn of one reader for benchmarks/fuzz.py: a process of its own, watched from outside."""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_mutations import mutated
from fuzz_targets import Target
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
HUNG_S = 10
"""An input may take so long, on the clock."""
STUCK_S = 120
"""A process in which nothing moves for so long hangs in a library, where no signal reaches Python."""
MOST_BYTES = 6 * 2**30
MOST_EDITS = 8
BLOCK = 1000
"""Inputs whose mutations are drawn together."""
_WATCHED = (
    "socket.connect",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Hang(BaseException):
    """An input took too long; no reader catches it."""


@dataclass
class Tally:
    """What came of a turn."""

    inputs: int = 0
    """Fed."""
    taken: int = 0
    """Of these, not refused."""
    crashes: int = 0
    """Errors that are none of ours, and processes that died."""
    hangs: int = 0
    """Inputs that took longer than HUNG_S."""
    touched_elsewhere: int = 0
    """Inputs that made the reader write, connect or start something outside its folder."""
    slowest_s: float = 0.0
    """Longest time of an input, on the clock."""
    cpu_s: float = 0.0
    """CPU time of the process."""
    peak_mib: float = 0.0
    """Most memory of the process."""
    covered: int = 0
    """Edges of this project's code that the corpus reaches; atheris alone counts them."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    """The input, or how it was made, and the error."""

    def plain(self) -> dict[str, Any]:
        """As it stands in the results."""
        found = asdict(self)
        return found if self.covered else {key: value for key, value in found.items() if key != "covered"}


class Watch:
    """What a reader does outside its folder, by Python's audit events."""

    def __init__(self, folder: Path) -> None:
        self._inside = (str(folder), "/dev/null")
        self.touched: list[str] = []
        self.on = False
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, _, flags = args
            writes = isinstance(flags, int) and flags & _WRITES
            if writes and isinstance(path, str | bytes | os.PathLike) and not self._is_inside(path):
                self.touched.append(f"open {os.fsdecode(path)}")
        elif event in _WATCHED and not (
            event.startswith("os.r") and self._is_inside(_full(args[0], args[-1]))
        ):
            self.touched.append(f"{event} {str(args)[:120]}")

    def _is_inside(self, path: Any) -> bool:
        return os.path.abspath(os.fsdecode(path)).startswith(self._inside)


class Feeder:
    """Feeds one reader in this process and counts."""

    def __init__(self, target: Target, folder: Path, tally: Tally) -> None:
        """Prepare the folder and the signals."""
        self._target, self._folder, self.tally = target, folder, tally
        target.prepare(folder)
        self._watch = Watch(folder)
        signal.signal(signal.SIGALRM, _hung)

    def __call__(self, data: bytes, made: object) -> str:
        """Feed an input; the error, empty where there was none."""
        error, start = "", time.perf_counter()
        signal.alarm(HUNG_S)
        self._watch.on = True
        try:
            self.tally.taken += self._target.take(data, self._folder)
        except Hang:
            error, self.tally.hangs = "hang", self.tally.hangs + 1
        except Exception:  # whatever a reader lets through is what is looked for
            error, self.tally.crashes = traceback.format_exc()[-1500:], self.tally.crashes + 1
        finally:
            self._watch.on = False
            signal.alarm(0)
        self.tally.inputs += 1
        self.tally.slowest_s = max(self.tally.slowest_s, round(time.perf_counter() - start, 2))
        if self._watch.touched:
            self.tally.touched_elsewhere += 1
            error = error or f"touched: {self._watch.touched[:3]}"
            self._watch.touched.clear()
        if error and all(error[-200:] != known["error"][-200:] for known in self.tally.findings):
            self.tally.findings.append({"input": made, "error": error})
        return error


def _full(path: Any, folder: Any) -> str:
    """A path, also where it is given from an open folder."""
    held = os.readlink(f"/proc/self/fd/{folder}") if isinstance(folder, int) and folder >= 0 else ""
    return os.path.join(held, os.fsdecode(path))


def _hung(number: int, frame: object) -> None:
    raise Hang


def turn(target: Target, method: str, inputs: int, cpu_s: float, seeds: Sequence[int]) -> Tally:
    """A turn of ``blind`` or ``hypothesis`` in a forked process; it ends with the inputs or the time."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        folder, moved = Path(temporary), mmap.mmap(-1, 8)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        child = os.fork()
        if child == 0:
            _in_child(
                {"blind": _blind, "hypothesis": _chosen}[method], target, inputs, cpu_s, seeds, folder, moved
            )
        status = _wait(child, lambda: moved[:])
        if status == 0:
            return Tally(**json.loads((folder / "tally").read_text()))
        (number,) = struct.unpack("q", moved[:])
        tally = Tally(
            inputs=number, crashes=1, cpu_s=resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        )
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            tally.crashes, tally.hangs = 0, 1
        told = (folder / "stderr").read_text(errors="replace")[-1500:]
        tally.findings.append({"input": [*seeds, number], "error": f"died with status {status}: {told}"})
        return tally


def _wait(child: int, moved: Callable[[], bytes]) -> int:
    """The child's status; it is killed where nothing moves."""
    seen, since = moved(), time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if moved() != seen:
            seen, since = moved(), time.monotonic()
        elif time.monotonic() - since > STUCK_S:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)


def _in_child(
    way: Callable[..., None],
    target: Target,
    inputs: int,
    cpu_s: float,
    seeds: Sequence[int],
    folder: Path,
    moved: mmap.mmap,
) -> None:
    """Feed, write what came of it, and leave without the parent's clean-up."""
    try:
        with (folder / "stderr").open("wb") as file:
            os.dup2(file.fileno(), 2)  # GDAL and others say there what they think of each input
        faulthandler.enable()
        (folder / "place").mkdir()
        tempfile.tempdir = str(folder / "place")  # a rerun has a folder of its own there
        warnings.simplefilter("ignore")
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        tally, start = Tally(), time.process_time()
        rng = np.random.default_rng([*seeds, *target.name.encode()])
        feed = Feeder(target, folder / "place", tally)

        def ended() -> bool:
            moved[:] = struct.pack("q", tally.inputs)
            return tally.inputs >= inputs or time.process_time() - start > cpu_s

        way(target, feed, rng, ended)
        tally.cpu_s = round(time.process_time() - start, 1)
        tally.peak_mib = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        (folder / "tally").write_text(json.dumps(asdict(tally)))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _blind(target: Target, feed: Feeder, rng: np.random.Generator, ended: Callable[[], bool]) -> None:
    while True:
        which = rng.integers(len(target.seeds), size=BLOCK).tolist()
        counts = rng.integers(1, MOST_EDITS, BLOCK).tolist()
        edits = rng.integers(0, 1_000_000, (BLOCK, MOST_EDITS, 3)).tolist()
        for at, count, some in zip(which, counts, edits, strict=True):
            if ended():
                return
            feed(mutated(target.seeds[at], some[:count]), {"seed": at, "edits": some[:count]})


def _chosen(target: Target, feed: Feeder, rng: np.random.Generator, ended: Callable[[], bool]) -> None:
    """Hypothesis, again and again with another seed; what it finds it shrinks."""
    numbers = st.integers(0, 1_000_000)
    edits = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=MOST_EDITS)
    spoilt = st.builds(mutated, st.sampled_from(target.seeds), edits) | st.binary(max_size=300)

    class Found(AssertionError):
        pass

    while not ended():

        @seed(int(rng.integers(2**31)))
        @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(spoilt)
        def once(data: bytes) -> None:
            if not ended() and feed(data, {"bytes": data.hex()[:4000]}):
                raise Found

        try:
            once()
        except Found:
            pass


def guided_turn(
    python: str, name: str, inputs: int, cpu_s: float, seeds: Sequence[int], corpus: Path
) -> Tally:
    """A turn of atheris, which ends its process itself."""
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        command = [python, "-m", "benchmarks.fuzz_guided", name, temporary, str(inputs), str(cpu_s)]
        command += [str(sum(seeds) + 1), str(corpus)]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        with Path(temporary, "stderr").open("wb") as told:
            done = subprocess.run(command, cwd=ROOT, env=environment, stderr=told, stdout=told, check=False)
        text = Path(temporary, "stderr").read_text(errors="replace")
        kept = Path(temporary, "tally")
        tally = Tally(**json.loads(kept.read_text())) if kept.exists() else Tally()
        tally.covered = max(map(int, re.findall(r"cov: (\d+)", text)), default=0)
        if done.returncode != 0:
            tally.hangs += "ERROR: libFuzzer: timeout" in text
            tally.crashes += "ERROR: libFuzzer: timeout" not in text
            found = [path.read_bytes().hex()[:4000] for path in Path(temporary).glob("found-*")]
            tally.findings.append({"input": {"bytes": found[:1]}, "error": text[-1500:]})
        return tally
