"""``FILE.dtmodel``: what darktable 5.6 imports, a zip of an ONNX model and what it is.

darktable takes the name of the folder in the zip as the model's id, gives the model sRGB values in
[0, 1], tile by tile, and looks for names, task and licence in ``config.json``.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zoo.errors import ComparisonError, UsageError
from zoo.export.agreement import network_outputs, noise
from zoo.export.graph import Graph
from zoo.export.onnx_file import agree, check
from zoo.export.onnx_model import any_size, writers
from zoo.export.trained import Trained
from zoo.files import to_json

OPSET = 20
TILE = 768  # pixels; what darktable's own models for denoising take
OVERLAP = 64  # of darktable's tiles, in pixels on each side
COLOURS = 3


def write(trained: Trained, file: Path, tile: int | None) -> list[str]:
    """Write the network, and compare what onnxruntime makes of the model in the zip with it.

    A network of one channel is given red, green and blue by themselves.

    Returns:
        What there is to say of the file, a line each.

    Raises:
        ComparisonError: what is in the zip is not valid, or computes something else.
        UsageError: the network takes neither one channel nor three.
        PluginError: as for :func:`zoo.export.onnx_model.onnx_model`.
    """
    tile = tile or TILE
    config = _config(trained, file.stem, tile)
    model = _model(trained, file.name, tile)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr(f"{config['id']}/config.json", to_json(config, indent=2) + "\n")
        container.writestr(f"{config['id']}/model.onnx", model.SerializeToString())
    return [
        f"{config['id']} for darktable: ONNX, opset {OPSET}, 1x3x{tile}x{tile}",
        _checked(trained, file, config, tile),
        *_remarks(trained),
    ]


def _model(trained: Trained, target: str, tile: int) -> Any:
    graph = Graph(trained.network, writers(trained), OPSET)
    shape = [1, COLOURS, tile, tile]
    channels = trained.architecture.input.channels
    if channels == COLOURS:
        y = any_size(trained, graph, "input", target, tile)
    elif channels == 1:
        each = graph.node("Reshape", "input", graph.constant([COLOURS, 1, tile, tile]))
        each = any_size(trained, graph, each, target, tile)
        y = graph.node("Reshape", each, graph.constant(shape))
    else:
        raise UsageError(
            f"{target}: the network takes {channels} channels. darktable's images have 3; use a "
            "network of 3 channels, or of 1."
        )
    return graph.model(y, shape, shape, trained.architecture.name, trained.provenance())


def _config(trained: Trained, stem: str, tile: int) -> dict[str, Any]:
    """What ``config.json`` says; the model is called as the file is."""
    spec = trained.architecture
    words = re.sub("[^a-z0-9]+", "-", stem.lower()).strip("-").removeprefix("denoise-")
    said = {
        "long_description": spec.description,
        "scope": "single-image denoising",
        "license": trained.licence,
        "notes": "; ".join(_notes(trained)),
    }
    return {
        "id": f"denoise-{words or 'zoo'}",
        "name": f"denoise {words.replace('-', ' ') or 'zoo'}",
        "description": spec.description or f"{spec.name}, a denoiser trained with zoo",
        "task": "denoise",
        "arch": spec.name,
        "backend": "onnx",
        "version": "1.0",
        "tiling": True,
        "attributes": {"input_sizes": [tile]},
        "model_card": {key: value for key, value in said.items() if value},
    }


def _notes(trained: Trained) -> Iterator[str]:
    yield f"trained with zoo {trained.versions.get('zoo', '')}".strip()
    if "val_psnr" in trained.metrics:
        yield f"PSNR {trained.metrics['val_psnr']:.2f} dB on the pictures held out in training"


def _checked(trained: Trained, file: Path, config: dict[str, Any], tile: int) -> str:
    """Open the zip as darktable does, and run its model."""
    with TemporaryDirectory() as folder, zipfile.ZipFile(file) as container:
        names, damaged = container.namelist(), container.testzip()
        container.extractall(folder)
        inside = Path(folder) / names[0].partition("/")[0]
        found = json.loads((inside / "config.json").read_text("utf-8"))
        if damaged or found != config or found["id"] != inside.name:
            raise ComparisonError(f"{file.name}: is damaged. Nothing was kept.")
        check(file.name, inside / "model.onnx")
        image = noise(1, COLOURS, tile, tile)
        channels = trained.architecture.input.channels
        (y,) = network_outputs(trained, [image.view(-1, channels, tile, tile)])
        expected = [y.view(image.shape)]
        return agree(file.name, inside / "model.onnx", [image], expected)


def _remarks(trained: Trained) -> list[str]:
    """What may be seen in darktable."""
    seen = max(trained.architecture.shapes.receptive_field)
    if seen <= 2 * OVERLAP + 1:
        return []
    return [
        f"darktable's tiles overlap by {OVERLAP} pixels; the network looks further "
        f"(receptive field {seen}), so that seams of tiles may differ slightly"
    ]
