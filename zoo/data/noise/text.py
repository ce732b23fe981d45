"""Text over a picture: strings of random letters, sizes, colours and places."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy, uniform
from zoo.errors import ArgumentError
from zoo.spec.constraints import ascending_ranges

LETTERS = string.ascii_letters + string.digits
SHORTEST, LONGEST = 3, 12  # letters of a string
SMALLEST, LARGEST = 6, 128  # sizes in which letters can be drawn, in pixels
MOST_COVERED = 0.9  # more would take strings without end, which lie on top of each other

Array = np.ndarray[Any, np.dtype[Any]]


class Text(Noise):
    """Strings, each of one random colour in [0, 1]^C, cover a part of the image.

    What is covered does not depend on the image, and is not known: there is no mask. The mean of
    copies is not the clean image, but where less than half is covered their median is. So with
    noisy targets it is learnt with the loss ``l1`` (Lehtinen et al., "Noise2Noise: Learning Image
    Restoration without Clean Data", ICML 2018, section 3.2: covered parts in [0, 0.5] to train,
    about 0.25 to evaluate). The font is the one that comes with Pillow.

    Args:
        coverage: the part of the pixels that is covered, in [0, 0.9]; or [low, high]. It is met
            as nearly as whole letters allow.
        size: of the font, in pixels from 6 to 128; or [low, high], both inclusive, to draw it for
            each string.

    Raises:
        ArgumentError: ``coverage`` or ``size`` is something else.
    """

    unbiased = False

    def __init__(
        self, coverage: float | Sequence[float] = (0, 0.5), size: int | Sequence[int] = (8, 32)
    ) -> None:
        self.coverage = uniform("text noise", "coverage", coverage, 0, MOST_COVERED)
        ends = tuple(size) if isinstance(size, (list, tuple)) else (size, size)
        if len(ends) != 2 or not all(_is_size(end) for end in ends):
            raise ArgumentError(
                f"text noise: size is {size!r}. It is an integer >= {SMALLEST} and <= {LARGEST}, "
                "or two in ascending order."
            )
        ascending_ranges("text noise", {"size": size})
        self.sizes = ends
        self._rendered: dict[int, list[Array]] = {}  # the letters of each size

    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """One copy of each crop with text over it."""
        n = crops.clean.shape[0]
        coverage = self.coverage.draw(n, generator).flatten().tolist()
        (seed,) = torch.randint(2**62, (1,), generator=generator).tolist()
        draws = np.random.default_rng(seed)
        image = crops.clean.clone()
        for each, covered in zip(image, coverage, strict=True):
            self._cover(each, covered, draws)
        return Noisy(image)

    def _cover(self, image: Tensor, coverage: float, draws: np.random.Generator) -> None:
        """Draw strings over an image (C, H, W) until so much of it is covered."""
        pixels = image.numpy()
        channels, height, width = pixels.shape
        covered = np.zeros((height, width), dtype=bool)
        left = coverage * covered.size
        while left > 0:
            colour = draws.random((channels, 1), dtype=np.float32)
            for top, start, letter in self._letters(height, width, draws):
                rows = slice(max(top, 0), top + letter.shape[0])
                columns = slice(max(start, 0), max(start + letter.shape[1], 0))
                under = covered[rows, columns]
                seen = letter[rows.start - top :, columns.start - start :]
                seen = seen[: under.shape[0], : under.shape[1]]
                new = np.count_nonzero(seen & ~under)
                if new - left > left:  # further from what is wanted than without it
                    return
                under |= seen
                pixels[:, rows, columns][:, seen] = colour
                left -= new
                if left <= 0:
                    return

    def _letters(
        self, height: int, width: int, draws: np.random.Generator
    ) -> Iterator[tuple[int, int, Array]]:
        """A string's letters: top and left in an image, and where it is ink, (h, w) of bool.

        Every place is as likely, also those that lie partly outside.
        """
        size = int(draws.integers(self.sizes[0], self.sizes[1] + 1))
        rendered = self._of_size(size)
        count = int(draws.integers(SHORTEST, LONGEST + 1))
        letters = [rendered[index] for index in draws.integers(len(rendered), size=count)]
        line = letters[0].shape[0]
        start = int(draws.integers(1 - sum(letter.shape[1] for letter in letters), width))
        top = int(draws.integers(1 - line, height))
        for letter in letters:
            yield top, start, letter
            start += letter.shape[1]

    def _of_size(self, size: int) -> list[Array]:
        """All letters in a size: rendered once."""
        if size not in self._rendered:
            self._rendered[size] = list(_rendered(size))
        return self._rendered[size]


def _rendered(size: int) -> Iterator[Array]:
    """Each letter in a box as high as a line and as wide as the letter, (h, w) of bool."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # which a size asks for
    line = sum(font.getmetrics())
    for letter in LETTERS:
        box = Image.new("1", (math.ceil(font.getlength(letter)), line))
        ImageDraw.Draw(box).text((0, 0), letter, 1, font)
        yield np.asarray(box)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and SMALLEST <= value <= LARGEST
