"""Which pixels of a layer's input decide which pixels of its output, along one axis. No torch.

An :class:`InputRange` is a function from a range of output pixels to the range of input pixels that
they depend on. Ranges are (first, last), both included; borders are not looked at, so positions may
be negative. Those of single layers come from :func:`window`, :func:`transposed_window`,
:func:`repeat`, :data:`same` and :data:`whole`; :func:`chain` and :func:`union` make a network's of
them, and :func:`receptive_field` says how many pixels that is::

    >>> convolution = window(3, stride=2, before=1)  # 3 taps, stride 2, padding 1
    >>> convolution((0, 4))
    (-1, 9)
    >>> receptive_field(chain(convolution, convolution))
    7

A range has no holes. So pixels that a kernel jumps over (dilation, a stride longer than the kernel)
count as seen, and an input range is at most too long, never too short.

Araujo, Norris, Sim: "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd, inf, lcm
from typing import Final

Range = tuple[float, float]

EMPTY: Final[Range] = (inf, -inf)
MOST_PHASES: Final = 1024  # of which receptive_field takes the largest; a real network has a few


@dataclass(frozen=True)
class InputRange:
    """A function from a range of output pixels to the range of input pixels it depends on.

    Attributes:
        function: that function; it gives ``EMPTY`` for ``EMPTY``.
        period, step: the pattern repeats: ``period`` output pixels further on, the input range is
            ``step`` pixels further on.
    """

    function: Callable[[Range], Range]
    period: int = 1
    step: int = 1

    def __call__(self, outputs: Range) -> Range:
        """The input pixels (first, last) that the output pixels (first, last) depend on."""
        return self.function(outputs)


same: Final = InputRange(lambda outputs: outputs)
"""Each output pixel depends on the input pixel at its place."""

whole: Final = InputRange(lambda outputs: EMPTY if outputs == EMPTY else (-inf, inf))
"""Each output pixel depends on the whole input."""


def window(span: int, stride: int = 1, before: int = 0) -> InputRange:
    """Of a convolution or pooling: output i depends on the ``span`` inputs from i stride - before.

    Args:
        span: pixels from the first to the last tap of the kernel, dilation (k - 1) + 1.
        stride: pixels from one window to the next.
        before: padding at the start of the axis.
    """
    return InputRange(
        lambda outputs: (outputs[0] * stride - before, outputs[1] * stride - before + span - 1),
        step=stride,
    )


def transposed_window(span: int, stride: int = 1, before: int = 0) -> InputRange:
    """Of a transposed convolution: input i adds to the ``span`` outputs from i stride - before.

    Where the span is less than the stride there are outputs that depend on no input: ``EMPTY``.

    Args:
        span: pixels from the first to the last tap of the kernel, dilation (k - 1) + 1.
        stride: output pixels from one input pixel's window to the next one's.
        before: pixels cut off at the start of the axis.
    """

    def inputs(outputs: Range) -> Range:
        first = -_floor(span - 1 - before - outputs[0], stride)  # rounded up
        last = _floor(outputs[1] + before, stride)
        return (first, last) if first <= last else EMPTY

    return InputRange(inputs, period=stride)


def repeat(factor: int) -> InputRange:
    """Of nearest-neighbour upsampling: input i becomes the ``factor`` outputs from i factor."""
    return transposed_window(factor, stride=factor)


def chain(*ranges_of: InputRange) -> InputRange:
    """Of layers one after the other, the one nearest the input first."""

    def inputs(outputs: Range) -> Range:
        for inputs_of in reversed(ranges_of):
            outputs = inputs_of(outputs)
        return outputs

    period, step = 1, 1
    for inputs_of in ranges_of:
        times = period // gcd(inputs_of.step, period)  # until it has moved by whole periods
        period, step = times * inputs_of.period, times * inputs_of.step // period * step
    return InputRange(inputs, period, step)


def union(*ranges_of: InputRange) -> InputRange:
    """Of parallel branches whose outputs are added or put together: the range over all of them.

    Their outputs have one size, and so have their inputs.
    """

    def inputs(outputs: Range) -> Range:
        ranges = [inputs_of(outputs) for inputs_of in ranges_of]
        return min(first for first, _ in ranges), max(last for _, last in ranges)

    period = lcm(*(inputs_of.period for inputs_of in ranges_of))
    return InputRange(inputs, period, step=period // ranges_of[0].period * ranges_of[0].step)


def receptive_field(inputs_of: InputRange) -> float:
    """The largest number of input pixels that one output pixel depends on; ``inf`` for ``whole``.

    Upsampling makes it differ from pixel to pixel, in a pattern that repeats; the largest is looked
    for in the first 1024 pixels of it.
    """
    phases = range(min(inputs_of.period, MOST_PHASES))
    return max(0, *(_length(inputs_of((output, output))) for output in phases))


def _length(pixels: Range) -> float:
    return pixels[1] - pixels[0] + 1


def _floor(position: float, divisor: int) -> float:
    """The quotient rounded down; an infinite one stays infinite, where ``//`` gives nan."""
    return position if position in (inf, -inf) else position // divisor
