"""From nothing to the shipped weights: paint a pool, fit both nets, write them with what is known of them."""

from __future__ import annotations

import functools
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from imagery.whole import written
from models.axes.fitted import find_axes
from models.wagons.augment import flip_crops, flip_strips, vary_tone
from models.wagons.data import CALIBRATION_SHARE, TARGETS, Chip, backgrounds, held_out, labelled
from models.wagons.infer import StripReader
from models.wagons.nets import COVERS, ENDS, KINDS, ProposeNet, StripNet, load, save, to_input
from models.wagons.picture import Picture
from models.wagons.pool import Pool, painted_chip, write_pool
from models.wagons.propose import propose
from models.wagons.validate import GSDS, SEED, Case, bare_ground, calibrate, cases, kept, painted

Say = Callable[[str], None]
ROW = {name: i for i, name in enumerate(TARGETS)}


class TrainConfig(BaseModel):
    """Everything that decides the weights. The same config gives the same pool and the same draws."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Names the run and its checkpoints."""
    pool: str = "pool"
    """Names the pool; runs with the same pool and the same data share it."""
    seed: int = 1
    """Of the painter, the cuts and the batches."""
    work: Path = Path("out/train")
    """Where the pool and checkpoints are kept; a run that was broken off goes on from there."""
    into: Path = Path("models/weights")
    """Where the finished weights go."""
    backgrounds: Path | None = None
    """Folder of real ground without wagons; sites held out for validation are never used."""
    railcars: Path | None = None
    """Folder of hand labels; only rows marked ``train and evaluate`` are used."""
    chips: int = Field(3000, ge=1)
    """Painted chips."""
    strips_a_chip: int = Field(12, ge=0)
    """Strips cut from each painted chip."""
    crops_a_chip: int = Field(4, ge=0)
    """Crops cut from each painted chip."""
    strips_a_background: int = Field(24, ge=0)
    """Strips cut from each real ground."""
    crops_a_background: int = Field(10, ge=0)
    """Crops cut from each real ground."""
    strips_a_label: int = Field(8, ge=0)
    """Strips cut for each hand-labelled wagon."""
    real_share: float = Field(0.0, ge=0, lt=1)
    """Share of each batch that is drawn from hand labels."""
    hard_share: float = Field(0.0, ge=0, lt=1)
    """Share of each batch that is drawn where ``start_from`` saw rows of wagons on ground without any."""
    minutes: tuple[float, float] = (25.0, 15.0)
    """Of the reader and of the proposer, 0 to leave one out."""
    steps: tuple[int, int] | None = None
    """Steps of each instead of minutes: the same weights on every run of one machine."""
    calibrate: int = Field(0, ge=0)
    """Painted images at each GSD, with tracks and without, on which scores and counts are calibrated; 0 to
    leave ``calibration.json`` as it is."""
    rate: float = Field(2e-3, gt=0)
    """Highest learning rate."""
    decay: float = Field(0.5, gt=0, le=1)
    """Last share of the run, over which the rate falls to zero."""
    start_from: Path | None = None
    """Folder of weights to go on from."""
    threads: int = Field(2, ge=1)
    """CPU threads; on a busy machine one is faster than two."""


def train(config: TrainConfig, say: Say = print) -> None:
    """Paint, fit and write ``reader.safetensors``, ``proposer.safetensors`` and ``calibration.json``.

    Args:
        config: What to do; unknown keys were refused when it was read.
        say: Told of progress.

    Raises:
        InputError: A folder of data lacks its index.
    """
    torch.set_num_threads(config.threads)
    sources = [(write_pool(config.work / config.pool, _painted(config, say), _rng(config, 0)), 1.0)]
    if config.real_share and config.railcars:
        chips = real_chips(labelled(config.railcars), config.strips_a_label, _rng(config, 1))
        real = write_pool(config.work / f"{config.pool}-real", chips, _rng(config, 2))
        sources.append((real, config.real_share))
    if config.hard_share and config.start_from:
        chips = hard_chips(config, load(config.start_from / "proposer.safetensors", ProposeNet)[0])
        hard = write_pool(config.work / f"{config.name}-hard", chips, _rng(config, 3))
        say(f"{len(hard.strips)} strips and {len(hard.crops)} crops of ground that looked like wagons")
        sources.append((hard, config.hard_share))
    for which, kind in enumerate((StripNet, ProposeNet)):
        limit = config.steps[which] if config.steps else 0
        if config.minutes[which] or limit:
            net = fit(config, kind, sources, which, say)
            about = {"config": config.model_dump(mode="json"), "torch": torch.__version__}
            save(net, config.into / f"{('reader', 'proposer')[which]}.safetensors", about)
    if config.calibrate:
        _calibrate(config, say)


def _calibrate(config: TrainConfig, say: Say) -> None:
    """Scores and counts, fitted on paint and on ground of sites that no training saw."""
    found = backgrounds(config.backgrounds) if config.backgrounds else ()
    grounds = [chip for site, chip in found if held_out(site, CALIBRATION_SHARE)]
    detector = StripReader(folder=config.into, calibrated=False, least_score=0.02)
    nets = hashlib.sha256()
    for name in ("reader", "proposer"):
        nets.update((config.into / f"{name}.safetensors").read_bytes())
    folder = config.work / config.name / f"calibrate-{nets.hexdigest()[:12]}-{config.calibrate}"
    say(f"calibrating; what is found is kept in {folder}")
    bare = kept(folder / "bare.npz", lambda: cases(detector, bare_ground(grounds), mapped=False))
    runs: list[Case] = []
    for gsd, mapped in itertools.product(GSDS, (True, False)):
        made = functools.partial(cases, detector, painted(gsd, config.calibrate, grounds), mapped)
        runs += kept(folder / f"{gsd}-{'mapped' if mapped else 'bare'}.npz", made)
        say(f"{len(runs)} painted images read, the last at {gsd} m")
    about = f"{len(runs)} painted images of seed {SEED} and {len(bare)} grounds of sites held out for this"
    calibrate(runs, bare, about, say).write(config.into / "calibration.json")


def _rng(config: TrainConfig, part: int) -> np.random.Generator:
    return np.random.default_rng(config.seed + part)


def _grounds(config: TrainConfig) -> list[Chip]:
    """Real ground without wagons, of the sites that are not held out."""
    if config.backgrounds is None:
        return []
    return [chip for site, chip in backgrounds(config.backgrounds) if not held_out(site)]


def _painted(config: TrainConfig, say: Say) -> Iterator[tuple[Chip, int, int]]:
    """Painted chips, then real grounds as they are."""
    rng, grounds = _rng(config, 0), _grounds(config)
    begun = time.monotonic()
    for i in range(config.chips):
        if i % 200 == 0:
            say(f"painted {i} of {config.chips} chips in {time.monotonic() - begun:.0f} s")
        yield painted_chip(rng, grounds), config.strips_a_chip, config.crops_a_chip
    for chip in grounds:
        yield chip, config.strips_a_background, config.crops_a_background


def real_chips(
    chips: Iterator[Chip] | Sequence[Chip], strips_a_label: int, rng: np.random.Generator, copies: int = 6
) -> Iterator[tuple[Chip, int, int]]:
    """Hand-labelled chips at several GSDs, so that a fine picture also teaches the coarse ones."""
    for chip in chips:
        for _ in range(copies):
            gsd = float(np.exp(rng.uniform(np.log(max(chip.gsd_m, 0.2)), np.log(max(1.0, chip.gsd_m * 1.2)))))
            count = max(1, len(chip.boxes) * strips_a_label // copies)
            yield chip.scaled(max(gsd, chip.gsd_m)), count, max(1, count // 3)


def hard_chips(config: TrainConfig, proposer: Any) -> Iterator[tuple[Chip, int, int]]:
    """Grounds on which a proposer sees rows of wagons, those rows as their tracks: all of them are wrong."""
    for chip in _grounds(config):
        lines = tuple(axis.line for axis in find_axes(propose(proposer, Picture(chip.raster()))))
        if lines:
            yield replace(chip, tracks=lines), min(40, 6 * len(lines)), min(12, 2 * len(lines))


def fit(
    config: TrainConfig,
    kind: type[Any],
    sources: Sequence[tuple[Pool, float]],
    which: int,
    say: Say = print,
) -> Any:
    """Fit one net to pools, each after the first with its share of a batch.

    Goes on from a checkpoint of the same run where there is one.
    """
    torch.manual_seed(config.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = ("reader", "proposer")[which]
    net = kind()
    if config.start_from:
        net = load(config.start_from / f"{name}.safetensors", kind)[0]
    net = net.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=1e-3)
    generator = torch.Generator().manual_seed(config.seed + which)
    saved = config.work / config.name / f"{name}.pt"
    done, step, spent = 0.0, 0, 0.0
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        done, step, spent = state["done"], state["step"], state["spent"]
        say(f"{name}: goes on from step {step}")
    balance = class_weights(sources[0][0].strip_targets)
    begun, mean = time.monotonic() - spent, 0.0
    while done < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = config.rate * min(1.0, (step + 1) / 50) * min(1.0, (1 - done) / config.decay)
        loss = _loss(net, which, _batch(sources, which, generator), balance, generator, device)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step, spent = step + 1, time.monotonic() - begun
        mean += (loss.item() - mean) / min(step, 50)
        done = step / config.steps[which] if config.steps else spent / 60 / config.minutes[which]
        if step % 50 == 0:
            say(f"{name}: step {step}, loss {mean:.4f}, {100 * done:.0f} %, {spent:.0f} s")
        if step % 100 == 0:
            _checkpoint(saved, net, optimiser, generator, done, step, spent)
    return net.eval().cpu()


def _checkpoint(
    path: Path,
    net: nn.Module,
    optimiser: Any,
    generator: torch.Generator,
    done: float,
    step: int,
    spent: float,
) -> None:
    state = {
        "net": net.state_dict(),
        "optimiser": optimiser.state_dict(),
        "generator": generator.get_state(),
        "done": done,
        "step": step,
        "spent": spent,
    }
    stream = BytesIO()  # torch tells a full disk in words of its own
    torch.save(state, stream)
    with written(path) as part:
        part.write_bytes(stream.getbuffer())


def _batch(
    sources: Sequence[tuple[Pool, float]], which: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Stored bytes and targets of one batch; the first source fills what the others leave."""
    size = (32, 12)[which]
    counts = [round(size * share) for _, share in sources[1:]]
    pixels, targets = [], []
    for (source, _), count in zip(sources, [size - sum(counts), *counts], strict=True):
        x, y = (source.strips, source.strip_targets) if which == 0 else (source.crops, source.crop_targets)
        index = np.sort(torch.randint(len(x), (count,), generator=generator).numpy())
        pixels.append(torch.from_numpy(x[index]))
        targets.append(torch.from_numpy(y[index].astype(np.float32)))
    return torch.cat(pixels), torch.cat(targets)


def class_weights(strip_targets: NDArray[np.float16]) -> dict[str, Tensor]:
    """Weight of each kind and cover, by the inverse root of how many columns show it.

    Args:
        strip_targets: (n, len(TARGETS), columns).
    """
    some = np.asarray(strip_targets[:: max(1, len(strip_targets) // 2000)])
    weights = {}
    for name, size in (("kind", len(KINDS)), ("cover", len(COVERS))):
        label = some[:, ROW[name]][some[:, ROW["occupied"]] > 0].astype(np.int64)
        share = np.bincount(label[label >= 0], minlength=size) / max(1, (label >= 0).sum())
        weight = 1 / np.sqrt(np.maximum(share, 0.005))
        weights[name] = torch.tensor(weight / max((weight * share).sum(), 1e-6), dtype=torch.float32)
    return weights


def _loss(
    net: nn.Module,
    which: int,
    batch: tuple[Tensor, Tensor],
    balance: dict[str, Tensor],
    generator: torch.Generator,
    device: str,
) -> Tensor:
    pixels, target = (flip_strips, flip_crops)[which](*batch, generator)
    x, target = to_input(vary_tone(pixels, generator).to(device)), target.to(device)
    if which:
        return proposer_loss(net(x), target)
    return reader_loss(net(x), target, {name: weight.to(device) for name, weight in balance.items()})


def reader_loss(out: Tensor, target: Tensor, balance: dict[str, Tensor] | None = None) -> Tensor:
    """Loss of the strip reader.

    Args:
        out: (b, outputs, n) of StripNet.
        target: (b, len(TARGETS), n).
        balance: Weight of each class of ``kind`` and ``cover``; all alike by default.
    """
    balance = balance or {}
    counted, ends_counted = target[:, ROW["counted"]], target[:, ROW["ends_counted"]]
    loss = _mean(F.binary_cross_entropy_with_logits(out[:, 0], target[:, 0], reduction="none"), counted)
    for end in (1, 2):
        each = F.binary_cross_entropy_with_logits(out[:, end], target[:, end], reduction="none")
        loss = loss + 3.0 * _mean(each, ends_counted)
    on = counted * target[:, ROW["occupied"]]
    across = ENDS.index("across_m")
    loss = loss + 0.3 * _mean(
        F.smooth_l1_loss(out[:, across], target[:, across], reduction="none", beta=0.3), on
    )
    for name, first, size in (
        ("kind", len(ENDS), len(KINDS)),
        ("cover", len(ENDS) + len(KINDS), len(COVERS)),
    ):
        label = target[:, ROW[name]].long()
        known = on * (label >= 0)
        logits, weight = out[:, first : first + size], balance.get(name)
        each = F.cross_entropy(logits, label.clamp(min=0), weight=weight, reduction="none")
        loss = loss + 0.2 * _mean(each, known)
    return loss


def proposer_loss(out: Tensor, target: Tensor) -> Tensor:
    """Loss of the proposer: (b, 3, h, w) against (b, 4, h, w)."""
    counted = target[:, 3]
    each = F.binary_cross_entropy_with_logits(out[:, 0], target[:, 0], reduction="none")
    on = counted * (target[:, 0] > 0.3)
    turn = ((out[:, 1:3] - target[:, 1:3]) ** 2).sum(dim=1)
    return 5.0 * _mean(each, counted) + 0.5 * _mean(turn, on)


def _mean(each: Tensor, weight: Tensor) -> Tensor:
    return (each * weight).sum() / weight.sum().clamp(min=1.0)
