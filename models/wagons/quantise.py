"""The nets in eight-bit whole numbers, calibrated on what they are given while images are read."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from imagery.errors import ConfigError
from models.wagons.data import Chip
from models.wagons.infer import StripReader

GIVEN = 40
"""Calls of a net that are kept, spread evenly over all."""

Given = NDArray[np.float32]


class _Listening(nn.Module):
    """A net that keeps what it is given."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net, self.outputs = net, getattr(net, "outputs", 0)
        self.given: list[Given] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> _Listening:
        return self  # a reader copies its nets to fold them; what this one hears must come back

    def forward(self, x: Tensor) -> Tensor:
        self.given.append(np.ascontiguousarray(x.numpy()))
        out: Tensor = self.net(x)
        return out


@contextmanager
def quietly() -> Iterator[None]:
    """Without what torch, onnxscript and ONNX Runtime warn of: each other, and steps left out on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def given_to(nets: Mapping[str, Any], chips: Iterable[Chip]) -> dict[str, list[Given]]:
    """What the nets ``reader`` and ``proposer`` are given while images are read along their tracks."""
    listening: dict[str, Any] = {name: _Listening(net) for name, net in nets.items()}
    detector = StripReader(listening["reader"], listening["proposer"])
    for chip in chips:
        detector.detect(chip.raster(), chip.tracks)
    return {name: each.given[:: -(-len(each.given) // GIVEN)] for name, each in listening.items()}


def quantise(path: Path, given: Sequence[Given], into: Path) -> None:
    """Write a net with weights and activations of eight bits.

    Ranges are the least and the greatest that were seen (``onnxruntime.quantization``, static, a scale for
    each channel). Weights keep seven bits: processors without VNNI add pairs of products in sixteen.

    Args:
        path: The ONNX file.
        given: Inputs to calibrate on.
        into: The file to write.

    Raises:
        ConfigError: ONNX Runtime is not installed.
    """
    try:
        tool = importlib.import_module("onnxruntime.quantization")
    except ImportError as error:
        raise ConfigError(f"onnxruntime is not installed ({error}): pip install 'yardwatch[fast]'") from error

    class Reader(tool.CalibrationDataReader):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            self.rest = iter(given)

        def get_next(self) -> dict[str, Given] | None:
            one = next(self.rest, None)
            return None if one is None else {"pixels": one}

    with quietly():
        tool.quantize_static(str(path), str(into), Reader(), per_channel=True, reduce_range=True)
