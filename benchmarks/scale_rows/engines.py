"""The nets alone: share of the machine's measured matrix limit, and the engines side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.scale_rows.measure import DATA, Row
from models.wagons.data import labelled
from models.wagons.engine import TORCH, choose, engines, measure, write_int8, write_onnx
from models.wagons.infer import WEIGHTS

GSD = 0.5
"""Of the picture that F1 is taken on: one is enough to tell a broken engine, all would take minutes."""


def rows() -> Iterator[Row]:
    """Every installed engine in turn, one thread; F1 on real images that may be trained on."""
    folder = DATA / "railcars"
    every = labelled(folder) if folder.is_dir() else ()
    chips = [chip for chip in every if chip.gsd_m == GSD]
    with tempfile.TemporaryDirectory() as where:
        written(Path(where))
        speeds, limit = measure(Path(where), chips)
    data = f"{len(chips)} pictures of Muttenz (trained on); one thread; limit {limit:.0f} GFLOP/s in fp32"
    for one in speeds:
        name = f"{one.engine} {one.version}"
        yield Row(f"{name}: a strip in four flips", 1000 * one.reader_s, "ms", data)
        yield Row(f"{name}: a tile of 512 x 512", 1000 * one.proposer_s, "ms", data)
        target = 0.6 if one.engine == choose(speeds) else None
        yield Row(f"{name}: strip, share of the limit", one.reader_share, "", data, at_least=target)
        yield Row(f"{name}: tile, share of the limit", one.proposer_share, "", data, at_least=target)
        yield Row(f"{name}: F1 less that of {TORCH}", one.f1_off, "", data, at_least=-0.005)
    chosen = next(one for one in speeds if one.engine == choose(speeds))
    torchs = next(one for one in speeds if one.engine == TORCH)
    faster = (torchs.reader_s + torchs.proposer_s) / (chosen.reader_s + chosen.proposer_s)
    yield Row(f"chosen: {chosen.engine}; faster than {TORCH} by", faster, "", data)


def written(into: Path) -> None:
    """Without the engines of ``yardwatch[fast]`` torch is measured alone."""
    if len(engines()) > 1:
        write_onnx(WEIGHTS, into)
        write_int8(WEIGHTS, into)
