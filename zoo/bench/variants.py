"""The ways to run a network that are timed side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from zoo.compiler import Compiler
from zoo.engine import lower
from zoo.inference.any_size import size_to_give
from zoo.inference.tiles import tiled_tensor
from zoo.nn import Sequential
from zoo.spec.shapes import Pair
from zoo.torch_backend.references import References
from zoo.torch_backend.step import training_step
from zoo.train.session import initial_model
from zoo.train.step import TrainStep

Step = Callable[[Tensor, Tensor], Tensor]  # (x, target) -> the loss before the update
Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Variant:
    """A way to run a network.

    Attributes:
        name: in JSON.
        title: for a person.
        layout: how images and weights lie in memory.
        compiled: the mode of ``torch.compile``; None where it is not used.
    """

    name: str
    title: str
    layout: torch.memory_format = torch.contiguous_format
    compiled: str | None = None


ZOO: Final = Variant("zoo", "zoo")
NCHW: Final = Variant("nchw", "torch.nn")
NHWC: Final = Variant("channels_last", "torch.nn channels_last", torch.channels_last)
COMPILED: Final = Variant("compile", "torch.compile", compiled="default")
AUTOTUNED: Final = Variant("autotuned", "torch.compile max-autotune", compiled="max-autotune")
VARIANTS: Final[Mapping[str, Variant]] = MappingProxyType(
    {variant.name: variant for variant in (ZOO, NCHW, NHWC, COMPILED, AUTOTUNED)}
)


def variants_for(device: torch.device, with_torch: bool, compiled: bool) -> tuple[Variant, ...]:
    """What is timed on a device; on a GPU ``torch.compile`` in its best mode too."""
    if not with_torch:
        return (ZOO,)
    modes = (COMPILED, AUTOTUNED) if device.type == "cuda" else (COMPILED,)
    return (ZOO, NCHW, NHWC, *(modes if compiled else ()))


class Sides:
    """Makes the network of an architecture in each variant, always with the same initial weights.

    Args:
        compiler: of the architecture; its ``[train]`` table has the seed that decides the weights,
            and the precision of training steps.
        device: where to compute.
        warn: is called with why zoo's steps are not captured on a GPU.
    """

    def __init__(
        self,
        compiler: Compiler,
        device: torch.device,
        warn: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.compiler = compiler
        self.device = device
        self.warn = warn
        self.precision = compiler.architecture.train.precision

    def step(
        self, variant: Variant, dtype: torch.dtype = torch.float32, moved: int | None = None
    ) -> Step:
        """A training step from the initial weights: forward, loss, backward and update.

        Args:
            variant: how.
            dtype: of weights and images; the precision is that of the file for float32 only.
            moved: a seed, by which each initial weight goes up or down by its last bit.

        Raises:
            PluginError: something has no torch reference.
        """
        model = self._model().to(dtype)
        if moved is not None:
            _move_by_a_bit([value for value, _ in model.param()], moved)
        precision = self.precision if dtype == torch.float32 else "float32"
        if variant == ZOO:
            optimizer = self.compiler.optimizer(model.param())
            loss = self.compiler.loss()
            return TrainStep(model, loss, optimizer, precision=precision, warn=self.warn)
        references = References(self.compiler)
        reference = _laid_out(references.model(model), variant)
        optimizer = references.optimizer(model, reference.parameters())
        run = _compiled(reference, variant)
        return training_step(run, references.loss(), optimizer, precision, self.device)

    def forward(self, variant: Variant) -> Forward:
        """Inference with the initial weights, without gradients; raises as ``step``."""
        model = self._model().eval()
        if variant == ZOO:
            return lower(model, self.warn)
        run = _compiled(_laid_out(References(self.compiler).model(model), variant), variant)

        @torch.inference_mode()
        def forward(x: Tensor) -> Tensor:
            return run(x)

        return forward

    def picture(self, variant: Variant, size: Pair, depth: int = 16) -> tuple[Forward, Pair]:
        """Inference of a picture of any size, and the size of what it is given.

        zoo is given the picture, and cuts it into tiles; torch.nn what the network gives back: the
        picture extended to the next such size. For a ``depth`` of 8 bits zoo's convolutions may
        round more, as in :meth:`zoo.inference.Denoiser.precision`. Raises as ``step``.
        """
        model = self._model().eval()
        if variant == ZOO:
            return partial(tiled_tensor, lower(model, self.warn, fast=depth == 8)), size
        channels = self.compiler.architecture.input.channels
        return self.forward(variant), size_to_give(model, channels, size)

    def _model(self) -> Sequential:
        compiler = self.compiler
        return initial_model(compiler, compiler.architecture.train.seed).to(self.device)


def _move_by_a_bit(weights: Sequence[Tensor], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for weight in weights:
        up = torch.randint(2, weight.shape, generator=generator).to(weight.device) == 1
        infinity = torch.where(up, torch.inf, -torch.inf).to(weight.dtype)
        weight.copy_(torch.where(weight == 0, weight, torch.nextafter(weight, infinity)))


def _laid_out(reference: torch.nn.Module, variant: Variant) -> torch.nn.Module:
    # torch's annotations do not know that a layout alone can be given
    moved: torch.nn.Module = reference.to(memory_format=variant.layout)  # type: ignore[call-overload]
    return moved


def _compiled(reference: torch.nn.Module, variant: Variant) -> Forward:
    if variant.compiled is None:
        return reference
    # Each size of a batch gets a program of its own, the fastest.
    return torch.compile(reference, mode=variant.compiled, dynamic=False)
