"""Pictures of some held-out images as a run denoises them, and what it removed: ``images/``.

``images.json`` says what the PNG files beside it show:

========== =======================================================================================
``version`` 1
``epoch``   finished epochs of the weights that denoised
``weights`` ``best`` or ``last``
``images``  for each image its ``name``; ``role``: ``worst``, ``median`` or ``best`` by PSNR, or
            ``example`` while the run trains; ``compared_with``; ``height``, ``width`` and
            ``channels``; ``region``: top, left, height and width of what the files show of it;
            ``psnr`` and ``psnr_noisy`` in dB, or null; ``files``: the names of ``noisy``,
            ``denoised`` and ``reference``; and ``removed``
========== =======================================================================================

``removed`` is about noisy minus denoised in that region; null where that is not finite:
``sigma``, its standard deviation in 255ths; ``histogram`` with ``low``, ``high`` and ``counts``
(values beyond are in the outermost); and ``autocorrelation``, 9 x 9 at lags of -4 to 4 pixels down
and across, null where nothing was removed.

Files are 8 bits, grey or RGB, values clipped to [0, 1]; of other numbers of channels the first.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from zoo.data.evaluation import MEASURED, EvaluationImage
from zoo.errors import WriteError
from zoo.files import to_json, write_atomically, write_text
from zoo.nn.module import Module
from zoo.train.evaluation import clipped, denoised
from zoo.train.pixels import to_bytes
from zoo.train.scores import Evaluation, Measure

VERSION = 1
NAME = "images.json"
EXAMPLES = 4  # while a run trains
KINDS = ("noisy", "denoised", "reference")
NAMES = ("worst", "median", "best", "example-[1-4]")  # of files, before the kind
LARGEST = 1024  # pixels on a side; of larger images the centre is shown
LAGS = 4
BINS = 61
SPAN = 4  # standard deviations on each side of the histogram's centre
LEAST_SIGMA = 1e-6  # below it nothing was removed
WORTH = 100  # writing takes no more than one part in so many of the time

Region = tuple[int, int, int, int]  # top, left, height, width


@dataclass(frozen=True)
class Shown:
    """An image to keep.

    Attributes:
        role: ``worst``, ``median``, ``best`` or ``example``.
        image: as it was evaluated.
        output: (C, H, W), what the network made of it, clipped.
    """

    role: str
    image: EvaluationImage
    output: Tensor


def ranked(evaluation: Evaluation) -> list[tuple[str, int]]:
    """Role and index of the worst, the median and the best image by PSNR, each image once.

    Of two images there is no median, of one only the best. Where there is no PSNR, the first ones
    are examples.
    """
    psnrs = [image.psnr for image in evaluation.model.images]
    if evaluation.compared_with not in MEASURED:
        return [("example", number) for number in range(min(EXAMPLES, len(psnrs)))]
    order = sorted(range(len(psnrs)), key=psnrs.__getitem__)
    worst, median, best = order[0], order[len(order) // 2], order[-1]
    others = [("worst", worst), ("median", median)]
    return [(role, index) for role, index in others if index != best] + [("best", best)]


def write_images(folder: Path, shown: Sequence[Shown], epoch: int, weights: str) -> None:
    """Write the files of a run's ``images``, and remove those of before that are not shown.

    Args:
        folder: made where there is none.
        shown: what to keep.
        epoch, weights: of the network that denoised, for ``images.json``.

    Raises:
        WriteError: a file cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise WriteError(f"{folder}: cannot be made: {error.strerror}.") from error
    entries = []
    for number, item in enumerate(shown, start=1):
        name = item.role if item.role != "example" else f"example-{number}"
        entries.append(_entry(item, _region(item.image), name))
        for kind, tensor in _tensors(item).items():
            _write_png(folder / f"{name}.{kind}.png", _cut(tensor, _region(item.image)))
    content = {"version": VERSION, "epoch": epoch, "weights": weights, "images": entries}
    write_text(folder / NAME, to_json(content) + "\n")
    current = {file for entry in entries for file in entry["files"].values()}
    for pattern in (f"{name}.{kind}.png" for name in NAMES for kind in KINDS):
        for path in folder.glob(pattern):
            if path.name not in current:
                with suppress(OSError):
                    path.unlink()


def write_ranked(
    folder: Path,
    model: Module,
    images: Sequence[EvaluationImage],
    evaluation: Evaluation,
    device: torch.device,
    epoch: int,
    weights: str,
) -> None:
    """:func:`write_images` of the worst, the median and the best image of an evaluation.

    Args:
        folder, epoch, weights: as of :func:`write_images`.
        model: the network, in evaluation mode, on ``device``.
        images: those that were evaluated.
        evaluation: of the model on them.
        device: the model's.

    Raises:
        WriteError: a file cannot be written.
    """
    chosen = [(role, images[index]) for role, index in ranked(evaluation)]
    outputs = denoised(model, [image for _, image in chosen], device)
    shown = [
        Shown(role, image, clipped(output, image.reference))
        for (role, image), output in zip(chosen, outputs, strict=True)
    ]
    write_images(folder, shown, epoch, weights)


class ExampleImages:
    """Keeps the first held-out images as they are denoised after an epoch, at little cost.

    Where writing takes more than a hundredth of the time of the epochs, not after each of them, and
    after the last one when the run is stopped.

    Args:
        folder: the run's ``images``.
        warn: told once that they cannot be written.
    """

    def __init__(self, folder: Path, warn: Callable[[str], object]) -> None:
        self._folder, self._warn = folder, warn
        self._seen: list[Shown] = []  # in the epoch in work
        self._latest: list[Shown] = []  # in the latest that is finished
        self._epoch = 0  # which that is; 0 where it is written
        self._due = -math.inf  # by time.monotonic

    def begin(self) -> None:
        """The images of an epoch follow."""
        self._seen = []

    def see(self, image: EvaluationImage, output: Tensor) -> None:
        """An image, and what the network made of it, clipped."""
        if len(self._seen) < EXAMPLES:
            self._seen.append(Shown("example", image, output))

    def after_epoch(self, epoch: int) -> None:
        """Write what was seen in the epoch that is finished, if that is due."""
        self._latest, self._epoch = self._seen, epoch
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Write what was seen in the latest epoch that is finished, unless that is done."""
        if not self._epoch or self._due == math.inf:
            return
        began = time.monotonic()
        try:
            write_images(self._folder, self._latest, self._epoch, "last")
        except WriteError as error:
            self._warn(f"{error} Training goes on without pictures of it.")
            self._due = math.inf
            return
        ended = time.monotonic()
        self._due = ended + WORTH * (ended - began)
        self._epoch = 0


def _psnr(output: Tensor, image: EvaluationImage) -> float | None:
    """In dB, where there is an image to compare with."""
    if image.compared_with not in MEASURED:
        return None
    return Measure.of(output, image, with_ssim=False).psnr


def _tensors(item: Shown) -> dict[str, Tensor]:
    image = item.image
    return dict(zip(KINDS, (image.noisy, item.output, image.reference), strict=True))


def _entry(item: Shown, region: Region, name: str) -> dict[str, Any]:
    channels, height, width = item.image.noisy.shape
    return {
        "name": item.image.name,
        "role": item.role,
        "compared_with": item.image.compared_with,
        "height": height,
        "width": width,
        "channels": channels,
        "region": list(region),
        "psnr": _psnr(item.output, item.image),
        "psnr_noisy": _psnr(item.image.noisy, item.image),
        "files": {kind: f"{name}.{kind}.png" for kind in KINDS},
        "removed": _removed(_cut(item.image.noisy - item.output, region)),
    }


def _region(image: EvaluationImage) -> Region:
    """Top, left, height and width of the centre."""
    sides = [min(side, LARGEST) for side in image.noisy.shape[1:]]
    top, left = (
        (whole - side) // 2 for whole, side in zip(image.noisy.shape[1:], sides, strict=True)
    )
    return top, left, sides[0], sides[1]


def _cut(image: Tensor, region: Region) -> Tensor:
    top, left, height, width = region
    return image[:, top : top + height, left : left + width]


def _removed(difference: Tensor) -> dict[str, Any] | None:
    """What is known of noisy minus denoised, (C, H, W); None where it is not finite."""
    if not difference.isfinite().all():
        return None
    sigma = float(difference.std(correction=0))
    reach = SPAN * max(sigma, LEAST_SIGMA)
    counts = torch.histc(difference.clamp(-reach, reach), BINS, -reach, reach)
    return {
        "sigma": 255 * sigma,
        "histogram": {"low": -reach, "high": reach, "counts": [int(it) for it in counts.tolist()]},
        "autocorrelation": _autocorrelation(difference),
    }


def _autocorrelation(difference: Tensor) -> list[list[float | None]]:
    """At each lag the mean product of pixels so far apart, as a part of that at no lag."""
    centred = (difference - difference.mean(dim=(1, 2), keepdim=True)).double()
    height, width = centred.shape[1:]
    power = float(centred.square().mean())
    lags = range(-LAGS, LAGS + 1)

    def at(down: int, across: int) -> float | None:
        if down < 0 or (down == 0 and across < 0):
            down, across = -down, -across  # the same pairs of pixels
        left, right = max(0, -across), max(0, across)
        first = centred[:, : max(0, height - down), left : max(left, width - right)]
        second = centred[:, down:, right : max(right, width - left)]
        if not first.numel() or power <= LEAST_SIGMA**2:
            return None
        return float((first * second).mean()) / power

    return [[at(down, across) for across in lags] for down in lags]


def _write_png(path: Path, tensor: Tensor) -> None:
    pixels = to_bytes(tensor if tensor.shape[0] in (1, 3) else tensor[:1])
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    write_atomically(path, lambda stream: picture.save(stream, format="png", compress_level=1))
