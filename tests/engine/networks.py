"""Random networks of all layers, of containers, and of layers that the engine does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.layers import (
    AlwaysCentred,
    Centred,
    Concat,
    Counts,
    Doubled,
    MeanOfBatch,
    Noisy,
    ReadsANumber,
    Residual,
    Scale,
    Silent,
)
from zoo.engine.capture import graphed
from zoo.engine.conv import gemm_nhwc, plans, tiling
from zoo.engine.parallel import sharded
from zoo.engine.parallel.threads import num_threads
from zoo.errors import ShapeError
from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    Upsampling,
)

Shape = tuple[int, ...]

DTYPE = torch.float64
LARGEST = 700  # numbers of an image between two layers, which definitions in float64 still like


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def channels(draw: st.DrawFn, c: int, groups: bool = True) -> dict[str, Any]:
    divisors = [n for n in (1, 1, 2, 3) if c % n == 0] if groups else [1]
    count = draw(st.sampled_from(divisors))
    out_channels = count * draw(st.integers(1, max(1, 6 // count)))
    return {
        "in_channels": c,
        "out_channels": out_channels,
        "groups": count,
        "bias": draw(st.booleans()),
    }


@st.composite
def conv2ds(draw: st.DrawFn, shape: Shape) -> Module:
    options = draw(channels(shape[0]))
    if draw(st.booleans()):
        return Conv2d(
            kernel_size=draw(pairs(1, 5)),
            padding="same",
            dilation=draw(pairs(1, 2)),
            **options,
        )
    padding, dilation = draw(pairs(0, 3)), draw(pairs(1, 2))
    kernel_size = tuple(
        draw(st.integers(1, max(1, min(5, (size + 2 * p - 1) // d + 1))))
        for size, p, d in zip(shape[1:], padding, dilation, strict=True)
    )
    return Conv2d(
        kernel_size=kernel_size,
        stride=draw(pairs(1, 3)),
        padding=padding,
        dilation=dilation,
        **options,
    )


@st.composite
def conv_transpose2ds(draw: st.DrawFn, shape: Shape) -> Module:
    kernel_size, stride, dilation = draw(pairs(1, 4)), draw(pairs(1, 3)), draw(pairs(1, 2))
    return ConvTranspose2d(
        kernel_size=kernel_size,
        stride=stride,
        padding=tuple(draw(st.integers(0, (k - 1) // 2)) for k in kernel_size),
        output_padding=tuple(
            draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
        ),
        dilation=dilation,
        **draw(channels(shape[0])),
    )


@st.composite
def upsamplings(draw: st.DrawFn, shape: Shape) -> Module:
    options = draw(channels(shape[0]))
    scale = draw(pairs(1, 3))
    if draw(st.booleans()):
        return Upsampling(
            kernel_size=draw(pairs(1, 4)), padding="same", scale_factor=scale, **options
        )
    size = draw(st.integers(1, 3))
    return Upsampling(kernel_size=size, padding=size // 2, scale_factor=scale, **options)


@st.composite
def upsampled_convolutions(draw: st.DrawFn, shape: Shape) -> list[Module]:
    """Upsampling and a convolution as two modules of a chain."""
    upsample = NearestUpsampling(draw(pairs(1, 2)))
    return [upsample, draw(conv2ds(upsample.output_shape(shape)))]


def of_plugins(c: int) -> list[Callable[[], Module]]:
    """Layers of the plugins that are installed, each for images with c channels."""
    makers: list[Callable[[], Module]] = []
    if find_spec("zoo_residual"):
        from zoo_residual.batch_norm2d import BatchNorm2d

        makers += [
            lambda: BatchNorm2d(c),
            lambda: BatchNorm2d(c, affine=False, track_running_stats=False),
        ]
    if find_spec("zoo_unet"):
        from zoo_unet.leaky_relu import LeakyReLU
        from zoo_unet.max_pool2d import MaxPool2d

        makers += [lambda: LeakyReLU(0.1), lambda: LeakyReLU(0.0), lambda: MaxPool2d(2)]
    return makers


STATED: list[Callable[[], Module]] = [Scale, Centred, AlwaysCentred]  # what they do with a batch
OWN: list[Callable[[], Module]] = [*STATED, Doubled, MeanOfBatch, ReadsANumber, Counts, Noisy]


@st.composite
def containers(draw: st.DrawFn, shape: Shape, own: list[Callable[[], Module]]) -> Module:
    """Some of it once more inside."""
    if draw(st.booleans()):
        inner = [draw(st.builds(ReLU)), Conv2d(shape[0], shape[0], 3, padding="same")]
        body = Sequential(*draw(st.permutations(inner)))
        container = draw(st.sampled_from([*around_a_body(), Residual if own is STATED else Silent]))
        return container(body)
    first = Sequential(Conv2d(shape[0], 2, 3, padding=1), Sigmoid())
    second = draw(
        st.sampled_from(
            [Conv2d(shape[0], 3, 1), Upsampling(shape[0], 5, 3, padding=1, scale_factor=1)]
        )
    )
    return Concat(first, second)


def around_a_body() -> list[Callable[[Module], Module]]:
    """Containers of one body that keeps the shape, those of installed plugins among them."""
    makers: list[Callable[[Module], Module]] = [Residual]
    if find_spec("zoo_residual"):
        from zoo_residual.residual import Residual as PluginsResidual

        makers.append(PluginsResidual)
    if find_spec("zoo_unet"):
        from zoo_unet.reflect_pad import ReflectPad
        from zoo_unet.skip import Skip

        makers += [Skip, lambda body: ReflectPad(body, 2)]
    return makers


@st.composite
def chains(draw: st.DrawFn, shape: Shape, own: list[Callable[[], Module]]) -> list[Module]:
    """The next layers of a network for images of that shape."""
    kinds: list[st.SearchStrategy[Any]] = [
        conv2ds(shape),
        conv2ds(shape),
        st.builds(ReLU),
        st.builds(Sigmoid),
        st.builds(Linear, st.just(shape[-1]), st.integers(1, 6), st.booleans()),
        containers(shape, own),
        st.sampled_from([*own, *of_plugins(shape[0])]).map(lambda make: make()),
        st.builds(lambda: Sequential(ReLU(), Conv2d(shape[0], 4, 3, padding=1), ReLU())),
    ]
    if prod(shape) <= LARGEST // 9:
        kinds += [conv_transpose2ds(shape), upsamplings(shape), upsampled_convolutions(shape)]
    made = draw(st.one_of(kinds))
    return made if isinstance(made, list) else [made]


@dataclass(frozen=True)
class Case:
    """A network, and how it is computed.

    Attributes:
        model: in float64.
        shape: that of an image.
        batch: images.
        threads: that torch has.
        fast: whether small images are computed as large ones are.
        at_once: bytes of a microbatch.
        elements: numbers of a tile, in evaluation mode.
    """

    model: Sequential
    shape: Shape
    batch: int
    threads: int
    fast: bool
    at_once: int
    elements: int

    def images(self, batch: int | None = None, seed: int = 0) -> Tensor:
        """A batch."""
        generator = torch.Generator().manual_seed(seed)
        n = self.batch if batch is None else batch
        return torch.randn(n, *self.shape, dtype=DTYPE, generator=generator)

    @contextmanager
    def as_large(self) -> Iterator[None]:
        """Within it the engine computes small batches as it does large ones."""
        with pytest.MonkeyPatch.context() as patch, num_threads(self.threads):
            if self.fast:
                patch.setattr(plans, "MIN_FAST_MACS", 0)
                patch.setattr(gemm_nhwc, "MIN_STACKED_PIXELS", 0)
            patch.setattr(sharded, "MIN_SHARDED_BYTES", 0)
            patch.setattr(sharded, "MICROBATCH_BYTES", self.at_once)
            patch.setattr(tiling, "ELEMENTS_AT_ONCE", self.elements)
            patch.setattr(graphed, "WARM_UP", 1)
            patch.setattr(graphed, "MAX_GRAPHS", 3)
            yield


@st.composite
def cases(draw: st.DrawFn, own: list[Callable[[], Module]] = OWN) -> Case:
    """A network of up to six layers and containers."""
    own = draw(st.sampled_from([own, STATED]))
    shape: Shape = (draw(st.sampled_from([1, 2, 3, 6])), *draw(pairs(2, 9)))
    now = shape
    modules: list[Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(draw(st.integers(0, 1000)))
        for _ in range(draw(st.integers(1, 5))):
            added = draw(chains(now, own))
            try:
                then = Sequential(*added).output_shape(now)
            except ShapeError:  # too small for it
                break
            if prod(then) > LARGEST:
                break
            modules += added
            now = then
        if not any(module.param() for module in modules):
            modules.append(Conv2d(now[0], 3, 1))
    return Case(
        Sequential(*modules).to(DTYPE),
        shape,
        batch=draw(st.integers(1, 7)),
        threads=draw(st.integers(1, 3)),
        fast=draw(st.sampled_from([True, True, False])),
        at_once=draw(st.sampled_from([1, 10_000, 40_000, 2**30])),
        elements=draw(st.sampled_from([1000, 2**22])),
    )
