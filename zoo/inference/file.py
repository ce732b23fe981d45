"""A picture file through a network, plane by plane, with what can be said of the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.errors import ArgumentError, DataError, ShapeError, format_error, printable
from zoo.files import make_folder, require_folder
from zoo.inference.denoiser import Denoiser
from zoo.inference.quality import Quality, mean_quality, measure
from zoo.pictures import Picture, open_picture, write_picture
from zoo.pictures.channel_pages import ChannelPages, channel_pages
from zoo.pictures.comparison import draw_comparison
from zoo.pictures.holds import check_holds, target_depth, target_format
from zoo.pictures.orientation import upright
from zoo.pictures.values import doubt_of_white

Array = NDArray[Any]

MOST_MEASURED = 8  # planes of a stack


@dataclass(frozen=True)
class Options:
    """How files are denoised; see :class:`Denoiser` and :func:`write_picture`.

    Attributes:
        axes: of a stack; None for what the file says.
        format, depth, quality: of the new file; None for what the file has.
        max_pixels: of the largest plane that is read; None for what the memory holds.
        overwrite: whether a file that is there when the new one is whole is replaced.
    """

    strength: float = 1.0
    ensemble: bool = False
    tile: int | None = None
    white: float | None = None
    axes: str | None = None
    format: str | None = None
    depth: int | Literal["float"] | None = None
    quality: int | None = None
    max_pixels: int | None = None
    overwrite: bool = True


@dataclass
class Result:
    """What became of a file.

    Attributes:
        format, axes, shape, depth: of the file that was read.
        channels: of a picture in it; those in pages of their own count where they are denoised
            together.
        megapixels: of all its planes.
        precision: what its planes were computed in; see :meth:`Denoiser.precision`.
        seconds: that it took, reading and writing included.
        quality: None where nothing could be measured.
        remarks: sentences for the user on what is not as it was.
        comparison: before, after and what was removed, of the plane in the middle, if asked for.
        doubt: why another value may be white than that of the file's type, of which nobody has said
            anything else.
    """

    format: str
    axes: str
    shape: tuple[int, ...]
    channels: int
    depth: str
    megapixels: float
    precision: str = ""
    seconds: float = 0.0
    quality: Quality | None = None
    remarks: list[str] = field(default_factory=list)
    comparison: Image.Image | None = None
    doubt: str = ""


def denoise_file(
    denoiser: Denoiser,
    source: Path | BinaryIO,
    target: Path | BinaryIO,
    options: Options,
    *,
    compare: bool = False,
    on_progress: Callable[[float, float], object] = lambda done, megapixels: None,
) -> Result:
    """Write a denoised picture with everything else as it was.

    Args:
        denoiser: the network.
        source, target: files, or streams of bytes. A file is written in one step at the end; its
            folder is made.
        options: how.
        compare: draw a comparison.
        on_progress: called after each tile with the part that is done, 0 to 1, and the megapixels
            of the picture; what it raises ends the work, and nothing is written.

    Raises:
        DataError: the picture cannot be read or is unsuitable; names the file.
        WriteError: the target cannot be written.
    """
    started = time.monotonic()
    with open_picture(source, max_pixels=options.max_pixels) as picture:
        work = _Work(denoiser, picture, options, compare, on_progress)
        if isinstance(target, Path):
            make_folder(target.parent)
        try:
            remarks = write_picture(
                target,
                picture,
                work.planes(),
                format=options.format,
                depth=options.depth,
                quality=options.quality,
                overwrite=options.overwrite,
            )
        except ArgumentError as error:
            raise DataError(f"{picture.where}: {error}") from error
        work.result.remarks += [*picture.remarks, *remarks]
    if work.measured:
        work.result.quality = quality = mean_quality(work.measured)
        if options.white is None and denoiser.value_range is None:
            work.result.doubt = doubt_of_white(picture.depth, quality.highest)
    work.result.seconds = time.monotonic() - started
    return work.result


def check_output(source: Path, target: Path | BinaryIO, options: Options) -> None:
    """Refuse, before a network is trained for it, a picture that could not be written.

    Args:
        source, target, options: as of :func:`denoise_file`.

    Raises:
        DataError: the picture cannot be read, or its new format does not hold it.
        WriteError: the target's folder cannot be made.
        UsageError: no file can be made in it.
    """
    with open_picture(source, max_pixels=options.max_pixels) as picture:
        name, depth = target_format(options.format, picture), target_depth(options.depth, picture)
        check_holds(name, depth, picture)
    if isinstance(target, Path):
        make_folder(target.parent)
        require_folder(printable(str(target)), target)


class _Work:
    """The planes of a picture while they are denoised, and what is found out on the way."""

    def __init__(
        self,
        denoiser: Denoiser,
        picture: Picture,
        options: Options,
        compare: bool,
        on_progress: Callable[[float, float], object],
    ) -> None:
        self.denoiser, self.picture, self.options = denoiser, picture, options
        self.compare, self.on_progress = compare, on_progress
        self.measured: list[Quality] = []
        self.together = _together(picture, options.axes, denoiser)
        size = picture.shape[: len(picture.axes) - self.together.rows]
        self.result = Result(
            format=picture.format,
            axes=picture.axes,
            shape=picture.shape,
            channels=self.together.channels,
            depth=picture.depth.words,
            megapixels=int(np.prod(size)) / 1e6,
        )
        if options.axes is None and self.together.channels == 3 and self.together.pages > 1:
            self.result.remarks.append(_taken_for_colours(picture.axes))

    def planes(self) -> Iterator[Array]:
        """Each plane denoised, one or a few at a time in memory."""
        for number, run in enumerate(self.together.pictures(self.picture.planes())):
            yield from self.together.planes(self._run(number * len(run), run))

    def _run(self, number: int, run: list[Array]) -> list[Array]:
        """Denoised pictures, the first of which is number ``number``; ``run`` is used up."""
        count = self.picture.n_planes // self.together.pages * len(run)
        denoised = []
        while run:
            before, black, white = self._values(run.pop(0))
            after = self._denoise(before, black, white, number, count)
            self._look(before, after, black, white, number, count)
            denoised.append(after)
            number += 1
        return denoised

    def _values(self, plane: Array) -> tuple[Array, float, float]:
        """A plane, its black and white.

        They are floats where more bits are to be written than it has, or others in which its white
        is not that of its type.
        """
        depth, given = self.options.depth, self.picture.depth
        black, white = self._range()
        finer = depth == "float" or (depth or 0) > given.bits
        other = depth not in (None, given.bits) and (black, white) != (0, given.white)
        if (finer or other) and plane.dtype.kind != "f":
            return (plane - np.float32(black)) / np.float32(white - black), 0.0, 1.0
        return plane, black, white

    def _range(self) -> tuple[float, float]:
        """Black and white: as the user says, as the network was trained with, or by the file."""
        if self.options.white is not None:
            return 0.0, self.options.white
        if self.denoiser.value_range is not None:
            return self.denoiser.value_range.of(self.picture.depth)
        return 0.0, self.picture.white

    def _denoise(self, plane: Array, black: float, white: float, number: int, count: int) -> Array:
        options, megapixels = self.options, self.result.megapixels
        self.result.precision = self.denoiser.precision(plane.dtype)
        where = self.picture.where if count == 1 else f"{self.picture.where}[{number}]"
        try:
            return self.denoiser(
                plane,
                axes="YXC"[: plane.ndim],
                strength=options.strength,
                ensemble=options.ensemble,
                tile=options.tile,
                black=black,
                white=white,
                brighter=options.white is None and self.denoiser.value_range is not None,
                on_progress=lambda done: self.on_progress((number + done) / count, megapixels),
            )
        except (ArgumentError, ShapeError, DataError) as error:
            message = str(error).removeprefix("denoise: ")
            raise DataError(f"{where}: {message}") from error
        except (MemoryError, RuntimeError) as error:  # of numpy, and of torch
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            raise DataError(
                f"{self.picture.where}: there is not enough memory for it. Use a smaller --tile."
            ) from error

    def _look(
        self, before: Array, after: Array, black: float, white: float, number: int, count: int
    ) -> None:
        """Measure and draw; the picture is written even where that fails."""
        try:
            if black:
                before, after = (image - np.float32(black) for image in (before, after))
                white -= black
            if number % -(-count // MOST_MEASURED) == 0:
                self.measured.append(measure(before, after, white))
            if self.compare and number == count // 2:
                first, second = (
                    upright(image, self.picture.orientation) for image in (before, after)
                )
                self.result.comparison = draw_comparison(first, second, white)
        except Exception as error:  # whatever it is: what was asked for is the picture
            self.result.remarks.append(f"nothing could be measured: {format_error(error)}")


def _together(picture: Picture, axes: str | None, denoiser: Denoiser) -> ChannelPages:
    """Which pages are the channels of one picture: where the network takes as many.

    Raises:
        DataError: the network takes neither all channels nor each by itself, or the axes that the
            user gives do not fit the picture.
    """
    found = channel_pages(picture, axes)
    takes = denoiser.takes
    if takes(found.channels):
        return found
    if takes(1) or takes(3):  # each by itself
        return found if found.rows else ChannelPages(picture.channels)
    count = f"{found.channels} channel{'s' * (found.channels != 1)}"
    raise DataError(
        f"{picture.where}: has {count}, and the model takes {denoiser.channels or 'others'}. "
        f"Use a model for {count}."
    )


def _taken_for_colours(axes: str) -> str:
    """What to say where the file alone says that three pages are channels."""
    other = next(letter for letter in "ZQI" if letter not in axes)
    apart = axes.replace("C", other)
    return f"its three channels are denoised together; --axes {apart} is for each by itself"
