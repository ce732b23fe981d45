"""The shipped architectures, those of plugins where these are installed, and their convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoo.architecture import read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.nn import Conv2d, ConvTranspose2d, Module, NearestUpsampling, Sequential, Upsampling
from zoo.plugins.registry import load_registry
from zoo.spec.shapes import Pair
from zoo.train.session import initial_model

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
OF_PLUGINS = {"n2n_unet": "zoo-unet", "dncnn": "zoo-residual", "resnet_small": "zoo-residual"}


def compiler(name: str, monkeypatch: pytest.MonkeyPatch, *changes: str) -> Compiler:
    """The compiler of a shipped architecture with changes as of ``--set``.

    Skips the test where its plugin is not installed.
    """
    plugin = OF_PLUGINS.get(name, "")
    if plugin and find_spec(plugin.replace("-", "_")) is None:
        pytest.skip(f"{name} is made with {plugin}, which is not installed")
    monkeypatch.setenv("ZOO_PLUGINS", plugin)
    registry = load_registry()
    overrides = parse_overrides(changes, ARCHITECTURES)
    spec = read_architecture(ARCHITECTURES / f"{name}.toml", registry, overrides)
    return Compiler(spec, registry)


@dataclass(frozen=True)
class Use:
    """One pass through a convolution.

    Attributes:
        layer: which; an upsampling and its convolution are one.
        weight: its weight.
        n: images.
        size, y_size: of input and output.
    """

    layer: Module
    weight: Tensor
    n: int
    size: Pair
    y_size: Pair

    @property
    def multiply_adds(self) -> int:
        """Of one of its three products: each pixel of the smaller image with the whole weight."""
        height, width = self.y_size if isinstance(self.layer, Conv2d) else self.size
        return self.n * height * width * self.weight.numel()


def convolutions(compiler: Compiler, batch: int) -> list[Use]:
    """The convolutions of a network in the order of a forward pass, each once."""
    model = initial_model(compiler, 0)
    model.forward(torch.zeros(batch, *compiler.architecture.input.shape))
    return list(_uses(model))


def _uses(module: Module) -> Iterator[Use]:
    if isinstance(module, Conv2d | ConvTranspose2d):
        images, _, y_shape = module.saved()
        yield Use(module, module.weight, len(images), images.shape[2:], y_shape[2:])
    children = list(module.children.values())
    for before, child in zip([None, *children], children, strict=False):
        if isinstance(before, NearestUpsampling) and isinstance(child, Conv2d):
            layer = module if isinstance(module, Upsampling) else Sequential(before, child)
            (x_shape,), (_, _, y_shape) = before.saved(), child.saved()
            yield Use(layer, child.weight, x_shape[0], x_shape[2:], y_shape[2:])
        else:
            yield from _uses(child)
