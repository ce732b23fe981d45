"""Pictures of any size, tile by tile through the whole network, in the memory of one tile.

A tile is given to the network with as much around it as can reach it (:mod:`zoo.engine.reach`), so
its output is the whole picture's; at the picture's own borders it has the same borders. All tiles
of a picture have one shape, so that a network is recorded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
from torch import Tensor

from zoo import limits
from zoo.engine import Lowered
from zoo.engine.reach import Reach
from zoo.errors import DataError
from zoo.inference.any_size import mirrored, rule_of, size_to_give
from zoo.inference.windows import Window, shortest, windows
from zoo.spec.shapes import Pair

# (top, bottom, left, right), ends excluded -> those pixels, (1, C, h, w)
Read = Callable[[int, int, int, int], Tensor]
Write = Callable[[int, int, Tensor], object]  # (top, left, pixels (1, C, h, w))

MOST_BYTES = 3 * 2**28  # that a tile may take; larger ones would be no faster
SHARE = 0.5  # of the memory that is free; others take some too
PROBE = 64  # pixels of each side of the image whose memory is measured


@dataclass(frozen=True)
class Grid:
    """The tiles of a picture."""

    rows: tuple[Window, ...]
    columns: tuple[Window, ...]

    def __iter__(self) -> Iterator[tuple[Window, Window]]:
        return iter(product(self.rows, self.columns))


@torch.no_grad()
def tiled(
    network: Lowered,
    read: Read,
    write: Write,
    shape: tuple[int, int, int],
    *,
    tile: int | None = None,
    memory: int | None = None,
    on_tile: Callable[[int], object] = lambda pixels: None,
) -> None:
    """The network's output for a picture of any size: that of :func:`any_size`, tile by tile.

    A network of which no part of a picture has the output of the whole (a layer that looks at the
    whole picture, at its position, or takes one size only) is given the whole picture.

    Args:
        network: in evaluation mode.
        read: gives pixels of the picture, floats; from top to bottom, and from left to right.
        write: is given the output for each pixel once, on the network's device.
        shape: (C, H, W) of the picture.
        tile: height and width of a tile in pixels, of what is kept of it; None for as much as
            ``memory`` allows.
        memory: bytes that the network may take; None for what is free, up to a bound.
        on_tile: told how many pixels are done, after each tile.

    Raises:
        ShapeError: the network takes other channels, or gives back no size near the picture's.
        DataError: the network has to be given the whole picture, for which memory does not suffice.
    """
    _, height, width = shape
    weights = [parameter.value for parameter in network.param()]
    done = 0
    for rows, columns in grid(network, shape, tile, memory):
        bottom, right = min(rows.end, height), min(columns.end, width)
        if rows.start >= bottom or columns.start >= right:
            continue  # wholly in what the picture is extended by
        image = _read_extended(read, rows, columns, (height, width))
        output = network(image.to(weights[0]) if weights else image)
        kept = output[
            ...,
            rows.start - rows.first : bottom - rows.first,
            columns.start - columns.first : right - columns.first,
        ]
        write(rows.start, columns.start, kept)
        done += kept.shape[-2] * kept.shape[-1]
        on_tile(done)


def tiled_tensor(
    network: Lowered,
    images: Tensor,
    *,
    tile: int | None = None,
    memory: int | None = None,
    on_tile: Callable[[int], object] = lambda pixels: None,
) -> Tensor:
    """:func:`tiled` of images in memory, (N, C, H, W) -> (N, C, H, W).

    Args:
        network: in evaluation mode.
        images: float, on any device.
        tile, memory, on_tile: as for :func:`tiled`; pixels of all images are counted.

    Raises:
        ShapeError, DataError: as :func:`tiled`.
    """
    outputs = torch.empty_like(images)
    pixels = images.shape[2] * images.shape[3]
    for number, (image, output) in enumerate(zip(images[:, None], outputs[:, None], strict=True)):
        tiled(
            network,
            partial(_part_of, image),
            partial(_fill, output),
            (image.shape[1], image.shape[2], image.shape[3]),
            tile=tile,
            memory=memory,
            on_tile=lambda done, before=number * pixels: on_tile(before + done),  # type: ignore[misc]
        )
    return outputs


def grid(
    network: Lowered,
    shape: tuple[int, int, int],
    tile: int | None = None,
    memory: int | None = None,
) -> Grid:
    """The tiles that :func:`tiled` cuts a picture into; same arguments and errors."""
    channels, height, width = shape
    size = size_to_give(network, channels, (height, width))
    most = None if tile is not None else _most_pixels(network, channels, size, memory)
    if most is not None and size[0] * size[1] <= most:
        return _whole(size)
    if tile is not None and max(size) <= tile:
        return _whole(size)
    found = [_reach(network, channels, size, axis) for axis in (0, 1)]
    if tile is not None:
        lengths = [
            length if known is None else max(shortest(length, known), _around(tile, known))
            for length, known in zip(size, found, strict=True)
        ]
    else:
        assert most is not None
        lengths = _lengths(size, found, most)
        if lengths[0] * lengths[1] > most and memory is None:
            _require_memory(network, shape, lengths)
    rows, columns = (
        (Window(0, length, 0, length),) if known is None else tuple(windows(length, known, longest))
        for length, known, longest in zip(size, found, lengths, strict=True)
    )
    return Grid(rows, columns)


def _whole(size: Pair) -> Grid:
    rows, columns = (Window(0, length, 0, length) for length in size)
    return Grid((rows,), (columns,))


def _around(tile: int, known: Reach) -> int:
    """A window whose output has at least ``tile`` pixels to keep."""
    return known.before + known.after + -(-tile // known.step) * known.step + known.step - 1


def _lengths(size: Pair, found: list[Reach | None], most: int) -> list[int]:
    """Height and width of tiles of ``most`` pixels: square, but for what a side has to be."""
    least = [
        length if known is None else shortest(length, known)
        for length, known in zip(size, found, strict=True)
    ]
    side = int(most**0.5)
    height = min(size[0], max(least[0], side, most // size[1]))
    width = min(size[1], max(least[1], most // height))
    return [height, width]


def _reach(network: Lowered, channels: int, size: Pair, axis: int) -> Reach | None:
    """Measured once for each class of sizes; the other axis is as short as the network allows."""
    short = [
        min(length, rule.next(8) or length) if rule is not None else length
        for length, rule in ((size[a], rule_of(network, channels, size, a)) for a in (0, 1))
    ]
    asked = (size[0], short[1]) if axis == 0 else (short[0], size[1])
    return network.parts.reach(channels, asked, axis)


def _most_pixels(network: Lowered, channels: int, size: Pair, memory: int | None) -> int:
    """Pixels of an image that the memory allows for."""
    if memory is None:
        free = limits.memory().available
        memory = MOST_BYTES if free is None else min(MOST_BYTES, int(free * SHARE))
    return int(memory / _bytes_of_pixel(network, channels, size))


def _bytes_of_pixel(network: Lowered, channels: int, size: Pair) -> float:
    """Memory that the network takes for each pixel of a large image."""
    rules = [rule_of(network, channels, size, axis) for axis in (0, 1)]
    height, width = (
        length if rule is None else rule.next(min(length, PROBE)) or length
        for rule, length in zip(rules, size, strict=True)
    )
    taken = network.parts.bytes_of(channels, (height, width))
    return max(taken / (height * width), 8 * channels)


def _require_memory(network: Lowered, shape: tuple[int, int, int], lengths: list[int]) -> None:
    free = limits.memory().available
    needed = lengths[0] * lengths[1] * _bytes_of_pixel(network, shape[0], (lengths[0], lengths[1]))
    if free is not None and needed > free:
        raise DataError(
            f"a picture of {shape[1]}x{shape[2]} pixels: the network needs {needed / 2**30:.1f} "
            f"GiB for {lengths[0]}x{lengths[1]} of them at once; {free / 2**30:.1f} GiB are free. "
            "Use a smaller picture, or a network that sees less of it."
        )


def _read_extended(read: Read, rows: Window, columns: Window, size: Pair) -> Tensor:
    """What the network is given for a tile: the picture, extended by reflection."""
    indices = [
        mirrored(range(axis.first, axis.last), length)
        for axis, length in zip((rows, columns), size, strict=True)
    ]
    (top, bottom), (left, right) = ((min(index), max(index) + 1) for index in indices)
    image = read(top, bottom, left, right)
    for axis, index, first, window in ((2, indices[0], top, rows), (3, indices[1], left, columns)):
        if window.last > size[axis - 2]:
            positions = torch.tensor([at - first for at in index], device=image.device)
            image = image.index_select(axis, positions)
    return image


def _part_of(image: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    return image[..., top:bottom, left:right]


def _fill(output: Tensor, top: int, left: int, pixels: Tensor) -> None:
    output[..., top : top + pixels.shape[-2], left : left + pixels.shape[-1]] = pixels
