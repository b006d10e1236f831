"""What the camera makes of the light: blur, pan-sharpening, tone, noise and JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError


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
    blurred = rng.random() < 0.15
    return Optics(
        gsd_m=gsd_m,
        blur_px=float(rng.uniform(0.8, 1.3) if blurred else rng.uniform(0.3, 0.8)),
        lean=(float(min(lean, 0.45) * np.cos(way)), float(min(lean, 0.45) * np.sin(way))),
        sharpen=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.35 else 0.0,
        colour_blur=float(rng.uniform(1.0, 2.5)) if rng.random() < 0.3 else 0.0,
        gain=tuple(float(g) for g in np.exp(rng.normal(0, 0.05, 3))),  # type: ignore[arg-type]
        gamma=float(np.exp(rng.normal(0, 0.18))),
        contrast=float(np.exp(rng.normal(0.05, 0.15))),
        saturation=float(rng.uniform(0.05, 0.4) if rng.random() < 0.1 else rng.uniform(0.6, 1.5)),
        noise=float(rng.exponential(2.5)),
        jpeg=int(rng.integers(35, 96)) if rng.random() < 0.6 else None,
    )


def expose(image: NDArray[np.float32], optics: Optics, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn painted brightness into the picture that the camera delivers.

    Args:
        image: (rows, cols, 3) red, green, blue, 0 to 255 in full sun; may exceed it.
        optics: The camera.
        rng: Source of its noise.

    Returns:
        (rows, cols, 3) red, green, blue.
    """
    rows, cols = image.shape[:2]
    out = cv2.GaussianBlur(image, (0, 0), optics.blur_px) if optics.blur_px > 0.2 else image
    weights = np.array([0.3, 0.59, 0.11], dtype=np.float32)
    grey = (out @ weights)[..., None]
    colour = out - grey
    if optics.colour_blur > 0:
        colour = cv2.GaussianBlur(colour, (0, 0), optics.colour_blur)
    if optics.sharpen > 0:
        plane = grey[..., 0]
        grey = (plane + optics.sharpen * (plane - cv2.GaussianBlur(plane, (0, 0), 1.5)))[..., None]
    out = grey + np.float32(optics.saturation) * colour
    out *= np.array(optics.gain, dtype=np.float32)
    out = _curve(out, optics)
    if optics.noise > 0:
        out += optics.noise * rng.standard_normal((rows, cols, 1), dtype=np.float32)
        coarse = rng.standard_normal(((rows + 1) // 2, (cols + 1) // 2, 3), dtype=np.float32)
        out += 0.35 * optics.noise * cv2.resize(coarse, (cols, rows), interpolation=cv2.INTER_LINEAR)
    picture = np.clip(out + 0.5, 0, 255).astype(np.uint8)
    if optics.jpeg is None:
        return picture
    _, packed = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, optics.jpeg])
    return np.ascontiguousarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1])


def _curve(image: NDArray[np.float32], optics: Optics) -> NDArray[np.float32]:
    """Gamma and contrast by a table: 1024 steps from 0 to 280 grey levels."""
    levels = np.linspace(0, 280, 1024, dtype=np.float32) / 255
    table = 128 + optics.contrast * (255 * levels**optics.gamma - 128)
    index = np.clip(image * np.float32(1023 / 280), 0, 1023).astype(np.uint16)
    return np.asarray(table.astype(np.float32)[index])
