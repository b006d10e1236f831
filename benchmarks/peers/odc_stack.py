"""odc-stac: all bands of local STAC Items as one cube, its own defaults. In its own environment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import odc.stac
import pystac

begun = time.process_time()
items = [pystac.Item.from_file(str(path)) for path in sorted(Path(sys.argv[1]).glob("*.json"))]
cube = odc.stac.load(items)
check = [int(sum(cube[band].values[step].sum(dtype="int64") for band in cube)) for step in range(len(items))]
print(json.dumps({"cpu_s": time.process_time() - begun, "check": check}))
