"""What the camera makes of the light: blur, pan-sharpening, tone, noise and JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError

_LUMA = (0.3, 0.59, 0.11)
"""Weights of red, green and blue in brightness."""


@dataclass(frozen=True)
class Optics:
    """One camera on one date, and how its picture was processed."""

    gsd_m: float = 0.5
    """Ground sample distance, 0.15 to 1.5."""
    blur_px: float = 0.6
    """Standard deviation of the point spread, in pixels."""
    lean: tuple[float, float] = (0.0, 0.0)
    """Shift x, y (right, down) in metres for each metre of height: off-nadir view."""
    sharpen: float = 0.0
    """Unsharp masking by the provider, 0 to 1."""
    colour_blur: float = 0.0
    """Pan-sharpening: standard deviation by which colour bleeds, in pixels; 0 is none."""
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Colour cast: factor on red, green, blue."""
    gamma: float = 1.0
    """Of the display curve; above 1 darkens the middle."""
    contrast: float = 1.0
    """About mid grey."""
    saturation: float = 1.0
    """0 is grey, 1 as painted."""
    level: float | None = None
    """Mean grey level that the provider stretches to unless too much burns out; None: not stretched."""
    noise: float = 2.0
    """Standard deviation in grey levels of 255."""
    jpeg: int | None = None
    """Quality, or None for none."""

    def __post_init__(self) -> None:
        if not 0.1 <= self.gsd_m <= 2.0:
            raise InputError(f"GSD {self.gsd_m} m: the painter of single wagons works from 0.1 to 2 m")


def random_optics(rng: np.random.Generator, gsd_m: float) -> Optics:
    """A camera from an aerial survey or a satellite, and its processing."""
    lean = rng.exponential(0.08) if rng.random() < 0.8 else rng.uniform(0.1, 0.4)
    way = rng.uniform(0, 2 * np.pi)
    blurred, dusk = rng.random() < 0.15, rng.random() < 0.015
    return Optics(
        gsd_m=gsd_m,
        blur_px=float(rng.uniform(0.8, 1.3) if blurred else rng.uniform(0.3, 0.8)),
        lean=(float(min(lean, 0.45) * np.cos(way)), float(min(lean, 0.45) * np.sin(way))),
        sharpen=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.35 else 0.0,
        colour_blur=float(rng.uniform(1.0, 2.5)) if rng.random() < 0.3 else 0.0,
        gain=tuple(float(g) for g in np.exp(rng.normal(0, 0.05, 3))),  # type: ignore[arg-type]
        gamma=float(np.exp(rng.normal(0, 0.1))),
        contrast=float(np.exp(rng.normal(0.05, 0.13))),
        saturation=float(rng.uniform(0.05, 0.4) if rng.random() < 0.1 else rng.uniform(0.55, 1.2)),
        level=float(rng.uniform(18, 50))
        if dusk
        else float(rng.uniform(85, 150))
        if rng.random() < 0.85
        else None,
        noise=float(rng.exponential(2.5)) + (6.0 if dusk else 0.0),
        jpeg=int(rng.integers(35, 96)) if rng.random() < 0.6 else None,
    )


def expose(
    image: NDArray[np.uint8], optics: Optics, haze: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Turn painted brightness into the picture that the camera delivers.

    Args:
        image: (rows, cols, 3) red, green, blue; 255 is a white thing in full sun.
        optics: The camera.
        haze: Share of the brightness that is airlight.
        rng: Source of its noise.

    Returns:
        (rows, cols, 3) red, green, blue.
    """
    rows, cols = image.shape[:2]
    mixing = _mixing(optics, haze)
    if optics.level is not None:
        sample = image[::4, ::4]
        most = 248.0 / max(1.0, float(np.percentile(sample, 97)))
        mixing *= np.float32(min(optics.level / max(1.0, float(sample.mean())), most))
    out = _blurred(image, optics.blur_px) if optics.blur_px > 0.2 else image
    out = np.asarray(cv2.transform(out, mixing), dtype=np.uint8)
    detail = rng.standard_normal((rows, cols), dtype=np.float32)
    detail *= np.float32(optics.noise)
    if optics.colour_blur > 0:
        sharp = _grey(out)
        out = _blurred(out, optics.colour_blur)
        detail += cv2.subtract(sharp, _grey(out), dtype=cv2.CV_32F)
    if optics.sharpen > 0:
        grey = _grey(out)
        detail += np.float32(optics.sharpen) * cv2.subtract(grey, _blurred(grey, 1.5), dtype=cv2.CV_32F)
    coarse = rng.standard_normal((rows // 3 + 1, cols // 3 + 1, 3), dtype=np.float32)
    coarse *= np.float32(0.35 * optics.noise)
    noise = np.asarray(cv2.resize(coarse, (cols, rows), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    noise += detail[..., None]
    picture = np.asarray(cv2.LUT(cv2.add(out, noise, dtype=cv2.CV_8U), _curve(optics)), dtype=np.uint8)
    return picture if optics.jpeg is None else _packed(picture, optics.jpeg)


def _packed(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The picture after JPEG."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(back, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _blurred(image: NDArray[np.uint8], sigma_px: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), dtype=np.uint8)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _mixing(optics: Optics, haze: float) -> NDArray[np.float32]:
    """(3, 4) saturation, colour cast and haze as one matrix on red, green, blue, 1."""
    mix = optics.saturation * np.eye(3) + (1.0 - optics.saturation) * np.array([_LUMA] * 3)
    mix = np.diag(optics.gain) @ mix * (1.0 - haze)
    return np.concatenate([mix, haze * np.array([[196.0], [206.0], [222.0]])], axis=1).astype(np.float32)


def _curve(optics: Optics) -> NDArray[np.uint8]:
    """(256,) gamma and contrast as a table."""
    levels = np.linspace(0, 1, 256)
    curve = 128 + optics.contrast * (255 * levels**optics.gamma - 128)
    return np.clip(curve + 0.5, 0, 255).astype(np.uint8)
