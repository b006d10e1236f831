"""nrt: its EWMA monitor fitted to the history of every pixel, then told one date. In an own environment."""

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


def history(rows: int) -> xr.DataArray:
    """All dates but the last."""
    return xr.DataArray(
        values[:-1, :rows], dims=("time", "y", "x"), coords={"time": days[:-1].astype("datetime64[ns]")}
    )


EWMA(trend=False, mask=np.ones(values[0, :2].shape, dtype=int)).fit(
    dataarray=history(2)
)  # compiled once, not timed
begun = time.process_time()
monitor = EWMA(trend=False, mask=np.ones(values.shape[1:], dtype=int))
monitor.fit(dataarray=history(len(values[0])))
monitor.monitor(array=values[-1].astype(np.float64), date=days[-1].astype(datetime.datetime))
print(json.dumps({"cpu_s": time.process_time() - begun}))
