"""torchgeo: every window of 512 of a raster, all bands, by its grid sampler. In its own environment."""

from __future__ import annotations

import json
import sys
import time

import torch

import benchmarks.peers.operators  # noqa: F401

# isort: split
from torch.utils.data import DataLoader
from torchgeo.datasets import RasterDataset, stack_samples
from torchgeo.samplers import GridGeoSampler

torch.set_num_threads(1)


class Bands(RasterDataset):
    """A file a band."""

    filename_glob = "*_B02.tif"
    filename_regex = r"S2A_(?P<date>\d{8}T\d{6})_(?P<band>B\d\d)"
    date_format = "%Y%m%dT%H%M%S"
    all_bands = ("B02", "B03", "B04", "B08", "B11")
    separate_files = True


begun = time.process_time()
data = Bands(sys.argv[1])
loader = DataLoader(data, sampler=GridGeoSampler(data, size=512), collate_fn=stack_samples)
check = [int(sum(sample["image"].sum(dtype=torch.float64) for sample in loader))]
print(json.dumps({"cpu_s": time.process_time() - begun, "check": check}))
