"""The memory layout of images: where a pixel lies, and that zeros surround it."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.draws import draws
from zoo.engine.conv.padded import PaddedNHWC

SEVERAL = draws(100)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[PaddedNHWC, tuple[int, int]]:
    """A layout, and the size of an image that fits."""
    phases, rows, pitch = (draw(st.integers(1, 4)) for _ in range(3))
    above, below, n, before, behind, channels = (draw(st.integers(0, 3)) for _ in range(6))
    height = draw(st.integers(phases * (rows - 1) + 1, phases * rows))
    layout = PaddedNHWC(phases, above, rows, below, n + 1, pitch, before, behind, channels + 1)
    return layout, (height, draw(st.integers(1, pitch)))


@SEVERAL
@given(layouts())
def test_each_pixel_is_where_it_is_said_to_be_and_all_else_is_zero(
    case: tuple[PaddedNHWC, tuple[int, int]],
) -> None:
    layout, (height, width) = case
    image = torch.rand(layout.n, layout.channels, height, width) + 1
    pixels = layout.pack(image)
    for number in range(layout.n):
        for u in range(height):
            for x in range(width):
                place = layout.pixel(u % layout.phases, u // layout.phases, x)
                found = pixels[place + number * layout.pitch]
                assert found.equal(image[number, :, u, x])
                found.zero_()
    assert not pixels.any()
