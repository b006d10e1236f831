"""pyxccd: breaks in the series of every pixel by S-CCD over one band. In its own environment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from pyxccd import sccd_detect_flex

values, days = (np.load(Path(sys.argv[1], f"{name}.npy")) for name in ("values", "days"))
ordinals = (days - np.datetime64("0001-01-01")).astype(np.int64) + 1
begun = time.process_time()
series = values.reshape(len(values), -1)
for pixel in series.T:
    seen = np.isfinite(pixel)
    codes = np.round(pixel[seen] * 10_000).astype(np.int64)
    sccd_detect_flex(ordinals[seen], codes[:, None], np.zeros(int(seen.sum()), dtype=np.int64), lam=20)
print(json.dumps({"cpu_s": time.process_time() - begun}))
