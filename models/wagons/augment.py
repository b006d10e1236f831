"""Batches varied in tone, sharpness and side, so that a net cannot lean on any of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.wagons.data import TARGETS

Generator = torch.Generator


def vary_tone(pixels: Tensor, generator: Generator) -> Tensor:
    """Brightness, contrast, gamma, colour cast, saturation, shade, blur and noise of bytes (b, 4, h, w)."""
    rgb, valid = pixels[:, :3].to(torch.float32) / 255.0, pixels[:, 3:]
    b, _, h, w = rgb.shape

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape or (b, 1, 1, 1), generator=generator) * (high - low) + low

    grey = rgb.mean(dim=1, keepdim=True)
    saturation = torch.where(draw(0, 1) < 0.08, draw(0, 0.2), draw(0.5, 1.4))
    rgb = grey + (rgb - grey) * saturation
    rgb = rgb * torch.exp(draw(-0.1, 0.1, b, 3, 1, 1))
    rgb = rgb.clamp(1e-3, 1) ** torch.exp(draw(-0.45, 0.45))
    mean = rgb.mean(dim=(1, 2, 3), keepdim=True)
    rgb = (rgb - mean) * torch.exp(draw(-0.5, 0.35)) + mean + draw(-0.15, 0.15)
    shade = F.interpolate(draw(-0.08, 0.08, b, 1, 2, 5), size=(h, w), mode="bilinear", align_corners=True)
    rgb = rgb + shade
    rgb = _blurred(rgb, draw(0, 1.0), draw(0, 1) < 0.5)
    rgb = rgb + torch.randn(rgb.shape, generator=generator) * draw(0, 0.03)
    rgb = (rgb.clamp(0, 1) * 255).round().to(torch.uint8)
    return torch.cat([rgb, valid], dim=1)


def _blurred(rgb: Tensor, sigma: Tensor, on: Tensor) -> Tensor:
    """Gaussian blur with a width of its own for each picture."""
    b, c, h, w = rgb.shape
    reach = torch.arange(-2, 3, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (reach / sigma.reshape(b, 1).clamp(0.2)) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(c, dim=0)
    flat = rgb.reshape(1, b * c, h, w)
    flat = F.pad(flat, (2, 2, 2, 2), mode="replicate")
    flat = F.conv2d(flat, kernel.reshape(b * c, 1, 1, 5), groups=b * c)
    flat = F.conv2d(flat, kernel.reshape(b * c, 1, 5, 1), groups=b * c)
    return torch.where(on, flat.reshape(b, c, h, w), rgb)


def flip_strips(pixels: Tensor, target: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Half of the strips read from the other end, half seen from the other side."""
    back = torch.rand(len(pixels), generator=generator) < 0.5
    pixels, target = pixels.clone(), target.clone()
    pixels[back], target[back] = pixels[back].flip(-1), target[back].flip(-1)
    start, stop = TARGETS.index("start"), TARGETS.index("stop")
    target[back.nonzero()[:, 0][:, None], torch.tensor([[start, stop]])] = target[
        back.nonzero()[:, 0][:, None], torch.tensor([[stop, start]])
    ]
    over = torch.rand(len(pixels), generator=generator) < 0.5
    pixels[over] = pixels[over].flip(-2)
    target[over, TARGETS.index("across_m")] *= -1
    return pixels, target


def flip_crops(pixels: Tensor, target: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Half of the crops mirrored; their turn is already random."""
    over = torch.rand(len(pixels), generator=generator) < 0.5
    pixels, target = pixels.clone(), target.clone()
    pixels[over], target[over] = pixels[over].flip(-1), target[over].flip(-1)
    target[over, 2] *= -1
    return pixels, target
