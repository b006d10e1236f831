"""The nets in other engines: written as ONNX, measured beside torch on this machine, and the best recorded.

Training is torch's. For reading on a CPU another engine may be faster; which one depends on the processor, so
it is measured where it is to be used. One thread each: scenes run side by side.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import Dim
from torch.utils.flop_counter import FlopCounterMode

from imagery.errors import ConfigError, UnreadableError
from imagery.whole import written
from models.wagons.data import Chip
from models.wagons.infer import WEIGHTS, StripReader
from models.wagons.nets import ProposeNet, StripNet, folded, load
from models.wagons.pool import painted_chip
from models.wagons.quantise import given_to, quantise, quietly
from models.wagons.runtimes import Exported
from models.wagons.validate import held_against, painted

NETS: dict[str, type[StripNet] | type[ProposeNet]] = {"reader": StripNet, "proposer": ProposeNet}
SHAPES = {"reader": (4, 4, 24, 1024), "proposer": (1, 4, 512, 512)}
"""What one call of each takes, as ``read_strip`` and ``propose`` call it."""
TORCH = "torch channels_last"
"""The engine of the package: no other is needed."""
INT8 = " int8"
"""After an engine's name: with weights and activations of eight bits."""
OTHERS = ("onnxruntime", "openvino")
PACKAGE = {TORCH: "torch", **{name + bits: name for bits in ("", INT8) for name in OTHERS}}
RECORD = "engine.json"
KEEPS = 0.005
"""Loss of F1 up to which an engine is taken."""
CLEARLY = 1.2
"""Another engine is taken only where it is faster by this factor."""
ROUNDS = 5
_MATRIX = 1536
_CALIBRATED_ON = 31  # seed of painted images on which F1 is not taken


@dataclass(frozen=True)
class Speed:
    """One engine on this machine, one thread."""

    engine: str
    """Which."""
    version: str
    """Of its package."""
    reader_s: float
    """CPU seconds of one strip of 1,024 columns, read in its four flips: median of the rounds."""
    proposer_s: float
    """CPU seconds of one tile of 512 x 512 pixels."""
    reader_share: float
    """Share of the measured matrix limit, from the net's own multiplications and additions."""
    proposer_share: float
    """The same of the proposer."""
    f1: float
    """At IoU 0.3 on the images."""
    f1_off: float
    """F1 less that of torch."""


def _file(name: str, bits: str = "") -> str:
    return f"{name}{bits.replace(' ', '.')}.onnx"


def write_onnx(weights: Path, into: Path) -> None:
    """Write both nets as ONNX, batch and size free.

    Raises:
        ConfigError: The packages that write it are not installed.
        UnreadableError: Weights are absent or damaged.
    """
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ConfigError(f"{', '.join(missing)} not installed: pip install 'yardwatch[fast]'")
    # Sizes are multiples of 8, as read_strip and propose pad them.
    batch, rows, columns = Dim("batch"), 8 * Dim("rows", max=4096), 8 * Dim("columns", max=4096)
    free = {"reader": {0: batch, 3: columns}, "proposer": {0: batch, 2: rows, 3: columns}}
    for name, kind in NETS.items():
        net = load(weights / f"{name}.safetensors", kind)[0]
        with written(into / _file(name)) as part, quietly():
            torch.onnx.export(
                net.to(memory_format=torch.contiguous_format),
                (torch.zeros(SHAPES[name]),),
                str(part),
                input_names=["pixels"],
                output_names=["read"],
                dynamic_shapes={"x": free[name]},
                external_data=False,
                verbose=False,
            )


def write_int8(weights: Path, into: Path) -> None:
    """Write both nets, already there as ONNX, in eight bits too, calibrated on painted images.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        UnreadableError: Weights are absent or damaged.
    """
    rng = np.random.default_rng(_CALIBRATED_ON)
    chips = [painted_chip(rng, size=320, gsd_m=gsd) for gsd in (0.25, 0.4, 0.6, 0.9)]
    given = given_to({name: net_in(TORCH, name, weights, into) for name in NETS}, chips)
    for name in NETS:
        with written(into / _file(name, INT8)) as part:
            quantise(into / _file(name), given[name], part)


def engines() -> tuple[str, ...]:
    """Engines that are installed, torch's first."""
    return tuple(name for name, package in PACKAGE.items() if find_spec(package))


def net_in(engine: str, name: str, weights: Path, exported: Path) -> Any:
    """One of the nets in an engine.

    Args:
        engine: Of ``engines()``.
        name: ``reader`` or ``proposer``.
        weights: Folder of the safetensors files.
        exported: Folder of the ONNX files.
    """
    net = load(weights / f"{name}.safetensors", NETS[name])[0]
    if engine == TORCH:
        return folded(net)
    package, bits = PACKAGE[engine], INT8 if engine.endswith(INT8) else ""
    return Exported(package, exported / _file(name, bits), getattr(net, "outputs", 0))


def measure(
    exported: Path, chips: Sequence[Chip], weights: Path = WEIGHTS, rounds: int = ROUNDS
) -> tuple[list[Speed], float]:
    """Every installed engine on this machine, in turn within each round.

    Args:
        exported: Folder of the ONNX files.
        chips: Images with their wagons, on which F1 must not fall.
        weights: Folder of the nets that were exported.
        rounds: How often each is timed.

    Returns:
        One line an engine, and the measured matrix limit in GFLOP/s: fp32, one thread.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        nets = {
            engine: {name: net_in(engine, name, weights, exported) for name in NETS} for engine in engines()
        }
        limit, seconds = _timed(nets, rounds)
        scores = {
            engine: _f1(StripReader(of["reader"], of["proposer"]), chips) for engine, of in nets.items()
        }
        work = {name: _flops(nets[TORCH][name], SHAPES[name]) for name in NETS}
    finally:
        torch.set_num_threads(before)
    speeds = []
    for engine in nets:
        taken = {name: float(np.median(seconds[engine, name])) for name in NETS}
        share = {name: work[name] / taken[name] / limit / 1e9 for name in NETS}
        speeds.append(
            Speed(
                engine,
                _version(PACKAGE[engine]),
                taken["reader"],
                taken["proposer"],
                share["reader"],
                share["proposer"],
                scores[engine],
                scores[engine] - scores[TORCH],
            )
        )
    return speeds, limit


def _timed(nets: dict[str, dict[str, Any]], rounds: int) -> tuple[float, dict[tuple[str, str], list[float]]]:
    """GFLOP/s of a large matrix product, the best of the rounds, and seconds of each engine and net."""
    generator = torch.Generator().manual_seed(1)
    matrix = torch.rand((_MATRIX, _MATRIX), generator=generator)
    inputs = {
        name: torch.rand(shape, generator=generator).contiguous(memory_format=torch.channels_last)
        for name, shape in SHAPES.items()
    }
    products = []
    seconds: dict[tuple[str, str], list[float]] = {(e, n): [] for e in nets for n in NETS}
    with torch.inference_mode():
        for turn in range(rounds + 1):  # the first warms up
            products.append(_seconds(lambda: matrix @ matrix))
            for (engine, name), taken in seconds.items():
                one = _seconds(lambda net=nets[engine][name], x=inputs[name]: net(x))  # type: ignore[misc]
                if turn:
                    taken.append(one)
    return 2 * _MATRIX**3 / min(products) / 1e9, seconds


def _seconds(call: Callable[[], Any]) -> float:
    """CPU time: others on the same machine change it little."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


def _flops(net: Any, shape: tuple[int, ...]) -> float:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        net(torch.zeros(shape))
    return float(counter.get_total_flops())


def _f1(reader: StripReader, chips: Iterable[Chip]) -> float:
    tallies = [held_against(reader.detect(chip.raster(), chip.tracks), chip, 0.3).tally for chip in chips]
    right, both = sum(t.right for t in tallies), sum(t.found + t.true for t in tallies)
    return 2 * right / both if both else math.nan


def choose(speeds: Sequence[Speed]) -> str:
    """The engine to read with: torch, unless another is clearly faster and as good."""
    torchs = next(one for one in speeds if one.engine == TORCH)
    able = [one for one in speeds if abs(one.f1_off) <= KEEPS]
    fastest = min(able, key=lambda one: one.reader_s + one.proposer_s, default=torchs)
    faster = (torchs.reader_s + torchs.proposer_s) / (fastest.reader_s + fastest.proposer_s)
    return fastest.engine if faster >= CLEARLY else TORCH


def export(into: Path, chips: Sequence[Chip], about: str, weights: Path = WEIGHTS) -> dict[str, Any]:
    """Write the nets as ONNX, measure every engine, and record the choice with a card.

    Args:
        into: Folder of ``reader.onnx``, ``proposer.onnx``, both as ``.int8.onnx``, ``engine.json`` and
            ``README.md``.
        chips: Images with their wagons.
        about: On which images, for the record.
        weights: Folder of the nets.

    Returns:
        What ``engine.json`` holds.
    """
    write_onnx(weights, into)
    write_int8(weights, into)
    speeds, limit = measure(into, chips, weights)
    record = {
        "engine": choose(speeds),
        "matrix_limit_gflops": limit,
        "images": about,
        "rule": f"fastest by {CLEARLY} or more of those whose F1 lies within {KEEPS} of torch's; else torch",
        "engines": [asdict(one) for one in speeds],
    }
    for name, text in ((RECORD, json.dumps(record, indent=1) + "\n"), ("README.md", _card(record))):
        with written(into / name) as part:
            part.write_text(text, encoding="utf-8")
    return record


def _card(record: dict[str, Any]) -> str:
    rows = "\n".join(
        f"| {one['engine']} {one['version']} | {1000 * one['reader_s']:.1f} | "
        f"{1000 * one['proposer_s']:.1f} | "
        f"{one['reader_share']:.0%} | {one['proposer_share']:.0%} | {one['f1']:.3f} |"
        for one in record["engines"]
    )
    return (
        "# reader.onnx, proposer.onnx, and both in eight bits\n\n"
        "The nets of the detector `strips`; what they were trained on and where they fail: the model "
        "card of the weights. Input `pixels`: (batch, 4, rows, columns) float32, as "
        "`models.wagons.nets.to_input` makes it. Eight bits were calibrated on painted images (SIMULATED). "
        "Licence Apache-2.0.\n\n"
        f"Read with **{record['engine']}**: {record['rule']}. F1 on {record['images']}. One thread; a large "
        f"fp32 matrix product reached {record['matrix_limit_gflops']:.0f} GFLOP/s in the same run.\n\n"
        "| engine | strip, ms | tile, ms | strip, of the limit | tile, of the limit | F1 |\n"
        f"|---|---|---|---|---|---|\n{rows}\n"
    )


def painted_chips(count: int = 2) -> list[Chip]:
    """SIMULATED images at two ground sample distances, with the axes that they were painted on."""
    return [replace(chip, tracks=tuple(lines)) for gsd in (0.3, 0.5) for chip, lines in painted(gsd, count)]


def exported_reader(folder: Path) -> StripReader:
    """The detector with its nets in the engine that was chosen when they were exported.

    Raises:
        UnreadableError: The folder holds no export.
        ConfigError: The engine is not installed here.
    """
    try:
        engine = json.loads((folder / RECORD).read_text(encoding="utf-8"))["engine"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError(
            f"{folder} holds no export ({error!r}); write one with `yardwatch export-model`"
        ) from error
    if engine not in tuple(PACKAGE):
        raise UnreadableError(f"{folder / RECORD} names {engine!r}: there are {', '.join(PACKAGE)}")
    return StripReader(*(net_in(engine, name, WEIGHTS, folder) for name in NETS))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
