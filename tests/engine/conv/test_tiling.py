"""Inference in tiles gives what the whole gives, with little memory beside input and output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.draws import draws
from tests.engine.conv.grid_maps import TOLERANCE, Map, axes, maps, numbers
from tests.engine.counting import Counter
from zoo.engine import lower
from zoo.engine.conv import plans, tiling
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.convolution import FINE_FIRST, Convolution
from zoo.engine.conv.gemm_chw import GemmCHW
from zoo.engine.conv.gemm_nhwc import GemmNHWC
from zoo.engine.conv.plans import Weight, plan_conv2d
from zoo.engine.conv.tiling import Band, dgrad_bands, forward_in_tiles, fprop_bands
from zoo.nn import Conv2d, ConvTranspose2d, Module, ReLU, Sequential, Sigmoid, Upsampling
from zoo.nn.parameter import Parameter

SEVERAL = draws(150)
AS_THEY_ARE = (0, 1, 2, 3)  # the axes of a weight that is (kh, kw, Cfine, Ccoarse) already


def connected(axis: Axis) -> set[tuple[int, int, int]]:
    """(tap, coarse row, fine row) of all that are connected."""
    return {
        (tap, v, axis.stride * v + offset)
        for tap, offset in enumerate(axis.offsets)
        for v in range(axis.coarse)
        if 0 <= axis.stride * v + offset < axis.fine
    }


def in_the_whole(band: Band, coarse: slice, first: int) -> set[tuple[int, int, int]]:
    """The band's connections, in rows of the whole images; ``first`` is its first fine row."""
    return {(tap, v + coarse.start, u + first) for tap, v, u in connected(band.rows)}


def fill(parts: Sequence[Band], rows: int) -> bool:
    """Whether the output's rows are all filled, each once, from top to bottom."""
    ends = [(band.outputs.start, band.outputs.stop) for band in parts]
    return (
        ends[0][0] == 0
        and ends[-1][1] == rows
        and all(start < stop for start, stop in ends)
        and all(above[1] == below[0] for above, below in pairwise(ends))
    )


@SEVERAL
@given(axes(), st.integers(1, 10))
def test_bands_of_fprop(axis: Axis, height: int) -> None:
    parts = list(fprop_bands(axis, height))
    assert fill(parts, axis.coarse)
    for band in parts:
        assert band.rows.coarse == band.outputs.stop - band.outputs.start <= height
        assert band.rows.fine == band.inputs.stop - band.inputs.start
        assert 0 <= band.inputs.start < band.inputs.stop <= axis.fine
        own = {(t, v, u) for t, v, u in connected(axis) if v in range(axis.coarse)[band.outputs]}
        assert in_the_whole(band, band.outputs, band.inputs.start) == own


@SEVERAL
@given(axes(upsampled=True), st.integers(1, 10), st.booleans())
def test_bands_of_dgrad(axis: Axis, height: int, upsampled: bool) -> None:
    below = axis.stride - 1 if upsampled else 0
    parts = list(dgrad_bands(axis, height, upsampled))
    assert fill(parts, axis.fine - below)
    for band in parts:
        assert band.outputs.stop - band.outputs.start <= height * axis.stride
        assert band.rows.coarse == band.inputs.stop - band.inputs.start
        assert 0 <= band.inputs.start < band.inputs.stop <= axis.coarse
        fine = range(band.outputs.start, band.outputs.stop + below)
        assert band.rows.fine == len(fine)
        own = {(tap, v, u) for tap, v, u in connected(axis) if u in fine}
        assert in_the_whole(band, band.inputs, band.outputs.start) == own


@pytest.mark.parametrize("size", [32, 33])
def test_a_band_takes_no_more_rows_than_it_needs(size: int) -> None:
    """Kernel 3, padding 1: one row above and one below; of four cells, one coarse row more."""
    rows = Axis(size, size, 1, (-1, 0, 1))
    inner = list(fprop_bands(rows, 4))[1:-2]
    assert inner
    assert all(band.rows.fine == 6 for band in inner)
    assert len({band.rows for band in inner}) == 1  # one kernel serves them all
    halved = Axis(size, 2 * size, 2, (-1, 0, 1))
    assert all(band.rows.coarse == 5 for band in list(dgrad_bands(halved, 4))[:-2])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Convolution, Map]:
    upsampled = draw(st.booleans())
    case = draw(maps(GemmNHWC if draw(st.booleans()) else GemmCHW, upsampled))
    if upsampled or draw(st.booleans()):
        flipped = draw(st.booleans())
        plan = Convolution(case.kernel, FINE_FIRST, flipped, transposed=True, upsampled=upsampled)
        return plan, case
    return Convolution(case.kernel, AS_THEY_ARE), case


@SEVERAL
@given(cases(), st.sampled_from([1, 40, 200, 1000, 10_000]), st.booleans())
def test_the_parts_make_the_whole(
    drawn: tuple[Convolution, Map], at_once: int, biased: bool
) -> None:
    plan, case = drawn
    expands = plan.transposed
    weight = case.weight.permute(2, 3, 0, 1) if expands else case.weight
    numbers = (case.fine_bias if expands else case.coarse_bias) if biased else None
    bias = None if numbers is None else Parameter(numbers)
    x = case.coarse if expands else case.fine
    kept = x.clone()
    whole, _ = plan.forward(x, Parameter(weight), bias)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiling, "ELEMENTS_AT_ONCE", at_once)
        parts = forward_in_tiles(plan, x, Parameter(weight), bias)
    torch.testing.assert_close(parts, whole, rtol=TOLERANCE, atol=TOLERANCE)
    assert x.equal(kept)


def test_a_wrong_offset_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(rows: Axis, height: int) -> Iterator[Band]:
        for band in fprop_bands(rows, height):
            offsets = tuple(offset + bool(band.outputs.start) for offset in band.rows.offsets)
            axis = Axis(band.rows.coarse, band.rows.fine, band.rows.stride, offsets)
            yield Band(band.inputs, band.outputs, axis)

    axis = Axis(5, 5, 1, (-1, 0, 1))
    case = numbers(GemmNHWC(axis, axis, 1, 2, 2))
    plan, weight = Convolution(case.kernel, AS_THEY_ARE), Parameter(case.weight)
    whole, _ = plan.forward(case.fine, weight, None)
    monkeypatch.setattr(tiling, "fprop_bands", shifted)
    monkeypatch.setattr(tiling, "ELEMENTS_AT_ONCE", 1)
    parts = forward_in_tiles(plan, case.fine, weight, None)
    assert parts[:, :, :1].allclose(whole[:, :, :1])
    assert not parts[:, :, 1:].allclose(whole[:, :, 1:])


@pytest.fixture(params=["strided", "same", "transposed", "few", "groups"])
def network(request: pytest.FixtureRequest) -> Sequential:
    """Networks of fast convolutions, some behind an activation, that keep the size of an image."""
    layers: dict[str, list[Module]] = {
        "strided": [
            *(Conv2d(3, 8, 3, 2, 1), ReLU(), Conv2d(8, 16, 3, 2, 1), ReLU()),
            *(Upsampling(16, 8, 3, padding=1), ReLU(), Upsampling(8, 3, 3, padding=1), Sigmoid()),
        ],
        "same": [
            Sigmoid(),
            Conv2d(3, 8, 5, padding="same"),
            ReLU(),
            Conv2d(8, 3, 4, padding="same"),
        ],
        "transposed": [
            *(Conv2d(3, 8, 3, 2, 1), ReLU()),
            *(ConvTranspose2d(8, 8, 3, 2, 1, 1), Sigmoid(), ConvTranspose2d(8, 3, 3, 1, 1)),
        ],
        "few": [Conv2d(3, 3, 3, padding=1), ReLU(), Conv2d(3, 3, 3, padding=1)],
        "groups": [Conv2d(3, 6, 3, padding=1, groups=3), Conv2d(6, 3, 3, padding=1, groups=3)],
    }
    return Sequential(*layers[request.param])


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> int:
    """Parts of that many numbers, where they would be larger."""
    limit = 2**13
    monkeypatch.setattr(plans, "MIN_FAST_MACS", 0)
    monkeypatch.setattr(tiling, "ELEMENTS_AT_ONCE", limit)
    return limit


def peak(network: Sequential, x: Tensor) -> int:
    """Bytes of all tensors at the peak of a pass in evaluation mode, without x."""
    with Counter() as counter, torch.no_grad():
        lower(network.eval()).forward(x)
    return counter.peak


def test_memory_of_a_large_image(network: Sequential, at_once: int) -> None:
    """What a layer takes in evaluation is its input, its output, and a few parts."""
    size = 128
    x = torch.zeros(1, 3, size, size)
    images: list[tuple[int, ...]] = [x.shape[1:]]
    sizes = []
    for layer in network:
        images.append(layer.output_shape(images[-1]))
        sizes.append(sum(torch.Size(shape).numel() for shape in images[-2:]))
    assert peak(network, x) <= 4 * (max(sizes) + 3 * at_once)
    larger = torch.zeros(1, 3, 4 * size, size)
    assert peak(network, larger) <= 4 * (4 * max(sizes) + 3 * at_once)


def test_without_parts_it_would_be_more(
    network: Sequential, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.zeros(1, 3, 128, 128)
    found = peak(network, x)
    monkeypatch.setattr(tiling, "ELEMENTS_AT_ONCE", 2**40)
    assert peak(network, x) > 1.3 * found


def test_a_hundred_small_images_are_one_tile() -> None:
    layer = Conv2d(3, 64, 6, 2, 2)
    plan = plan_conv2d(
        100, (32, 32), (16, 16), Weight.of(layer.weight), (2, 2), layer.padding, (1, 1)
    )
    with Counter() as counter:
        forward_in_tiles(plan, torch.zeros(100, 3, 32, 32), layer.parameters["weight"], None)
    assert counter.products == 1
