"""Every reader of what strangers send, fed with spoilt input: crashes, hangs, and files touched elsewhere.

    python -m benchmarks.fuzz [--inputs 1000000] [--method blind] [--only NAME ...] [--cpu-s 600] [--seed 1]

adds to ``benchmarks/results/fuzz.json``, one count a reader and method, after every few seconds of work: a
run that is killed loses nothing, and one that is started again goes on with seeds that were not used yet.
Readers take turns of equal CPU time, so the fast ones are the first to have all their inputs.

A turn is a process of its own: a library that dies ends one turn and is counted. Inputs that take longer than
10 s are hangs; a process may take 6 GiB. An audit hook of Python counts files opened for writing or removed
outside the folder, connections and processes started; what C libraries do by themselves it does not see. The
methods: ``blind`` replaces values of a document, or flips, cuts and doubles bytes and puts in what has broken
readers before; ``hypothesis`` does the same with inputs that it chooses and shrinks, and arbitrary bytes;
``atheris`` is guided by coverage of this project's code, from a corpus that grows (``--corpus``), in a Python
that has atheris (``--python``; Apache-2.0, ``pip install atheris``; no dependency).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fuzz_targets import targets  # noqa: E402

from benchmarks.fuzz_turn import Tally, guided_turn, turn  # noqa: E402

TURN_S = 20.0
"""CPU seconds of a turn."""
KEPT = 5
"""Findings of a reader that are written down."""
SUMS = ("inputs", "taken", "crashes", "hangs", "touched_elsewhere", "cpu_s")
LARGEST = ("slowest_s", "peak_mib", "covered")


def git_commit() -> str:
    """Commit of the code, with a mark where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip() or "unknown"


def added(before: dict[str, Any], found: dict[str, Any], code: str) -> dict[str, Any]:
    """The counts of a reader after one more turn."""
    after: dict[str, Any] = {key: round(before.get(key, 0) + found[key], 1) for key in SUMS}
    after |= {key: max(before.get(key, 0), found[key]) for key in LARGEST if key in found or key in before}
    after["turns"] = before.get("turns", 0) + 1
    after["commits"] = sorted({*before.get("commits", []), code})
    after["findings"] = [*before.get("findings", []), *found["findings"]][:KEPT]
    return after


def rounds(chosen: argparse.Namespace, names: list[str], make: Any) -> None:
    """Turns of every reader, until each has its inputs or its time."""
    path, code = chosen.out / "fuzz.json", git_commit()
    spent = dict.fromkeys(names, 0.0)
    waiting = list(names)
    while waiting:
        for name in list(waiting):
            whole = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"readers": {}}
            of_reader = whole["readers"].setdefault(name, {})
            before = of_reader.get(chosen.method, {})
            left = chosen.inputs - before.get("inputs", 0)
            if left <= 0 or spent[name] >= chosen.cpu_s:
                waiting.remove(name)
                continue
            tally: Tally = make(name, left, [chosen.seed, before.get("turns", 0)])
            spent[name] += max(tally.cpu_s, 1.0)
            of_reader[chosen.method] = added(before, tally.plain(), code)
            about = {
                "made_by": "python -m benchmarks.fuzz --method blind | hypothesis | atheris",
                "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "machine": f"{platform.machine()}, Python {platform.python_version()}",
                "seed": chosen.seed,
                "what": " ".join((__doc__ or "").split("\n\n", 3)[3].split()),
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part")
            partial.write_text(json.dumps({**about, "readers": whole["readers"]}, indent=1) + "\n")
            partial.replace(path)
            said = {k: v for k, v in of_reader[chosen.method].items() if k not in ("findings", "commits")}
            print(name, said, *(f["error"][-700:] for f in tally.findings), sep="\n  ", flush=True)


def main() -> None:
    """Feed the readers and add up what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of each reader, all runs together")
    parser.add_argument("--method", choices=("blind", "hypothesis", "atheris"), default="blind")
    parser.add_argument("--only", nargs="*", help="readers by name")
    parser.add_argument("--cpu-s", type=float, default=float("inf"), help="most for each reader in this run")
    parser.add_argument("--turn-s", type=float, default=TURN_S, help="CPU seconds of a turn")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=Path(tempfile.gettempdir()) / "yardwatch-corpus")
    parser.add_argument("--python", default=sys.executable, help="that has atheris")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        readers = {target.name: target for target in targets(folder)}
        if unknown := set(chosen.only or ()) - set(readers):
            parser.error(f"no readers {unknown}; there are {', '.join(readers)}")

        def make(name: str, inputs: int, seed: list[int]) -> Tally:
            if chosen.method == "atheris":
                corpus = chosen.corpus / name.replace(" ", "-")
                return guided_turn(chosen.python, name, inputs, chosen.turn_s, seed, corpus)
            return turn(readers[name], chosen.method, inputs, chosen.turn_s, seed)

        rounds(chosen, chosen.only or list(readers), make)


if __name__ == "__main__":
    main()
