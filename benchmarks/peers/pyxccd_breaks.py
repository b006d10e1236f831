"""pyxccd: breaks in the four bands of every pixel by S-CCD. In its own environment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from pyxccd import sccd_detect_flex

values, days = (np.load(Path(sys.argv[1], f"{name}.npy")) for name in ("values", "days"))
ordinals = (days - np.datetime64("0001-01-01")).astype(np.int64) + 1


def breaks(rows: int) -> int:
    """How many there are in the first rows."""
    part = values[:, :, :rows]
    codes = np.round(np.nan_to_num(part) * 10_000).astype(np.int64)
    cloud = np.where(np.isfinite(part).all(axis=1), 0, 4).astype(np.int64)
    found = 0
    for row in range(part.shape[2]):
        for col in range(part.shape[3]):
            pixel = np.ascontiguousarray(codes[:, :, row, col])
            answer = sccd_detect_flex(ordinals, pixel, np.ascontiguousarray(cloud[:, row, col]), lam=20)
            found += len(answer.rec_cg)
    return found


breaks(1)
begun = time.process_time()
found = breaks(values.shape[2])
print(json.dumps({"cpu_s": time.process_time() - begun, "flagged": found}))
