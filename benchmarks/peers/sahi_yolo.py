"""SAHI over ultralytics yolo11n-obb, slices of 640, its own defaults otherwise. In an own environment.

    python -m benchmarks.peers.sahi_yolo FOLDER [WEIGHTS]

Without weights the net is drawn at random: that costs as much, and nothing is found that could be merged.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import torch
from sahi import AutoDetectionModel
from sahi.predict import get_sliced_prediction
from ultralytics import YOLO

import benchmarks.peers.operators  # noqa: F401

torch.set_num_threads(1)
torch.manual_seed(0)
pictures = sorted(path for path in Path(sys.argv[1]).iterdir() if path.suffix in (".png", ".jpg"))
with tempfile.TemporaryDirectory() as where:
    weights = sys.argv[2] if sys.argv[2:] else str(Path(where, "yolo11n-obb.pt"))
    if not sys.argv[2:]:
        YOLO("yolo11n-obb.yaml", task="obb").save(weights)
    model = AutoDetectionModel.from_pretrained("ultralytics", model_path=weights, device="cpu")


def seen(path: Path) -> tuple[int, float]:
    """Boxes left after merging, and megapixels."""
    found = get_sliced_prediction(str(path), model, slice_height=640, slice_width=640, verbose=0)
    return len(found.object_prediction_list), found.image_width * found.image_height / 1e6


seen(pictures[0])  # sets itself up
begun = time.process_time()
boxes, megapixels = (sum(column) for column in zip(*map(seen, pictures), strict=True))
print(json.dumps({"cpu_s": time.process_time() - begun, "boxes": boxes, "megapixels": megapixels}))
