"""The net that reads how much of a bundle of tracks is filled, and how it is trained."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn import functional as F

from imagery.errors import UnreadableError
from imagery.whole import written
from models.occupancy.differ import FLOOR, ROLES, Difference
from models.occupancy.fillconfig import FillConfig
from models.occupancy.lessons import Lessons, school
from models.occupancy.reading import FACTS, Reading, facts
from models.occupancy.restless import unsettled
from models.occupancy.traffic import busier
from models.occupancy.trials import calibrated, tell

ALWAYS = 4
"""The first of the bands, which every sensor is expected to have: blue, green, red, near infrared."""
_COLUMNS = 64  # a longer corridor is learnt from in stretches of this length
_MIRRORED: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))  # read so and averaged
_RESTLESS = 0.5  # of what is learnt from, on ground that repeats as badly as real ground may
CHANNELS = 2 * len(ROLES) + len(ROLES) + ALWAYS + 4


@dataclass(frozen=True)
class FillShape:
    """Size of the net."""

    fine: int = 16
    """Channels at the image's own pixels."""
    deep: int = 32
    """Channels at half of them."""
    dilations: tuple[int, ...] = (1, 2, 4)
    """One residual block each at half resolution; together they see about 250 m to either side."""


class _Residual(nn.Module):
    """Two convolutions, the first with holes, around a shortcut. The second starts at zero."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(torch.relu(self.first(torch.relu(x))))
        return out


class FillNet(nn.Module):
    """A date about the tracks to the filled share of each pixel's track, and the doubt about their sum."""

    def __init__(self, shape: FillShape | None = None) -> None:
        super().__init__()
        self.shape = shape or FillShape()
        f, d = self.shape.fine, self.shape.deep
        self.stem = nn.Conv2d(CHANNELS, f, 3, padding=1)
        self.fine = _Residual(f)
        self.down = nn.Conv2d(f, d, 3, stride=2, padding=1)
        self.deep = nn.ModuleList(_Residual(d, dilation) for dilation in self.shape.dilations)
        self.context = nn.Sequential(nn.Linear(2 * d + FACTS, d), nn.ReLU(), nn.Linear(d, 2 * d))
        self.mix = nn.Conv2d(f + d, f, 3, padding=1)
        self.last = _Residual(f)
        self.head = nn.Conv2d(f, 1, 1)
        self.empty = nn.Parameter(torch.tensor(2.5))  # most track is empty
        self.doubt = nn.Sequential(nn.Linear(f + 2 * d + FACTS + 1, d), nn.ReLU(), nn.Linear(d, 1))

    def forward(self, x: Tensor, metres: Tensor, facts: Tensor) -> tuple[Tensor, Tensor]:
        """Read dates.

        Args:
            x: (b, CHANNELS, height, length), both even; see to_input.
            metres: (b, height, length) metres of track in each pixel.
            facts: (b, FACTS).

        Returns:
            Log-odds (b, height, length) of the filled share, and (b,) the logarithm of the scale, in
            hundreds of metres, of the error of the filled metres.
        """
        fine = self.fine(self.stem(x))
        deep = self.down(torch.relu(fine))
        for block in self.deep[:-1]:
            deep = block(deep)
        half = F.avg_pool2d(metres[:, None], 2)
        beside = (half < 0.1).to(deep.dtype)
        around = torch.cat([_mean(deep, half), _mean(deep, beside), facts], dim=1)
        scale, shift = self.context(around)[:, :, None, None].chunk(2, dim=1)
        deep = self.deep[-1](deep * (1 + scale) + shift)
        wide = F.interpolate(deep, scale_factor=2.0, mode="nearest")
        fine = self.last(self.mix(torch.relu(torch.cat([fine, wide], dim=1))))
        odds = self.head(torch.relu(fine))[:, 0] - self.empty
        filled = (torch.sigmoid(odds) * metres).sum(dim=(1, 2)) / 100.0
        known = [_mean(fine, metres[:, None]), around, torch.log1p(filled.detach())[:, None]]
        return odds, self.doubt(torch.cat(known, dim=1))[:, 0]


def _mean(features: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean (b, channels) over the plane."""
    return (features * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3)).clamp(min=1e-3)


@dataclass(frozen=True)
class Inputs:
    """Dates of one place as tensors; height and length are even."""

    residual: Tensor
    """(b, 7, height, length) against the baseline, NaN where not seen or without the band."""
    spread: Tensor
    """The same shape: scatter of the baseline."""
    usual: Tensor
    """The same shape: the baseline."""
    plans: Tensor
    """(b, 3, height, length) metres of track, and shares of full cover and of full shade."""
    facts: Tensor
    """(b, FACTS); the first is the logarithm of the unrest."""

    def on(self, device: str) -> Inputs:
        """The same on a device."""
        return Inputs(*(getattr(self, field.name).to(device) for field in fields(self)))


def tensors(dates: Sequence[Difference], columns: slice = slice(None)) -> Inputs:
    """Dates of one shape as tensors; of their columns, those wanted."""

    def stacked(name: str, fill: float) -> Tensor:
        x = torch.from_numpy(np.stack([getattr(one, name)[..., columns] for one in dates]))
        return F.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2), value=fill)

    return Inputs(
        stacked("residual", torch.nan),
        stacked("spread", torch.nan),
        stacked("usual", torch.nan),
        torch.stack([stacked(name, 0.0) for name in ("metres", "cover", "shade")], dim=1),
        torch.from_numpy(np.stack([facts(one) for one in dates])),
    )


def to_input(dates: Inputs) -> Tensor:
    """Channels of the net, (b, CHANNELS, height, length)."""
    seen = torch.isfinite(dates.residual)
    unrest = torch.exp(dates.facts[:, 0]).clamp(min=0.7)[:, None, None, None]
    noise = torch.nan_to_num(dates.spread, 1.0).clamp(min=FLOOR) * unrest
    plain = torch.nan_to_num(dates.residual)
    level = torch.nan_to_num(dates.usual[:, :ALWAYS]).clamp(0.0, 1.0)
    parts = [
        (plain / 0.05).clamp(-6.0, 6.0),
        (plain / noise / 3.0).clamp(-4.0, 4.0),
        seen.to(plain.dtype),
        level / 0.15 - 1.0,
        dates.plans[:, :1] / 20.0,
        dates.plans[:, 1:] * 2.0,
        torch.log(noise[:, :1].clamp(max=0.3) / FLOOR) / 2.0,
    ]
    return torch.cat(parts, dim=1)


class Reader:
    """The trained net, ready to read."""

    def __init__(self, path: Path) -> None:
        net, self.about = load(path)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._net = net.to(self._device)

    def read(self, dates: Sequence[Difference], batch: int = 16) -> list[Reading]:
        """Read dates of one place; all have one shape."""
        return [
            reading
            for start in range(0, len(dates), batch)
            for reading in self._read(dates[start : start + batch])
        ]

    def _read(self, dates: Sequence[Difference]) -> list[Reading]:
        height, length = dates[0].metres.shape
        inputs = tensors(dates)
        with torch.inference_mode():
            x, length_m = to_input(inputs).to(self._device), inputs.plans[:, 0].to(self._device)
            about = inputs.facts.to(self._device)
            shares, doubts = [], []
            for axes in _MIRRORED:
                odds, doubt = self._net(x.flip(axes), length_m.flip(axes), about)
                shares.append(torch.sigmoid(odds).flip(axes))
                doubts.append(doubt)
            share = torch.stack(shares).mean(dim=0).cpu()
            metres = (share * inputs.plans[:, 0]).sum(dim=(1, 2)).tolist()
            scale = (100.0 * torch.exp(torch.stack(doubts).mean(dim=0))).tolist()
        return [Reading(metres[k], scale[k], share[k, :height, :length].numpy()) for k in range(len(dates))]


def save(net: FillNet, path: Path, about: dict[str, Any]) -> None:
    """Write weights and what is known of them to one safetensors file."""
    state = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    header = {"shape": json.dumps(asdict(net.shape)), "about": json.dumps(about, sort_keys=True)}
    with written(path) as part:
        part.write_bytes(to_bytes(state, metadata=header))


def load(path: Path) -> tuple[FillNet, dict[str, Any]]:
    """Read the net in evaluation mode, and what was written about it.

    Raises:
        UnreadableError: The file is absent or holds another net.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata()
            state = {name: file.get_tensor(name) for name in file.keys()}
        shape = json.loads(header["shape"])
        net = FillNet(FillShape(**{**shape, "dilations": tuple(shape["dilations"])}))
        net.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise UnreadableError(
            f"weights {path} cannot be used ({error}); train them with `yardwatch train`"
        ) from error
    return net.eval(), json.loads(header["about"])


def train_fill(config: FillConfig, say: Callable[[str], None] = print) -> None:
    """Simulate places, fit the net, calibrate its intervals; write ``occupancy.safetensors`` and ``.json``.

    Args:
        config: What to do; unknown keys were refused when it was read.
        say: Told of progress.
    """
    torch.set_num_threads(config.threads)
    work = config.work / config.name
    lessons = []
    rng = np.random.default_rng(config.seed)
    wanted = config.wanted(config.busy)
    for one in school(work / "train", config.seed, config.places, wanted, measured=False):
        lessons.append(busier(one, rng, config.copies))
        say(f"{len(lessons)} of {config.places} places to learn from")
    net = fit(config, lessons, say)
    about = {"config": config.model_dump(mode="json"), "torch": torch.__version__}
    save(net, config.into / "occupancy.safetensors", about)
    reader = Reader(config.into / "occupancy.safetensors")
    calibration = calibrated(config, reader, say)
    calibration.write(config.into / "occupancy.json")
    tell(config, reader, calibration, say)


def fit(config: FillConfig, lessons: Sequence[Lessons], say: Callable[[str], None] = print) -> FillNet:
    """Fit the net and average its last states; goes on from the checkpoint of the same run."""
    torch.manual_seed(config.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = FillNet().to(device).train()
    mean = FillNet().to(device)
    mean.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=1e-3)
    parts: dict[str, Any] = {"net": net, "mean": mean, "optimiser": optimiser}
    saved = config.work / config.name / "fit.pt"
    spent, step, recent = 0.0, 0, 0.0
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        spent, step = state["spent"], state["step"]
        say(f"goes on from step {step}")
    rng = np.random.default_rng([config.seed, step])
    begun = time.monotonic() - spent
    while (done := spent / 60 / config.minutes) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = config.rate * min(1.0, (step + 1) / 100) * min(1.0, (1 - done) / 0.6)
        optimiser.zero_grad(set_to_none=True)
        for _ in range(2):
            inputs, truth = varied(_batch(lessons, rng), rng)
            loss = loss_of(net, inputs.on(device), truth.to(device))
            loss.backward()  # type: ignore[no-untyped-call]
            recent += (loss.item() - recent) / min(2 * step + 1, 200)
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        with torch.no_grad():
            for average, now in zip(mean.parameters(), net.parameters(), strict=True):
                average.lerp_(now, max(0.003, 1 / (step + 1)))
        step, spent = step + 1, time.monotonic() - begun
        if step % 50 == 0:
            say(f"step {step}, loss {recent:.4f}, {100 * done:.0f} %, {spent:.0f} s")
            states = {name: part.state_dict() for name, part in parts.items()}
            stream = BytesIO()  # torch tells a full disk in words of its own
            torch.save({**states, "spent": spent, "step": step}, stream)
            with written(saved) as part:
                part.write_bytes(stream.getbuffer())
    return mean.eval().cpu()


def _batch(lessons: Sequence[Lessons], rng: np.random.Generator, size: int = 8) -> tuple[Inputs, Tensor]:
    """A stretch of some dates of one place, half of them busy, and the filled metres of each pixel."""
    one = lessons[int(rng.integers(len(lessons)))]
    weight = np.where(one.group == 0, 1 / max((one.group == 0).sum(), 1), 1 / max((one.group > 0).sum(), 1))
    chosen = rng.choice(len(one), min(size, len(one)), replace=False, p=weight / weight.sum())
    start = int(rng.integers(max(1, one.truth.shape[-1] - _COLUMNS + 1)))
    columns = slice(start, start + _COLUMNS)
    truth = torch.from_numpy(one.truth[chosen][..., columns])
    padded = F.pad(truth, (0, truth.shape[-1] % 2, 0, truth.shape[-2] % 2))
    return tensors([one.dates[k] for k in chosen], columns), padded


def varied(batch: tuple[Inputs, Tensor], rng: np.random.Generator) -> tuple[Inputs, Tensor]:
    """Mirrored, restless, with bands that are not always there left out, under cloud and other light."""
    inputs, truth = batch
    residual, spread, about = inputs.residual.clone(), inputs.spread, inputs.facts.clone()
    size, bands, _, length = residual.shape
    if rng.random() < _RESTLESS:
        unrest = about[:, 0].exp().double().numpy()
        change, wide, felt = unsettled(inputs.usual.numpy(), spread.numpy(), unrest, rng)
        residual, spread = residual + torch.from_numpy(change), torch.from_numpy(wide)
        about[:, 0] = torch.from_numpy(felt).log()
    if rng.random() < 0.4:
        residual[:, ALWAYS:] = torch.nan
    for band in range(ALWAYS, bands):
        if rng.random() < 0.2:
            residual[:, band] = torch.nan
    light = torch.from_numpy(rng.normal(0, 0.008, (size, 1)) + rng.normal(0, 0.005, (size, bands))).float()
    residual = residual + inputs.usual * light[:, :, None, None]
    for k in np.flatnonzero(rng.random(size) < 0.15):
        start = int(rng.integers(length))
        residual[k, :, :, start : start + int(rng.integers(3, max(4, length // 3)))] = torch.nan
    axes = [axis for axis in (-1, -2) if rng.random() < 0.5]
    planes = [residual, spread, inputs.usual, inputs.plans, truth]
    residual, spread, usual, plans, truth = (plane.flip(axes) for plane in planes)
    return Inputs(residual, spread, usual, plans, about), truth


def loss_of(net: FillNet, inputs: Inputs, truth: Tensor) -> Tensor:
    """Of the share in each pixel, of the sum, and of the doubt about the sum.

    Args:
        net: What is fitted.
        inputs: Dates of one place.
        truth: (b, height, length) filled metres.
    """
    metres = inputs.plans[:, 0]
    odds, doubt = net(to_input(inputs), metres, inputs.facts)
    share = (truth / metres.clamp(min=1e-3)).clamp(0.0, 1.0)
    each = F.binary_cross_entropy_with_logits(odds, share, reduction="none")
    error = ((torch.sigmoid(odds) * metres - truth).sum(dim=(1, 2)) / 100.0).abs()
    # The error of a sum is Laplacian with a scale of its own; the doubt must not excuse the error.
    scale = torch.exp(doubt) + 0.05
    likely = error.detach() / scale + torch.log(scale)
    # Restless dates teach little about calm ones.
    calm = (1.5 / torch.exp(inputs.facts[:, 0])).clamp(0.2, 1.0)
    return (each * metres).sum() / metres.sum() + (calm * (0.4 * error + 0.1 * likely)).mean()
