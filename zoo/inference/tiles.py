"""Pictures of any size, tile by tile through the whole network, in the memory of a few tiles.

A tile is given to the network with as much around it as can reach it (:mod:`zoo.engine.reach`), so
its output is the whole picture's; at the picture's own borders it has the same borders. All tiles
of a picture have one shape, so that a network is recorded once, and are computed in batches, in
which each core has tiles of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from zoo import limits
from zoo.engine import Lowered
from zoo.engine.reach import Reach
from zoo.errors import DataError
from zoo.inference.ahead import outputs_of
from zoo.inference.any_size import mirrored, rule_of, size_to_give
from zoo.inference.plan import Grid, cheapest_grid, grid_of
from zoo.inference.windows import Window
from zoo.spec.shapes import Pair
from zoo.spec.sizes import SizeRule

# (top, bottom, left, right), ends excluded -> those pixels, (1, C, h, w)
Read = Callable[[int, int, int, int], Tensor]
Write = Callable[[int, int, Tensor], object]  # (top, left, pixels (1, C, h, w))

MOST_BYTES = 2**29  # that tiles may take at a time; more would be hardly faster
SHARE = 0.5  # of the memory that is free; others take some too
PROBE = 128  # pixels of each side of the image whose memory is measured
SMALL = 96  # pixels of both sides, for which no tiles are worth the measuring
BATCH_BYTES = 2**24  # of what is read at a time, beside one tile for each core


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
        write: is given the output for each pixel once, where ``read``'s pixels are.
        shape: (C, H, W) of the picture.
        tile: height and width of a tile in pixels, of what is kept of it; None for as much as
            ``memory`` allows.
        memory: bytes that the network may take; None for what is free, up to a bound.
        on_tile: told how many pixels are done, after each tile.

    Raises:
        ShapeError: the network takes other channels, or gives back no size near the picture's.
        DataError: the network has to be given the whole picture, for which memory does not suffice.
    """
    found = grid(network, shape, tile, memory)
    windows, done = list(found), 0
    batch = _batch(shape[0], found)
    works = (windows[first : first + batch] for first in range(0, len(windows), batch))

    def images_of(tiles: Sequence[tuple[Window, Window]]) -> Tensor:
        return torch.cat([_read_extended(read, *at, shape[1:]) for at in tiles])

    for tiles, outputs in outputs_of(network, works, images_of, *_kind(network)):
        for at, output in zip(tiles, outputs[:, None], strict=True):
            done += _write_kept(write, output, *at, shape[1:])
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
    cores = network.images_at_once
    if max(size) <= (SMALL if tile is None else tile):
        return grid_of(size, (None, None), size)
    rules = [rule_of(network, channels, size, axis) for axis in (0, 1)]
    reaches = [_reach(network, channels, size, rules, axis) for axis in (0, 1)]
    if tile is not None:
        lengths = [tile if known is None else _around(tile, known) for known in reaches]
        return grid_of(size, reaches, lengths, cores)
    free = _free(_kind(network)[0])
    allowed = memory
    if allowed is None:
        allowed = MOST_BYTES if free is None else min(MOST_BYTES, int(free * SHARE))
    of_pixel = _bytes_of_pixel(network, channels, size, rules)
    found = cheapest_grid(size, reaches, of_pixel, allowed, cores)
    if memory is None and free is not None and found.bytes_needed(of_pixel) > free:
        raise DataError(
            f"a picture of {height}x{width} pixels: the network takes at least "
            f"{found.size[0]}x{found.size[1]} of them at once, for which it needs "
            f"{found.bytes_needed(of_pixel) / 2**30:.1f} GiB; {free / 2**30:.1f} GiB are free. "
            "Use a smaller picture, or a network that sees less of it."
        )
    return found


def _batch(channels: int, found: Grid) -> int:
    """How many tiles are given to the network at a time."""
    if found.at_once == 1:
        return 1  # the cores share its operations
    height, width = found.size
    tile_bytes = 4 * channels * height * width
    return found.at_once * max(1, BATCH_BYTES // (found.at_once * tile_bytes))


def _free(device: torch.device) -> int | None:
    """Bytes of memory that are free where the network computes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return limits.memory().available


def _kind(network: Lowered) -> tuple[torch.device, torch.dtype]:
    """The network's device, and its type."""
    weight = next((parameter.value for parameter in network.param()), torch.empty(0))
    return weight.device, weight.dtype


def _write_kept(write: Write, output: Tensor, rows: Window, columns: Window, size: Pair) -> int:
    """Write what is kept of a tile's output; returns how many pixels of the picture it is."""
    bottom, right = min(rows.end, size[0]), min(columns.end, size[1])
    if rows.start >= bottom or columns.start >= right:
        return 0  # wholly in what the picture is extended by
    lines = slice(rows.start - rows.first, bottom - rows.first)
    kept = output[..., lines, columns.start - columns.first : right - columns.first]
    write(rows.start, columns.start, kept)
    return (bottom - rows.start) * (right - columns.start)


def _around(tile: int, known: Reach) -> int:
    """A window whose output has at least ``tile`` pixels to keep."""
    return known.before + known.after + -(-tile // known.step) * known.step + known.step - 1


def _reach(
    network: Lowered, channels: int, size: Pair, rules: Sequence[SizeRule | None], axis: int
) -> Reach | None:
    """Measured once for each class of sizes; the other axis is as short as the network allows."""
    short = [
        length if rule is None else min(length, rule.next(8) or length)
        for length, rule in zip(size, rules, strict=True)
    ]
    asked = (size[0], short[1]) if axis == 0 else (short[0], size[1])
    return network.parts.reach(channels, asked, axis)


def _bytes_of_pixel(
    network: Lowered, channels: int, size: Pair, rules: Sequence[SizeRule | None]
) -> float:
    """Memory that the network takes for each pixel of a large image."""
    height, width = (
        length if rule is None else rule.next(min(length, PROBE)) or length
        for rule, length in zip(rules, size, strict=True)
    )
    taken = network.parts.bytes_of(channels, (height, width))
    return max(taken / (height * width), 8 * channels)


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
