"""Runs' folders, made by hand: as ``zoo run`` writes them, and with anything in them."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.tiny import TINY
from zoo.architecture import parse_architecture
from zoo.plugins.registry import Registry, load_registry

LAYERS = (("0", "conv2d"), ("1", "relu"), ("2", "upsampling"), ("3", "sigmoid"))
LAGS = 9


@cache
def registry() -> Registry:
    return load_registry()


@cache
def resolved(folder: Path, text: str = TINY) -> str:
    (folder / "photos").mkdir(exist_ok=True)
    return parse_architecture(text, registry(), "net.toml", folder).text


def layer(name: str, kind: str, **changes: Any) -> dict[str, Any]:
    weights = kind in ("conv2d", "upsampling")
    return {
        **{"name": name, "type": kind, "file": "net.toml", "line": 6, "column": 1},
        **{"mean": 0.1, "std": 0.2, "min": -1.0, "max": 1.0, "zeros": 0.4, "dead": 0.0},
        **{"saturated": 0.0 if kind == "sigmoid" else None, "gradient": 1e-3},
        "weight": 0.1 if weights else None,
        "weight_gradient": 1e-4 if weights else None,
        "update": 0.01 if weights else None,
        "weight_quantiles": [-0.2, -0.1, 0.0, 0.1, 0.2] if weights else None,
        "gradient_quantiles": [-2e-4, -1e-4, 0.0, 1e-4, 2e-4] if weights else None,
        **changes,
    }


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def make_run(
    folder: Path, *, epochs: int = 2, name: str = "photo.png", text: str = TINY, **layers: Any
) -> Path:
    """A finished run; ``_1={"dead": 1.0}`` changes the last figures of layer 1."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "architecture.toml").write_text(resolved(folder.parent, text))
    write_lines(
        folder / "metrics.jsonl",
        [
            {"epoch": epoch, "step": 3 * epoch, "train_loss": 0.5 / epoch, "val_loss": 0.4 / epoch}
            | {"val_psnr": 20.0 + epoch, "lr": 0.01, "seconds": 1.5}
            for epoch in range(1, epochs + 1)
        ],
    )
    write_lines(
        folder / "statistics.jsonl",
        [
            {"version": 1, "epoch": epoch, "step": 3 * epoch, "lr": 0.01, "images": 1}
            | {
                "layers": [
                    layer(of, kind, **(layers.get(f"_{of}", {}) if epoch == epochs else {}))
                    for of, kind in LAYERS
                ]
            }
            for epoch in range(epochs + 1)
        ],
    )
    scores = [{"name": name, "psnr": 28.5, "ssim": 0.8, "psnr_noisy": 20.25}]
    scores.append({"name": "other.png", "psnr": 26.5, "ssim": 0.7, "psnr_noisy": 20.0})
    evaluation = {
        **{"data": "held out of photos", "n_images": 2, "compared_with": "clean"},
        **{"noise": {"type": "gaussian", "sigma": 25}, "psnr": 27.5, "psnr_noisy": 20.125},
        **{"psnr_of_mean_mse": 27.0, "psnr_of_mean_mse_noisy": 20.1, "ssim": 0.75},
        **{"ssim_noisy": 0.3, "weights": "best", "per_image": scores},
        "baselines": {"gaussian_blur": {"psnr": 24.0, "psnr_of_mean_mse": 23.9, "ssim": 0.6}},
    }
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    environment = {"device": "cpu (2 threads)", "versions": {"zoo": "0.1.0", "torch": "2.13.0"}}
    (folder / "environment.json").write_text(json.dumps(environment))
    image = {"name": name, "size": "3x16x16", "sha256": "0" * 64}
    (folder / "data.json").write_text(json.dumps({"train": [image], "held_out": [image]}))
    return folder


def make_pictures(
    run: Path,
    size: int = 64,
    *,
    count: int = 3,
    name: str = "photo.png",
    reference: bool = True,
    correlation: float = 0.0,
) -> None:
    """``images/`` with a worst, median and best image of noise, which is hard to pack."""
    folder = run / "images"
    folder.mkdir(parents=True)
    draws = np.random.default_rng(0)
    images = []
    for number, role in zip(range(1, count + 1), ("worst", "median", "best"), strict=False):
        files = {}
        for kind, end in (("noisy", "noisy"), ("denoised", "denoised"), ("reference", "clean")):
            if kind == "reference" and not reference:
                files[kind] = None
                continue
            files[kind] = f"{number}.{end}.png"
            pixels = draws.integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / str(files[kind]))
        lags = [[correlation] * LAGS for _ in range(LAGS)]
        lags[LAGS // 2][LAGS // 2] = 1.0
        bins = [math.exp(-0.5 * ((i - 30) / 8) ** 2) * 1000 for i in range(61)]
        counts = [round(value) for value in bins]
        images.append(
            {
                **{"name": name, "role": role, "compared_with": "clean" if reference else "noisy"},
                **{"height": size, "width": size, "channels": 3, "region": [0, 0, size, size]},
                **{"psnr": 29.125, "psnr_noisy": 20.2, "files": files},
                "removed": {
                    "sigma": 24.6,
                    "histogram": {"low": -0.35, "high": 0.35, "counts": counts},
                    "autocorrelation": lags,
                },
            }
        )
    content = {"version": 1, "epoch": 2, "step": 6, "weights": "best", "images": images}
    (folder / "images.json").write_text(json.dumps(content))
