"""A site's few labels: the strip reader moved a little towards them, and figures that say whether it helped.

Only columns at labelled wagons are taken as known. Everywhere else the adapted reader is held to what the
shipped one says, so that 10 labels cannot make it forget what a wagon is.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn import functional as F

from imagery.errors import InputError, UnreadableError
from imagery.whole import written
from models.wagons.augment import flip_strips, vary_tone
from models.wagons.data import TARGETS, Chip
from models.wagons.nets import StripNet, to_input
from models.wagons.pool import sample_strips, strips_around
from models.wagons.train import ROW, reader_loss

FEWEST, MOST = 5, 500
"""Labels that make sense: fewer teach nothing, more deserve a training run."""
AROUND_M = 60.0
"""Ground beside and beyond the labels where the adapted reader is held to the shipped one."""


@dataclass(frozen=True)
class AdaptConfig:
    """How far and how long. Chosen on halves of the one yard that may be trained on."""

    steps: int = 120
    """Of the optimiser."""
    batch: int = 16
    """Strips of a step."""
    rate: float = 6e-4
    """Learning rate."""
    hold: float = 10.0
    """Weight of saying elsewhere what the shipped reader says; with 1, empty track was read as full."""
    strips_a_label: int = 6
    """Strips cut around each label."""
    folds: int = 3
    """Of the cross-validation."""
    seed: int = 1
    """Of the cuts and batches."""


@dataclass(frozen=True)
class Gain:
    """What the labels bought, measured on labels left out."""

    before: float
    """Mean loss of the shipped reader on columns of left-out labels."""
    after: float
    """The same of the adapted reader."""
    labels: int
    """How many labels there were."""
    f1_before: float = math.nan
    """Mean F1 of the shipped reader at left-out railcars; NaN where nobody looked."""
    f1_after: float = math.nan
    """The same of the adapted reader."""
    full_before: float = math.nan
    """Share of the ground around all labels that the shipped reader takes for occupied."""
    full_after: float = math.nan
    """The same of the readers adapted without one part of the labels."""

    @property
    def helped(self) -> bool:
        """Whether left-out wagons are read better than before: by the loss, and not worse by boxes."""
        return self.after < self.before and not self.f1_after < self.f1_before


def adapt(
    net: StripNet,
    chips: list[Chip],
    config: AdaptConfig | None = None,
    say: Callable[[str], None] = print,
    look: Callable[[StripNet, list[Chip]], float] | None = None,
) -> tuple[StripNet, Gain]:
    """Move a reader towards a site's labels.

    Args:
        net: The shipped reader; left as it is.
        chips: The site's images with the labelled wagons; unlabelled wagons may stand in them.
        config: How far and how long.
        say: Told of the figures.
        look: F1 of a reader at the wagons of chips.

    Returns:
        The adapted reader, or a copy of the shipped one where cross-validation says that the labels did not
        help, and the figures.

    Raises:
        InputError: There are too few or too many labels.
    """
    config = config or AdaptConfig()
    labels = sum(len(chip.boxes) for chip in chips)
    if not FEWEST <= labels <= MOST:
        raise InputError(
            f"{labels} labelled wagons: give {FEWEST} to {MOST}, 20 spread over the yard are enough"
        )
    around, folds = _around(chips, config), []
    for fold in range(config.folds):
        kept, left = _split(chips, fold, config.folds)
        test = _strips(left, config)
        moved = _moved(net, _strips(kept, config), around, config)
        loss = _known_loss(net, test), _known_loss(moved, test)
        f1 = (look(net, left), look(moved, left)) if look else (math.nan, math.nan)
        folds.append([*loss, *f1, _full(net, around), _full(moved, around)])
    before, after, *more = (float(value) for value in np.mean(folds, axis=0))
    gain = Gain(before, after, labels, *more)
    say(f"{labels} labels, each left out once: loss {before:.3f} before, {after:.3f} after")
    if look:
        say(f"F1 at left-out railcars: {gain.f1_before:.2f} before, {gain.f1_after:.2f} after")
    say(f"ground around them read as occupied: {gain.full_before:.0%} before, {gain.full_after:.0%} after")
    if not gain.helped:
        say("the labels did not help on wagons left out: the shipped reader is kept")
        return copy.deepcopy(net), gain
    return _moved(net, _strips(chips, config), around, config), gain


def _split(chips: list[Chip], fold: int, folds: int) -> tuple[list[Chip], list[Chip]]:
    """Labels kept and left out; neighbours in a row stay together, since strips show them together."""
    kept, left = [], []
    for chip in chips:
        along = np.median(np.deg2rad(chip.boxes[:, 4])) if len(chip.boxes) else 0.0
        place = chip.boxes[:, 0] * np.cos(along) + chip.boxes[:, 1] * np.sin(along)
        order = np.argsort(np.argsort(place))
        out = order * folds // max(1, len(order)) == fold
        kept.append(_with(chip, ~out))
        left.append(_with(chip, out))
    return kept, left


def _with(chip: Chip, keep: NDArray[np.bool_]) -> Chip:
    return replace(chip, boxes=chip.boxes[keep], kinds=chip.kinds[keep], covers=chip.covers[keep])


def _strips(chips: list[Chip], config: AdaptConfig) -> tuple[Tensor, Tensor]:
    """Bytes and targets of strips in which only the columns at labels count."""
    rng = np.random.default_rng(config.seed)
    pairs = [
        pair
        for chip in chips
        if len(chip.boxes)
        for pair in sample_strips(rng, replace(chip, tracks=()), config.strips_a_label * len(chip.boxes))
    ]
    pixels = torch.from_numpy(np.stack([pixels for pixels, _ in pairs]))
    target = torch.from_numpy(np.stack([target for _, target in pairs]))
    near = F.max_pool1d(target[:, ROW["occupied"]][:, None], 5, 1, 2)[:, 0]
    for name in ("counted", "ends_counted"):
        target[:, TARGETS.index(name)] *= near
    return pixels, target


def _around(chips: list[Chip], config: AdaptConfig) -> Tensor:
    """Bytes of strips near the labels, about which nothing is known."""
    rng = np.random.default_rng([config.seed, 1])
    pixels = [
        strip
        for chip in chips
        if len(chip.boxes)
        for strip in strips_around(rng, chip, config.strips_a_label * len(chip.boxes), AROUND_M)
    ]
    return torch.from_numpy(np.stack(pixels))


def _moved(net: StripNet, strips: tuple[Tensor, Tensor], around: Tensor, config: AdaptConfig) -> StripNet:
    """The net after some steps on the strips, held to itself around them; its normalisation stays."""
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    moved = copy.deepcopy(net).eval()
    optimiser = torch.optim.Adam(moved.parameters(), lr=config.rate)
    for step in range(config.steps):
        index = torch.randint(len(strips[0]), (config.batch // 2,), generator=generator)
        pixels, target = flip_strips(strips[0][index], strips[1][index], generator)
        held = around[torch.randint(len(around), (config.batch // 2,), generator=generator)]
        x = to_input(vary_tone(torch.cat([pixels, held]), generator))
        with torch.no_grad():
            told = net(x)
        out = moved(x)
        known = torch.cat([target[:, ROW["counted"]], torch.zeros(len(held), target.shape[2])])
        loss = reader_loss(out[: len(target)], target) + config.hold * _apart(out, told, known)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for group in optimiser.param_groups:
            group["lr"] = config.rate * (1 - step / config.steps)
        optimiser.step()
    return moved


def _apart(out: Tensor, told: Tensor, known: Tensor) -> Tensor:
    """How far occupied, start and stop moved from the shipped reader's where nothing is known."""
    unknown = (1 - known)[:, None]
    each = F.binary_cross_entropy_with_logits(out[:, :3], told[:, :3].sigmoid(), reduction="none")
    return (each * unknown).sum() / unknown.sum().clamp(min=1.0) / 3


def _full(net: StripNet, around: Tensor) -> float:
    """Share of the columns of strips that a reader takes for occupied."""
    with torch.inference_mode():
        return float((net(to_input(around))[:, 0] > 0).float().mean())


def _known_loss(net: nn.Module, strips: tuple[Tensor, Tensor]) -> float:
    total, count = 0.0, 0
    with torch.inference_mode():
        for i in range(0, len(strips[0]), 32):
            part = strips[0][i : i + 32], strips[1][i : i + 32]
            total += float(reader_loss(net(to_input(part[0])), part[1])) * len(part[0])
            count += len(part[0])
    return total / max(1, count)


def write_delta(shipped: StripNet, adapted: StripNet, path: Path) -> None:
    """Write what an adaptation changed, in half precision, to keep with the site."""
    base = shipped.state_dict()
    delta = {
        name: (value - base[name]).to(torch.float16).contiguous()
        for name, value in adapted.state_dict().items()
        if value.is_floating_point() and not torch.equal(value, base[name])
    }
    with written(path) as part:
        part.write_bytes(to_bytes(delta, metadata={"shipped": _digest(shipped)}))


def with_delta(shipped: StripNet, path: Path) -> StripNet:
    """The shipped reader with a site's changes.

    Raises:
        UnreadableError: The file is absent, damaged, or was made for another reader.
    """
    adapted = copy.deepcopy(shipped)
    state: dict[str, Any] = adapted.state_dict()
    try:
        with safe_open(str(path), framework="pt") as file:
            if (file.metadata() or {}).get("shipped") != _digest(shipped):
                raise UnreadableError(
                    f"site weights {path} belong to another reader; run `yardwatch adapt` again"
                )
            for name in file.keys():
                state[name] += file.get_tensor(name).to(torch.float32)
    except (SafetensorError, KeyError, RuntimeError, FileNotFoundError, IsADirectoryError) as error:
        raise UnreadableError(
            f"site weights {path} cannot be used ({error}); run `yardwatch adapt` again"
        ) from error
    return adapted


def _digest(net: StripNet) -> str:
    """SHA-256 of all weights: a change means nothing beside other weights than it was made for."""
    digest = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
