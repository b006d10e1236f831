"""nrt: its EWMA monitor fitted to the history of every pixel, then told one date. In its own environment."""

from __future__ import annotations

import datetime
import json
import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr
from nrt.monitor.ewma import EWMA

values, days = (np.load(Path(sys.argv[1], f"{name}.npy")) for name in ("values", "days"))
values = values.reshape(len(values), -1, values.shape[-1])  # bands below each other


def broken(rows: int) -> int:
    """Pixels of the first rows that the last date breaks, or that the history already does."""
    times = days[:-1].astype("datetime64[ns]")
    history = xr.DataArray(values[:-1, :rows], dims=("time", "y", "x"), coords={"time": times})
    monitor = EWMA()
    monitor.fit(dataarray=history)
    last = datetime.datetime.combine(days[-1].astype(datetime.date), datetime.time())
    monitor.monitor(array=values[-1, :rows].astype(np.float64), date=last)
    return int((monitor.mask > 1).sum())


broken(2)  # compiles
begun = time.process_time()
flagged = broken(len(values[0]))
print(json.dumps({"cpu_s": time.process_time() - begun, "flagged": flagged}))
