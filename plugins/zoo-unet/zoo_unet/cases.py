"""What ``zoo plugin check zoo-unet`` tries, beside what it makes up from the schemas."""

from __future__ import annotations

from typing import Final

from zoo.testing import Case

# Its windows reach from each pixel to all that are added, so that each has a gradient.
BODY: Final = (
    {"type": "conv2d", "out_channels": 1, "kernel_size": 11, "padding": 5},
    {"type": "sigmoid"},
)
REFLECT_PAD: Final = (
    Case({"body": [*BODY], "multiple": 4}, input=(2, 6, 4)),
    Case({"body": [*BODY], "multiple": [7, 5]}, input=(1, 2, 3)),  # down again and again
    Case({"body": [*BODY], "multiple": [3, 8]}, input=(1, 1, 2)),  # one row, across again and again
    Case({"body": [*BODY], "multiple": [2, 3]}, input=(1, 2, 3)),  # as it is
)
