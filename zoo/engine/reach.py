"""How far the pixels of a network's input reach into its output, measured.

A large image may be computed in parts if each part sees enough of what is around it. How much that
is, and where parts may begin, is asked of the module itself, so that it holds for any layer, a
plugin's too: what is not a number spreads exactly as far as a pixel can reach, through weights that
are zero as well. That a part then has the whole image's output is tried out too, with weights drawn
at random: it has not where a layer looks at the position, at the whole image, or at random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from math import nan, prod

import torch
from torch import Tensor

from zoo.engine.network import Network
from zoo.engine.parallel.threads import num_threads
from zoo.errors import ShapeError
from zoo.nn.module import Module
from zoo.spec.sizes import LARGEST_STEP

FIRST_LENGTH, MOST_PIXELS = 64, 4096  # of the images that are tried
# Relative to the largest value of the output, where it is rounding in float32.
ROUNDING = 1e-4


@dataclass(frozen=True)
class Reach:
    """Of a network, along one axis.

    Of an image the pixels from p to q are a part of it if p is a multiple of ``step``, and q is, or
    is as far from one as the end of the image. The output of a part is that of the whole image, but
    for the first ``before`` pixels, unless the image begins there, and the last ``after`` ones,
    unless it ends there.
    """

    step: int
    before: int
    after: int


def reach(model: Module, channels: int, size: tuple[int, int], axis: int) -> Reach | None:
    """That of a network which gives back the size of its input.

    Args:
        model: in evaluation mode.
        channels: C of its images.
        size: (H, W) of an image that it gives back; along the other axis the smallest will do.
        axis: 0 for rows, 1 for columns.

    Returns:
        None where no part of an image has the output of the whole.
    """
    with num_threads(1):  # so little work is slower on several
        return _Measurement(model, channels, size, axis).reach()


class _Measurement:
    def __init__(self, model: Module, channels: int, size: tuple[int, int], axis: int) -> None:
        self._generator = torch.Generator().manual_seed(0)
        self._network = Network(_with_random_weights(model, self._generator))
        self._channels, self._size, self._axis = channels, size, axis
        weights = [parameter.value for parameter in model.param()]
        self._like = weights[0] if weights else torch.zeros(())

    @torch.no_grad()
    def reach(self) -> Reach | None:
        """See above."""
        for step in _steps(self._is_size, self._size[self._axis]):
            for length in self._lengths(step):
                found = self._spread(length, step)
                if found is not None:
                    if self._holds(length, found):
                        return found
                    break  # a longer image would not change it: another step may
            else:
                return None  # each pixel is decided by more than can be tried
        return None

    def _is_size(self, length: int) -> bool:
        try:
            shape = self._network.model.output_shape(self._shape(length))
        except ShapeError:
            return False
        return tuple(shape[1:]) == self._shape(length)[1:]

    def _shape(self, length: int) -> tuple[int, int, int]:
        height, width = self._size
        size = (length, width) if self._axis == 0 else (height, length)
        return self._channels, *size

    def _lengths(self, step: int) -> Iterator[int]:
        """Lengths to try, from small to large, that differ from the image's by whole steps."""
        length = max(FIRST_LENGTH, 4 * step)
        while length <= MOST_PIXELS:
            fitting = length + (self._size[self._axis] - length) % step
            if self._is_size(fitting):
                yield fitting
            length *= 2

    def _spread(self, length: int, step: int) -> Reach | None:
        """How far a step in the middle of an image spreads; None where the image is too short."""
        start = length // 2 // step * step
        image = self._image(length)
        image.narrow(self._axis - 2, start, step).fill_(nan)
        output = self._network.forward(image).isnan().flatten(0, 1).any(0).any(1 - self._axis)
        reached = torch.nonzero(output).flatten().tolist()
        first, last = (reached[0], reached[-1]) if reached else (start, start + step - 1)
        before, after = max(0, last - start - step + 1), max(0, start - first)
        ends = first >= step and last < length - step
        return Reach(step, before, after + length % step) if ends else None

    def _holds(self, length: int, found: Reach) -> bool:
        """Whether parts of a random image have its output."""
        image = self._image(length)
        whole = self._network.forward(image)
        limit = ROUNDING * float(whole.abs().max())
        middle = length // 2 // found.step * found.step
        for start in (middle - found.step, middle):
            end = start + (length - start) % found.step
            if not self._is_size(length - start) or not self._is_size(end):
                return False
            behind = self._network.forward(self._narrow(image, start, length))
            ahead = self._network.forward(self._narrow(image, 0, end))
            for part, first, last, offset in (
                (behind, start + found.before, length, start),
                (ahead, 0, end - found.after, 0),
            ):
                if first < last:
                    expected = self._narrow(whole, first, last)
                    given = self._narrow(part, first - offset, last - offset)
                    if not bool((given - expected).abs().max() <= limit):  # not of NaN either
                        return False
        return True

    def _image(self, length: int) -> Tensor:
        image = torch.rand((1, *self._shape(length)), generator=self._generator)
        return image.to(self._like.device, self._like.dtype)

    def _narrow(self, image: Tensor, first: int, last: int) -> Tensor:
        return image.narrow(self._axis - 2, first, last - first)


def _steps(is_size: Callable[[int], bool], size: int) -> Iterator[int]:
    """Steps that parts could begin at: sizes that differ by them are given back."""
    powers = [2**power for power in range(9)]
    others = [odd * power for odd in (3, 5, 7, 9, 15) for power in powers]
    for step in [*powers, *sorted(others)]:
        first = size % step + LARGEST_STEP // step * step
        if step <= LARGEST_STEP and is_size(first) and is_size(first + step):
            yield step


def _with_random_weights(model: Module, generator: torch.Generator) -> Module:
    """A copy with other weights, none of them zero."""
    copied = deepcopy(model)
    for value, _ in copied.param():
        inputs = max(1, prod(value.shape[1:]))
        random = torch.randn(value.shape, generator=generator) * (2 / inputs) ** 0.5
        value.copy_(random if value.dim() > 1 else random.abs() + 0.5)
    return copied
