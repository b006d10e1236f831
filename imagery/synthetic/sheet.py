"""A thing in the making, in its own frame: boxes, reliefs and stains laid over each other, then a Patch."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.canvas import Patch
from imagery.synthetic.layout import Colour
from imagery.synthetic.light import Light, sunlit
from imagery.synthetic.materials import grain

Plane = NDArray[np.float32]


class Sheet:
    """Colour, height and cover on a small grid: columns run along the thing (x), rows across it (y)."""

    def __init__(self, size_m: tuple[float, float], px_m: float, light: Light, angle_deg: float) -> None:
        """Args: length and width with room for what sticks out; pixel size; sun; the thing's direction."""
        cols, rows = max(3, round(size_m[0] / px_m)), max(3, round(size_m[1] / px_m))
        self.px_m = px_m
        self.x = ((np.arange(cols, dtype=np.float32) + 0.5 - cols / 2) * np.float32(px_m))[None, :]
        self.y = ((np.arange(rows, dtype=np.float32) + 0.5 - rows / 2) * np.float32(px_m))[:, None]
        self.rgb = np.zeros((rows, cols, 3), dtype=np.float32)
        self.alpha = np.zeros((rows, cols), dtype=np.float32)
        self.height = np.zeros((rows, cols), dtype=np.float32)
        self.light = replace(light, sun_azimuth_deg=light.sun_azimuth_deg - angle_deg)
        self.sun = light.towards(angle_deg)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.alpha.shape

    def window(self, x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice]:
        """Rows and columns of a rectangle in metres; at least one pixel each way inside the sheet."""
        rows, cols = self.alpha.shape
        scale, middle, centre = 1.0 / self.px_m, cols / 2 + 0.5, rows / 2 + 0.5
        left = min(max(int(x0 * scale + middle), 0), cols - 1)
        top = min(max(int(y0 * scale + centre), 0), rows - 1)
        right, bottom = int(x1 * scale + middle), int(y1 * scale + centre)
        return slice(top, min(max(bottom, top + 1), rows)), slice(left, min(max(right, left + 1), cols))

    def box(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        colour: Colour | NDArray[np.float32],
        height: float | None,
    ) -> tuple[slice, slice]:
        """Lay a flat rectangle; a height of None keeps what is below (paint, not matter)."""
        at = self.window(*x, *y)
        self.rgb[at] = colour
        self.alpha[at] = 1.0
        if height is not None:
            self.height[at] = height
        return at

    def tint(self, x: tuple[float, float], y: tuple[float, float], factor: float) -> None:
        """Darken or brighten a rectangle."""
        self.rgb[self.window(*x, *y)] *= np.float32(factor)

    def ribs(
        self, x: tuple[float, float], y: tuple[float, float], pitch_m: float, width_m: float, factor: float
    ) -> None:
        """Lines across the thing at an even pitch, darker or brighter than what is below."""
        at = self.window(*x, *y)
        phase = np.mod(self.x[0, at[1]] - x[0], pitch_m)
        # A line thinner than a pixel is painted fainter.
        share = np.clip(
            (width_m / 2 - np.abs(phase - pitch_m / 2)) / self.px_m + 0.5, 0, min(1, width_m / self.px_m)
        )
        self.rgb[at] *= (1 + (factor - 1) * share)[None, :, None].astype(np.float32)

    def shade(self, at: tuple[slice, slice], relief: Plane, gloss: float = 0.0) -> None:
        """Light a rectangle by the slope of ``relief`` (metres; (rows, cols), or (rows, 1) if even along)."""
        up_y = _slope(relief, 0, 1, self.px_m)
        up_x = _slope(relief, 1, 0, self.px_m) if relief.shape[1] > 1 else np.zeros_like(up_y)
        norm = 1.0 / np.sqrt(up_x**2 + up_y**2 + 1.0)
        facing = (self.sun[2] - up_x * self.sun[0] - up_y * self.sun[1]) * norm
        tone = self.light.shade + (1 - self.light.shade) * np.minimum(
            np.maximum(facing * (1 / self.sun[2]), 0.0), 2.0
        )
        self.rgb[at] *= (0.25 + 0.75 * tone)[..., None].astype(np.float32)
        if gloss > 0:
            middle = np.array(self.sun) + np.array([0.0, 0.0, 1.0])
            middle /= np.linalg.norm(middle)
            mirror = np.maximum((middle[2] - up_x * middle[0] - up_y * middle[1]) * norm, 0) ** 60
            self.rgb[at] += np.float32(220 * gloss * (1 - self.light.cloud)) * mirror[..., None].astype(
                np.float32
            )

    def pit(
        self, x: tuple[float, float], y: tuple[float, float], colour: Colour, floor_m: float, rim_m: float
    ) -> None:
        """An open box: a floor with the shadow of its own walls. Its height stays the rim's."""
        at = self.window(*x, *y)
        depth = np.full((at[0].stop - at[0].start, at[1].stop - at[1].start), floor_m, dtype=np.float32)
        depth = np.pad(depth, 1, constant_values=rim_m)
        lit = sunlit(depth, self.px_m, self.light)[1:-1, 1:-1]
        # Walls hide much of the sky from the floor.
        dark = self.light.shade * 0.75
        self.rgb[at] = np.array(colour, dtype=np.float32) * (dark + (0.85 - dark) * lit)[..., None]
        self.alpha[at] = 1.0

    def stain(self, seed: int, wear: float, rust: Colour = (104, 68, 50)) -> None:
        """Dirt and fading over everything, rust in patches and streaks."""
        px = self.px_m
        dirt = 0.03 * grain(seed, self.shape, (1, 1)) + 0.09 * wear * grain(
            seed + 5, self.shape, (0.5 / px, 2.2 / px)
        )
        if px < 0.2:
            dirt += 0.06 * wear * grain(seed + 7, self.shape, (0.9 / px, 0.25 / px))
        self.rgb *= (1.0 + dirt)[..., None]
        if wear > 0.35:
            patches = grain(seed + 3, self.shape, (0.7 / px, 0.9 / px)) - np.float32(2.0 - 1.3 * wear)
            patches = np.minimum(np.maximum(patches, 0), 0.8)[..., None]
            self.rgb += patches * (np.array(rust, dtype=np.float32) - self.rgb)

    def snowfall(self, seed: int, share: float) -> None:
        """Snow on a share of it."""
        if share <= 0:
            return
        px = self.px_m
        cover = (
            np.clip(2.5 * (grain(seed + 17, self.shape, (1.2 / px, 2.0 / px)) + 3.0 * share - 1.2), 0, 1)
            * 0.94
        )
        self.rgb += cover[..., None] * (np.array([236, 238, 242], dtype=np.float32) - self.rgb)

    def patch(self, px_m: float) -> Patch:
        """The finished thing at pixels of about ``px_m``."""
        shown = np.minimum(np.maximum(self.rgb, 3), 254) * self.alpha[..., None]
        return Patch(np.dstack([shown, self.alpha]), self.height * self.alpha, self.px_m).at(px_m)


def _slope(relief: Plane, dx: int, dy: int, px_m: float) -> Plane:
    """Rise per metre along x or y."""
    rise = cv2.Sobel(relief, cv2.CV_32F, dx, dy, ksize=1, scale=0.5 / px_m, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(rise, dtype=np.float32)


def lighter(colour: Colour, factor: float) -> Colour:
    """A colour brightened, or darkened below 1."""
    return tuple(int(min(250, c * factor)) for c in colour)  # type: ignore[return-value]
