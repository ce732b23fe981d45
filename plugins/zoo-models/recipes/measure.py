"""Measure the models and write the figures into their cards.

From an environment where zoo and zoo-models (``pip install -e``) are installed::

    python recipes/measure.py --set14 DIR                 all models, all methods
    python recipes/measure.py photo-small --methods gaussian_blur model

PSNR of gaussian noise of sigma 15, 25 and 50 (seed 0, neither clipped nor rounded) on the demo's
held-out photograph and, where its folder is given, on Set14 at original sizes; as ``zoo evaluate``
measures it. BM3D, which is told sigma, needs ``pip install bm3d`` and is left out without it. What
does not depend on a model is kept in the file ``--kept``, and not measured again. Speed is that of
``zoo.load(NAME)`` on a picture of 1024x1536 pixels, 8 bits, the median of three; nothing else
should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tomli
import tomli_w
import torch
from torch import Tensor

import zoo
from zoo.data.evaluation import EvaluationImage, evaluation_images
from zoo.data.noise.gaussian import Gaussian
from zoo.data.sets import SingleImages
from zoo.data.sources.demo import Demo
from zoo.data.sources.folder import Folder
from zoo.files import write_text
from zoo.nn import Module
from zoo.plugins.model_entry import ModelEntry
from zoo.plugins.registry import Registry, load_registry
from zoo.train.baselines import BASELINES, apply_baseline
from zoo.train.device import device_name
from zoo.train.evaluation import denoised
from zoo.train.metrics import mean_psnr, squared_error
from zoo.train.session import load_trained

CPU = torch.device("cpu")
SIGMAS = (15, 25, 50)
SEED = 0
SPEED_SHAPE = (1024, 1536)
METHODS = ("noisy", *BASELINES, "bm3d", "model")
Figures = dict[str, float]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="all models unless given")
    parser.add_argument(
        "--set14", type=Path, metavar="DIR", help="the folder with Set14's pictures"
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--kept", type=Path, default=Path("classical.json"), metavar="FILE")
    options = parser.parse_args()
    registry = load_registry()
    names = options.names or [model.entry.name for model in registry.models]
    for name in names:
        entry = registry.model(name).entry
        print(name, flush=True)
        measured = measure(entry, registry, options.set14, options.methods, options.kept)
        card = tomli.loads(entry.card_path.read_text("utf-8"))
        write_text(entry.card_path, tomli_w.dumps({**card, "measured": measured}))


def measure(
    entry: ModelEntry, registry: Registry, set14: Path | None, methods: Sequence[str], kept: Path
) -> dict[str, Any]:
    """The table ``measured`` of a model's card."""
    compiler, network = load_trained(entry.verified_path(), registry)
    channels = compiler.architecture.input.channels
    extent = compiler.architecture.shapes.receptive_field
    return {
        "parameters": sum(value.numel() for value, _ in network.param()),
        "receptive_field": [math.ceil(pixels) for pixels in extent],
        "command": f"python recipes/measure.py {entry.name} --set14 set14",
        "psnr": [
            figure(network, pictures, data, sigma, methods, kept)
            for pictures, data in pictures_of(channels, set14)
            for sigma in SIGMAS
        ],
        "speed": speed(zoo.load(entry.name, device="cpu"), channels),
    }


def pictures_of(channels: int, set14: Path | None) -> list[tuple[str, SingleImages]]:
    """What is measured on, by name."""
    demo = Demo(channels)
    found = [("chelsea", demo.take([demo.names.index("chelsea")]))]
    return found if set14 is None else [("Set14", Folder(str(set14), channels)), *found]


def figure(
    network: Module,
    pictures: str,
    data: SingleImages,
    sigma: int,
    methods: Iterable[str],
    kept: Path,
) -> dict[str, Any]:
    """A row: the mean PSNR of each method."""
    images = evaluation_images(data, Gaussian(sigma), SEED)
    psnr: Figures = {}
    for method in methods:
        if method == "model":
            outputs = denoised(network, images, CPU)
            psnr[method] = mean(images, (output.clamp(0, 1) for output in outputs))
        elif method != "bm3d" or find_spec("bm3d"):
            key = f"{pictures}, {data.images[0].shape[0]} channels, sigma {sigma}, {method}"
            psnr[method] = remembered(kept, key, lambda m=method: classical(m, images, sigma))
        print(f"  {pictures} {sigma}: {method} {psnr.get(method, math.nan):.2f} dB", flush=True)
    rounded = {name: round(value, 3) for name, value in psnr.items()}
    return {"pictures": pictures, "sigma": sigma, "seed": SEED, "dB": rounded}


def classical(method: str, images: Sequence[EvaluationImage], sigma: float) -> float:
    """The mean PSNR of a method that is no model; the noisy picture's own is not clipped."""
    if method == "noisy":
        return mean(images, (image.noisy for image in images))
    if method == "bm3d":
        return mean(images, (bm3d(image.noisy, sigma).clamp(0, 1) for image in images))
    return mean(images, (apply_baseline(method, image.noisy).clamp(0, 1) for image in images))


def bm3d(noisy: Tensor, sigma: float) -> Tensor:
    """BM3D (Dabov, Foi, Katkovnik, Egiazarian, 2007), of colour CBM3D; (C, H, W) -> (C, H, W)."""
    import bm3d as library

    pixels = noisy.permute(1, 2, 0).numpy()  # H, W, C
    method = library.bm3d_rgb if pixels.shape[2] == 3 else library.bm3d
    clean = method(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels, sigma / 255)
    return torch.from_numpy(np.atleast_3d(clean).astype(np.float32)).permute(2, 0, 1)


def mean(images: Sequence[EvaluationImage], outputs: Iterable[Tensor]) -> float:
    """The mean PSNR in dB."""
    pairs = zip(images, outputs, strict=True)
    return mean_psnr([squared_error(output, image.reference) for image, output in pairs])


def remembered(kept: Path, key: str, compute: Callable[[], float]) -> float:
    """A figure of the file, measured and added to it if it is not there."""
    figures: Mapping[str, float] = json.loads(kept.read_text()) if kept.exists() else {}
    if key not in figures:
        figures = {**figures, key: compute()}
        write_text(kept, json.dumps(figures, indent=2) + "\n")
    return figures[key]


def speed(denoiser: Callable[[Any], Any], channels: int) -> dict[str, Any]:
    """The ``speed`` of a card."""
    draws = np.random.default_rng(SEED)
    picture = draws.integers(256, size=(*SPEED_SHAPE, channels), dtype=np.uint8)
    seconds = [timed(denoiser, picture) for _ in range(4)][1:]
    megapixels = math.prod(SPEED_SHAPE) / 1e6
    height, width = SPEED_SHAPE
    return {
        "megapixels_per_second": float(f"{megapixels / statistics.median(seconds):.2g}"),
        "on": f"{device_name(CPU)}, a picture of {height}x{width} pixels",
    }


def timed(denoiser: Callable[[Any], Any], picture: Any) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    denoiser(picture)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
