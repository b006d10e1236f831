"""Lets torchvision be imported where its compiled part was built for another build of torch.

torchvision of the plain package index fits torch with CUDA; beside the CPU build its import ends in "operator
torchvision::nms does not exist". So the operators that it names are declared, without code: a call of one
ends the process. Oriented boxes are suppressed by ultralytics' own code and SAHI's, windows need none.
"""

from __future__ import annotations

import torch

try:
    import torchvision
except RuntimeError:
    for name in ("nms", "qnms"):
        torch.library.define(
            f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
    import torchvision  # noqa: F401
