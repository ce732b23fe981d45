"""The shipped architectures, those of plugins where these are installed, and their convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from zoo.architecture import read_architecture
from zoo.compiler import Compiler
from zoo.nn import Conv2d, ConvTranspose2d, Upsampling
from zoo.nn.convolution import Convolution, Operator
from zoo.plugins.registry import load_registry
from zoo.spec.shapes import Pair
from zoo.train.session import initial_model

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
OF_PLUGINS = {"n2n_unet": "zoo-unet", "dncnn": "zoo-residual"}


def compiler(name: str, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    """The compiler of a shipped architecture; skips the test where its plugin is not installed."""
    plugin = OF_PLUGINS.get(name, "")
    if plugin and find_spec(plugin.replace("-", "_")) is None:
        pytest.skip(f"{name} is made with {plugin}, which is not installed")
    monkeypatch.setenv("ZOO_PLUGINS", plugin)
    registry = load_registry()
    return Compiler(read_architecture(ARCHITECTURES / f"{name}.toml", registry), registry)


@dataclass(frozen=True)
class Use:
    """One pass through a convolution.

    Attributes:
        layer: which; an upsampling and its convolution are one.
        n: images.
        size, y_size: of input and output.
    """

    layer: Convolution
    n: int
    size: Pair
    y_size: Pair

    @property
    def multiply_adds(self) -> int:
        """Of one of its three products: each pixel of the smaller image with the whole weight."""
        height, width = self.y_size if isinstance(self.layer, Conv2d) else self.size
        return self.n * height * width * self.layer.weight.numel()


def convolutions(compiler: Compiler, batch: int, monkeypatch: pytest.MonkeyPatch) -> list[Use]:
    """The convolutions of a network in the order of a forward pass, each once."""
    uses: list[Use] = []
    with monkeypatch.context() as patch:
        for kind in (Conv2d, ConvTranspose2d, Upsampling):

            def operator(
                self: Convolution,
                n: int,
                size: Pair,
                y_size: Pair,
                chosen: object = kind.operator,
            ) -> Operator:
                uses.append(Use(self, n, size, y_size))
                assert callable(chosen)
                result: Operator = chosen(self, n, size, y_size)
                return result

            patch.setattr(kind, "operator", operator)
        model = initial_model(compiler, 0)
        model.forward(torch.zeros(batch, *compiler.architecture.input.shape))
    return uses
