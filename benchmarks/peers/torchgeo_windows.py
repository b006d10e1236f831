"""torchgeo: windows of 512 over a raster, by its grid sampler. Run in its own environment."""

from __future__ import annotations

import json
import sys
import time

import torch
from torch.utils.data import DataLoader
from torchgeo.datasets import RasterDataset, stack_samples
from torchgeo.samplers import GridGeoSampler

torch.set_num_threads(1)


class Band(RasterDataset):
    """One band."""

    filename_glob = "*_B02.tif"
    is_image = True


begun = time.process_time()
data = Band(sys.argv[1])
sampler = GridGeoSampler(data, size=512, stride=512)
for _ in DataLoader(data, sampler=sampler, collate_fn=stack_samples, num_workers=0):
    pass
print(json.dumps({"cpu_s": time.process_time() - begun}))
