"""What ``zoo plugin check zoo-residual`` tries, beside what it makes up from the schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zoo.testing import Case

CONVOLUTION: Final[Mapping[str, Any]] = {
    "type": "conv2d",
    "out_channels": 2,
    "kernel_size": 3,
    "padding": 1,
}

RESIDUAL: Final = (
    Case({"body": [CONVOLUTION, {"type": "gelu"}]}, input=(2, 4, 3)),
    Case({"body": [CONVOLUTION], "scale": 0.3, "sign": "minus"}, input=(2, 3, 4)),
    Case(
        {"body": [{"type": "residual", "body": [{"type": "batch_norm2d"}, CONVOLUTION]}]},
        input=(2, 3, 2),
        mixes_batch=True,
    ),
    Case(
        {
            "body": [
                {"type": "pixel_unshuffle", "downscale_factor": 2},
                {"type": "pixel_shuffle", "upscale_factor": 2},
                CONVOLUTION,
            ]
        },
        input=(2, 4, 2),
    ),
)
PIXEL_SHUFFLE: Final = (
    Case({"upscale_factor": 2}, input=(8, 2, 3)),
    Case({"upscale_factor": 3}, input=(9, 2, 1)),
)
PIXEL_UNSHUFFLE: Final = (
    Case({"downscale_factor": 2}, input=(3, 4, 6)),
    Case({"downscale_factor": 3}, input=(1, 6, 3)),
)
BATCH_NORM2D: Final = (
    Case(input=(3, 2, 4), mixes_batch=True),
    Case({"eps": 0.1, "momentum": 0.5}, input=(3, 1, 2), mixes_batch=True),
    Case({"affine": False, "track_running_stats": False}, input=(2, 3, 2), mixes_batch=True),
)
PRELU: Final = (
    Case(input=(3, 4, 5)),
    Case({"num_parameters": 3, "init": -1.5}, input=(3, 2, 4)),
)
GELU: Final = (Case(input=(3, 4, 5)), Case({"approximate": "tanh"}, input=(3, 4, 5)))
