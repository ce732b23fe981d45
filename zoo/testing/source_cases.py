"""What zoo's own sources are tried with: small files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image

from zoo.testing.declared import Case


def _pictures(folder: Path, *names: str) -> None:
    """PNGs with different pixels."""
    for seed, name in enumerate(names):
        pixels = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{name}.png")


def _clean(folder: Path) -> None:
    _pictures(folder, "pictures/one", "pictures/two", "pictures/more/three")


def _beside(folder: Path) -> None:
    _pictures(folder, "pairs/one_a", "pairs/one_b", "pairs/two_a", "pairs/two_b")


def _apart(folder: Path) -> None:
    _pictures(folder, "noisy/one", "noisy/two", "clean/one", "clean/two")


def _scenes(folder: Path) -> None:
    _pictures(folder, "bursts/a/1", "bursts/a/2", "bursts/b/1", "bursts/b/2", "bursts/b/3")


def _film(folder: Path) -> None:
    _pictures(folder, "film/1", "film/2", "film/3")


def _file(folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 3, 6, 5), dtype=np.uint8)
    first, second = (torch.from_numpy(side).clone() for side in pixels)
    torch.save((first, second), folder / "pairs.pkl")


DEMO: Final = (Case(),)
FOLDER: Final = (Case({"path": "pictures"}, files=_clean),)
PAIRS: Final = (
    Case({"folder": "pairs"}, files=_beside),
    Case({"first": "noisy", "second": "clean", "second_is_clean": True}, files=_apart),
)
PKL: Final = (Case({"path": "pairs.pkl"}, files=_file),)
BURST: Final = (Case({"path": "bursts"}, files=_scenes),)
FRAMES: Final = (Case({"path": "film"}, files=_film),)
