"""A small network of dense layers in numpy: what a pixel is, from figures about it and around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from imagery.errors import InputError, UnreadableError
from imagery.whole import written

Floats = NDArray[np.float32]
_ROWS = 1 << 16  # pixels at once: what stays in a processor's cache


@dataclass(frozen=True, eq=False)
class Layers:
    """Dense layers with rectifiers between them and a softmax at the end."""

    mean: Floats
    """(inputs,) subtracted first."""
    scale: Floats
    """(inputs,) divided by then."""
    weights: tuple[Floats, ...]
    """(inputs, outputs) of each layer."""
    biases: tuple[Floats, ...]
    """(outputs,) of each layer."""

    def __post_init__(self) -> None:
        widths = [len(self.mean), *(w.shape[1] for w in self.weights)]
        expected = list(pairwise(widths))
        if [w.shape for w in self.weights] != expected or [b.shape for b in self.biases] != [
            (b,) for _, b in expected
        ]:
            raise InputError(f"layers of shapes {[w.shape for w in self.weights]} do not follow each other")

    def probabilities(self, inputs: Floats) -> Floats:
        """Probability of each class, (..., classes), for inputs (..., n)."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        found = [self._of(rows[i : i + _ROWS]) for i in range(0, len(rows), _ROWS)]
        return np.concatenate(found).reshape(*inputs.shape[:-1], -1)

    def _of(self, rows: Floats) -> Floats:
        return softmax(activations(self.weights, self.biases, (rows - self.mean) / self.scale)[-1])

    def named(self, prefix: str) -> dict[str, Floats]:
        """Its arrays by name, as they stand in a file."""
        arrays = {f"{prefix}.mean": self.mean, f"{prefix}.scale": self.scale}
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            arrays |= {f"{prefix}.{i}.weight": weight, f"{prefix}.{i}.bias": bias}
        return arrays


def activations(weights: tuple[Floats, ...], biases: tuple[Floats, ...], rows: Floats) -> list[Floats]:
    """What goes into each layer (n, width), and last what comes out of the last."""
    values = [rows]
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        out = values[-1] @ weight + bias
        values.append(np.maximum(out, 0) if i < len(weights) - 1 else out)
    return values


def softmax(values: Floats) -> Floats:
    """Rows (n, classes) as probabilities."""
    grown = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def write_layers(named: dict[str, Layers], path: Path, about: dict[str, str]) -> None:
    """Write networks and what is known of them to one safetensors file."""
    arrays = {key: value for name, layers in named.items() for key, value in layers.named(name).items()}
    with written(path) as part:
        part.write_bytes(save(arrays, metadata=about))


def read_layers(path: Path) -> dict[str, Layers]:
    """Read what write_layers wrote.

    Raises:
        UnreadableError: The file is absent or holds something else.
    """
    try:
        arrays = load_file(path)
        names = dict.fromkeys(key.split(".")[0] for key in arrays)
        return {name: _read(arrays, name) for name in names}
    except (OSError, SafetensorError, KeyError) as error:
        raise UnreadableError(f"{path} holds no layers: {error}") from error


def _read(arrays: dict[str, Floats], name: str) -> Layers:
    depth = sum(key.startswith(f"{name}.") and key.endswith(".weight") for key in arrays)
    weights = tuple(arrays[f"{name}.{i}.weight"] for i in range(depth))
    biases = tuple(arrays[f"{name}.{i}.bias"] for i in range(depth))
    return Layers(arrays[f"{name}.mean"], arrays[f"{name}.scale"], weights, biases)


def fit(
    rows: Floats, classes: NDArray[np.intp], widths: tuple[int, ...], rng: np.random.Generator, epochs: int
) -> Layers:
    """Train by Adam (Kingma & Ba 2015) on cross entropy, the step falling as half a cosine.

    Args:
        rows: (n, inputs).
        classes: (n,) from 0.
        widths: Of the hidden layers.
        rng: First weights and order of the rows.
        epochs: Times that each row is seen.
    """
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-3)
    data = (rows - mean) / scale
    sizes = (rows.shape[1], *widths, int(classes.max()) + 1)
    pairs = list(pairwise(sizes))
    weights = tuple(rng.normal(0, math.sqrt(2 / a), (a, b)).astype(np.float32) for a, b in pairs)
    biases = tuple(np.zeros(b, np.float32) for _, b in pairs)
    adam = _Adam((*weights, *biases))
    batch = 1024
    steps = epochs * (len(data) // batch)
    for step in range(steps):
        if step % (len(data) // batch) == 0:
            order = rng.permutation(len(data))
        at = (step % (len(data) // batch)) * batch
        chosen = order[at : at + batch]
        slopes = _slopes(weights, biases, data[chosen], classes[chosen])
        adam.step(slopes, 2e-3 * 0.5 * (1 + math.cos(math.pi * step / steps)))
    return Layers(mean, scale, weights, biases)


def _slopes(
    weights: tuple[Floats, ...], biases: tuple[Floats, ...], rows: Floats, classes: NDArray[np.intp]
) -> list[Floats]:
    """Slope of the mean cross entropy in each weight, then in each bias."""
    values = activations(weights, biases, rows)
    slope = softmax(values[-1])
    slope[np.arange(len(rows)), classes] -= 1
    slope /= len(rows)
    of_weights: list[Floats] = []
    of_biases: list[Floats] = []
    for i in reversed(range(len(weights))):
        of_weights.insert(0, values[i].T @ slope + np.float32(1e-5) * weights[i])
        of_biases.insert(0, slope.sum(axis=0))
        slope = (slope @ weights[i].T) * (values[i] > 0)
    return [*of_weights, *of_biases]


class _Adam:
    """Steps of Adam over arrays that are changed in place."""

    def __init__(self, arrays: tuple[Floats, ...]) -> None:
        self._arrays = arrays
        self._first = [np.zeros_like(a) for a in arrays]
        self._second = [np.zeros_like(a) for a in arrays]
        self._time = 0

    def step(self, slopes: list[Floats], rate: float) -> None:
        """Move each array against its slope."""
        self._time += 1
        early = 1 - 0.9**self._time, 1 - 0.999**self._time
        for array, slope, first, second in zip(self._arrays, slopes, self._first, self._second, strict=True):
            first += np.float32(0.1) * (slope - first)
            second += np.float32(0.001) * (slope * slope - second)
            array -= np.float32(rate) * (first / early[0]) / (np.sqrt(second / early[1]) + np.float32(1e-8))
