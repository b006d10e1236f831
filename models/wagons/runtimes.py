"""A net written as ONNX, opened in another engine and called like the net."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imagery.errors import ConfigError, UnreadableError


class Exported:
    """A net in another engine, called like the net."""

    def __init__(self, engine: str, path: Path, outputs: int) -> None:
        """Open it.

        Args:
            engine: ``onnxruntime`` or ``openvino``.
            path: The ONNX file.
            outputs: As of the net.

        Raises:
            ConfigError: The engine is not installed.
            UnreadableError: The file is no such net.
        """
        self._given = (engine, path, outputs)
        self.outputs = outputs
        try:
            self._run = {"onnxruntime": _onnxruntime, "openvino": _openvino}[engine](path)
        except ImportError as error:
            raise ConfigError(
                f"{engine} is not installed ({error}): pip install 'yardwatch[fast]'"
            ) from error
        except (RuntimeError, ValueError, OSError) as error:
            raise UnreadableError(f"{path} is no net for {engine} ({error}); export it again") from error

    def __reduce__(self) -> tuple[Any, ...]:
        return Exported, self._given  # an opened engine cannot travel to another process

    def __call__(self, x: Tensor) -> Tensor:
        """What the net gives."""
        return torch.from_numpy(self._run(x.contiguous().numpy()))


def _onnxruntime(path: Path) -> Callable[[Any], Any]:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own classes derive from Exception alone
        raise ValueError(str(error)) from error
    return lambda pixels: session.run(None, {"pixels": pixels})[0]


def _openvino(path: Path) -> Callable[[Any], Any]:
    openvino = importlib.import_module("openvino")
    hints = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", hints)
    return lambda pixels: np.array(compiled(pixels)[0])  # its own memory is written over by the next call
