"""An architecture that trains in a moment on a folder ``photos`` beside it."""

from __future__ import annotations

from pathlib import Path

# What a run of it ends with: it learns for a moment only.
NO_BETTER = "warning: the result is no better than its noisy input"

TINY = """
format = 1
name = "tiny"
input = { channels = 3, height = 16, width = 16 }

[[layers]]
type = "conv2d"
out_channels = 4
kernel_size = 3
stride = 2
padding = 1

[[layers]]
type = "relu"

[[layers]]
type = "upsampling"
out_channels = 3
kernel_size = 3
padding = 1

[[layers]]
type = "sigmoid"

[optimizer]
type = "adam"
lr = 0.01

[data]
source = "photos"
noise = { type = "gaussian", sigma = [0, 50] }
evaluation_noise = { type = "gaussian", sigma = 25 }
samples_per_epoch = 10

[train]
epochs = 2
batch_size = 4
schedule = "cosine"
"""


def contents(folder: Path) -> dict[str, bytes]:
    """All files in a folder, by their paths in it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
