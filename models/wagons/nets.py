"""The two nets: one reads strips along an axis, one proposes rows of wagons in the plane."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from imagery.errors import UnreadableError
from imagery.whole import written

KINDS = (
    "gondola",
    "boxcar",
    "flat",
    "container flat",
    "tank",
    "hopper",
    "locomotive",
    "coach",
    "other",
)
COVERS = ("none", "blue", "white", "green", "grey", "other")
ENDS = ("occupied", "start", "stop", "across_m")


@dataclass(frozen=True)
class ReaderShape:
    """Size of the strip reader."""

    stem: int = 16
    """Channels of the first layer."""
    trunk: int = 96
    """Channels along the track."""
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    """One residual block each; together they see about 50 m to either side."""


@dataclass(frozen=True)
class ProposerShape:
    """Size of the proposer."""

    stem: int = 16
    """Channels at half the working resolution."""
    deep: int = 64
    """Channels at an eighth of it."""


def _conv(inside: int, outside: int, kernel: Any = 3, stride: Any = 1, dilation: int = 1) -> nn.Sequential:
    pad = dilation if kernel == 3 else 0
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, pad, dilation=dilation, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Two convolutions, the first with holes, around a shortcut; along the track only or in the plane."""

    def __init__(self, channels: int, dilation: int, plane: bool) -> None:
        super().__init__()
        first: Any = (3, 3) if plane else (1, 3)
        holes: Any = (dilation, dilation) if plane else (1, dilation)
        pads: Any = ((dilation, dilation), (1, 1)) if plane else ((0, dilation), (0, 1))
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, first, 1, pads[0], dilation=holes, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, first, 1, pads[1], bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = (x + self.body(x)).relu_()
        return out


class StripNet(nn.Module):
    """Strip (b, 4, 24, n) to what stands in each column (b, 4 + kinds + covers, n); n even.

    Rows across are folded away in three steps, then dilated convolutions run along the track at half
    resolution; the head gives both columns of each pair.
    """

    def __init__(self, shape: ReaderShape | None = None) -> None:
        super().__init__()
        self.shape = shape or ReaderShape()
        s, t = self.shape.stem, self.shape.trunk
        self.outputs = len(ENDS) + len(KINDS) + len(COVERS)
        self.across = nn.Sequential(
            _conv(4, s),  # 24 rows
            _conv(s, s + s // 2, stride=(2, 1)),  # 12
            _conv(s + s // 2, 2 * s, stride=(2, 2)),  # 6, n / 2
            _conv(2 * s, 2 * s + s // 2),
            _conv(2 * s + s // 2, t, kernel=(6, 1)),  # 1
        )
        self.along = nn.Sequential(*(_Residual(t, d, plane=False) for d in self.shape.dilations))
        self.head = nn.Conv2d(t, 2 * self.outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, 4, 24, n) red, green, blue, valid to (b, outputs, n)."""
        out = self.head(self.along(self.across(x)))[:, :, 0]  # (b, 2 * outputs, n / 2)
        b, _, half = out.shape
        pairs: Tensor = (
            out.reshape(b, self.outputs, 2, half).transpose(2, 3).reshape(b, self.outputs, 2 * half)
        )
        return pairs


class ProposeNet(nn.Module):
    """Image (b, 4, h, w) to (b, 3, h / 2, w / 2): log-odds of a wagon's middle line, and cos 2a, sin 2a."""

    def __init__(self, shape: ProposerShape | None = None) -> None:
        super().__init__()
        self.shape = shape or ProposerShape()
        s, d = self.shape.stem, self.shape.deep
        f = s + s // 2
        self.fine = nn.Sequential(_conv(4, s, stride=2), _conv(s, f))
        self.middle = nn.Sequential(_conv(f, 3 * s, stride=2), _conv(3 * s, 3 * s))
        self.coarse = nn.Sequential(
            _conv(3 * s, d, stride=2), *(_Residual(d, k, plane=True) for k in (1, 2, 4))
        )
        self.up_middle = nn.Sequential(nn.Conv2d(d, 3 * s, 1), nn.BatchNorm2d(3 * s))
        self.mix_middle = _conv(3 * s, 3 * s)
        self.up_fine = nn.Sequential(nn.Conv2d(3 * s, f, 1), nn.BatchNorm2d(f))
        self.mix_fine = _conv(f, f)
        self.head = nn.Conv2d(f, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, 4, h, w) red, green, blue, valid, h and w multiples of 8, to (b, 3, h / 2, w / 2)."""
        fine = self.fine(x)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        middle = self.mix_middle(torch.relu(middle + _double(self.up_middle(coarse))))
        fine = self.mix_fine(torch.relu(fine + _double(self.up_fine(middle))))
        out: Tensor = self.head(fine)
        return out


def _double(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def to_input(pixels: Tensor) -> Tensor:
    """Stored bytes (b, 4, h, w), the fourth being valid x 255, to what the nets take."""
    x = pixels.to(torch.float32) / 255.0
    x[:, :3] = (x[:, :3] - 0.45) * 4.0 * x[:, 3:]
    return x.contiguous(memory_format=torch.channels_last)


def channels_last(net: Any) -> Any:
    """The net with its weights laid out channels last, which is faster on CPU."""
    return net.to(memory_format=torch.channels_last)


def folded(net: nn.Module) -> Any:
    """A copy to read with: each batch norm folded into the convolution before it, which gives the same."""
    net = copy.deepcopy(net).eval()
    for part in net.modules():
        if isinstance(part, nn.Sequential):
            for i in range(1, len(part)):
                conv, norm = part[i - 1], part[i]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    part[i - 1], part[i] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return channels_last(net)


def save(net: StripNet | ProposeNet, path: Path, about: dict[str, Any]) -> None:
    """Write weights and what is known of them (seed, data, figures) to one safetensors file."""
    state = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    header = {"shape": json.dumps(asdict(net.shape)), "about": json.dumps(about, sort_keys=True)}
    with written(path) as part:
        part.write_bytes(to_bytes(state, metadata=header))


def load(path: Path, kind: type[StripNet] | type[ProposeNet]) -> tuple[Any, dict[str, Any]]:
    """Read a net in evaluation mode, and what was written about it.

    Raises:
        UnreadableError: The file is absent or holds another net.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata()
            state = {name: file.get_tensor(name) for name in file.keys()}
        shape = json.loads(header["shape"])
        if "dilations" in shape:
            shape["dilations"] = tuple(shape["dilations"])
        net = kind(ReaderShape(**shape)) if kind is StripNet else kind(ProposerShape(**shape))  # type: ignore[arg-type]
        net.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise UnreadableError(
            f"weights {path} cannot be used ({error}); train them with `yardwatch train`"
        ) from error
    net.eval()
    return channels_last(net), json.loads(header["about"])
