"""A reader under atheris, for benchmarks/fuzz.py: coverage of this project's code says what to keep.

    python -m benchmarks.fuzz_guided NAME FOLDER INPUTS CPU_S SEED CORPUS

needs atheris (Apache-2.0). Half of the inputs are spoilt as those of the other methods, half by libFuzzer.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["imagery", "models", "evidence"]):
    from fuzz_mutations import mutated
    from fuzz_targets import targets

from benchmarks.fuzz_turn import HUNG_S, MOST_BYTES, MOST_EDITS, Feeder, Tally

WRITTEN_EVERY = 50
"""Inputs between two records of the counts: libFuzzer ends the process without a word to Python."""
MOST_LENGTH = 2**16


def main() -> None:
    """Feed until libFuzzer has had enough."""
    name, place, inputs, cpu_s, seed, corpus = sys.argv[1:]
    folder, tally = Path(place), Tally()
    warnings.simplefilter("ignore")
    (folder / "seeds").mkdir()
    (folder / "place").mkdir()
    (target,) = (one for one in targets(folder / "seeds") if one.name == name)
    for data in target.seeds:
        Path(corpus, hashlib.sha256(data).hexdigest()).write_bytes(data)
    tempfile.tempdir = str(folder / "place")
    feed = Feeder(target, folder / "place", tally)
    used = resource.getrusage(resource.RUSAGE_SELF)
    before = used.ru_utime + used.ru_stime

    def one(data: bytes) -> None:
        feed(data, {"bytes": data.hex()[:4000]})
        if tally.inputs % WRITTEN_EVERY == 0 or tally.inputs >= int(inputs):
            used = resource.getrusage(resource.RUSAGE_SELF)
            tally.cpu_s = round(used.ru_utime + used.ru_stime - before, 1)
            tally.peak_mib = round(used.ru_maxrss / 1024)
            kept = folder / "tally.part"
            kept.write_text(json.dumps(asdict(tally)))
            kept.replace(folder / "tally")
            if tally.cpu_s > float(cpu_s) or tally.inputs >= int(inputs):
                os._exit(0)

    def spoilt(data: bytes, longest: int, number: int) -> bytes:
        if number % 2:
            return atheris.Mutate(data, longest)
        rng = np.random.default_rng(number)
        edits = rng.integers(0, 1_000_000, (int(rng.integers(1, MOST_EDITS)), 3)).tolist()
        return mutated(data, edits)[:longest]

    options = [f"-seed={seed}", f"-max_len={MOST_LENGTH}", f"-timeout={12 * HUNG_S}", "-print_final_stats=1"]
    options += [f"-rss_limit_mb={MOST_BYTES >> 20}", f"-artifact_prefix={folder}/found-", "-handle_alrm=0"]
    atheris.Setup([sys.argv[0], *options, corpus], one, custom_mutator=spoilt, internal_libfuzzer=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
