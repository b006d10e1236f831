"""SAHI over ultralytics yolo11n-obb, slices of 640, its own defaults otherwise. Run in its own environment.

No weights are fetched: the net is drawn at random, which costs as much. So this says nothing about F1.
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

torch.set_num_threads(1)
with tempfile.TemporaryDirectory() as where:
    weights = Path(where, "yolo11n-obb.pt")
    YOLO("yolo11n-obb.yaml", task="obb").save(weights)
    model = AutoDetectionModel.from_pretrained("ultralytics", model_path=str(weights), device="cpu")
    begun = time.process_time()
    for path in sorted(Path(sys.argv[1]).iterdir()):
        get_sliced_prediction(str(path), model, slice_height=640, slice_width=640, verbose=0)
    print(json.dumps({"cpu_s": time.process_time() - begun}))
