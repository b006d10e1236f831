"""Small real runs for tests of what is made of counts: a detector that always finds three, and noise."""

import numpy as np

from evidence import run as run_room
from imagery.sources.files.write import write_cog
from models.detections import Detections

RGB = ("red", "green", "blue")


class Three:
    """Three wagons, one after the other along the diagonal; where pixels decide, the mean grey moves them."""

    name = "edges"

    def __init__(self, first, apart, moved=False):
        self.first, self.apart, self.moved = first, apart, moved

    def detect(self, raster, tracks=()):
        first = raster.read().pixels.mean() / 10 if self.moved else self.first
        at = first + np.arange(3.0) * self.apart
        boxes = np.stack([at, at, *np.tile([[28.0], [6.0], [30.0]], 3)], axis=1)
        return Detections(raster.grid, boxes, np.array([0.9, 0.8, 0.7]))


def sure(patch, *three, **how):
    """Let runs count with Three, on noise that no yard looks like."""
    patch.setattr(run_room, "late", lambda name: Three(*three, **how))
    patch.setattr("evidence.observe.reach", lambda *rest: None)


def noise(path, grid, seed=0, **how):
    """An image of noise."""
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (3, *grid.shape)).astype(np.uint8)
    write_cog(path, pixels, grid, RGB, **how)
