"""What ``zoo evaluate`` writes: a table of all figures as CSV, and the images as PNG files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from PIL import Image
from torch import Tensor

from zoo.data.evaluation import EvaluationImage
from zoo.errors import DataError, UsageError
from zoo.files import write_atomically
from zoo.train.evaluation_sets import EvaluationSet, SetEvaluation
from zoo.train.pixels import to_bytes

COLUMNS = ("model", "data", "sigma", "image", "method", "psnr", "ssim")
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]+')  # in a name, on some system
LONGEST_NAME = 80  # characters, which are at most 240 bytes in what the world writes


def csv_text(model: str, results: Sequence[SetEvaluation]) -> str:
    """A line for each image and method of all sets."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        sigma = "" if result.set.sigma is None else f"{result.set.sigma:g}"
        for index, image in enumerate(result.evaluation.names):
            for method, score in result.evaluation.methods.items():
                measure = score.images[index]
                similarity = "" if measure.ssim is None else measure.ssim
                row = (model, result.set.data, sigma, image, method, measure.psnr, similarity)
                writer.writerow(row)
    # a file's name may have bytes that are no UTF-8
    return text.getvalue().encode("utf-8", "backslashreplace").decode()


class ImageFolder:
    """Writes the noisy, denoised and clean image of each pair of tensors into a new folder.

    Args:
        path: of the folder: none yet, or empty.
        several: whether there are several sets.

    Raises:
        UsageError: it has something in it, or cannot be made.
    """

    def __init__(self, path: Path, several: bool) -> None:
        self.path = path
        self._several = several
        self._taken: set[str] = set()
        require_free_folder(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"cannot be made: {error.strerror}"
            raise UsageError(f"--save-images {path}: {reason}.") from error

    def write(self, of: EvaluationSet, image: EvaluationImage, output: Tensor) -> None:
        """Write ``NAME.noisy.png``, ``NAME.denoised.png`` and ``NAME.clean.png``: 8 bits, clipped.

        What a pair is compared with is ``NAME.second.png`` where that is another noisy image.

        Args:
            of: the set that the image is in; where there are several, each has its own folder.
            image: what was denoised.
            output: (C, H, W), what came out.

        Raises:
            DataError: the images are neither grey nor RGB.
            WriteError: the disk is full, or the folder is gone.
        """
        parent = self.path / safe_name(of.folder) if self._several else self.path
        parent.mkdir(exist_ok=True)
        base = self._unique(parent, safe_name(_without_suffix(image.name)))
        reference = {"clean": "clean", "noisy": "second"}.get(image.compared_with, "target")
        tensors = {"noisy": image.noisy, "denoised": output, reference: image.reference}
        for kind, tensor in tensors.items():
            _write_png(parent / f"{base}.{kind}.png", image.name, tensor)

    def _unique(self, parent: Path, name: str) -> str:
        """The name, with a number if another has it, also one that differs in case only."""
        numbered = chain([name], (f"{name}-{number}" for number in count(2)))
        found = next(it for it in numbered if str(parent / it).casefold() not in self._taken)
        self._taken.add(str(parent / found).casefold())
        return found


def require_free_folder(path: Path) -> None:
    """Refuse, before the work, a folder of ``--save-images`` that has something in it.

    Raises:
        UsageError: it has, or is no folder.
    """
    where = f"--save-images {path}"
    try:
        if path.exists() and not path.is_dir():
            raise UsageError(f"{where}: not a folder. Use a new or empty folder.")
        filled = path.is_dir() and any(path.iterdir())
    except OSError as error:
        raise UsageError(f"{where}: cannot be made: {error.strerror}.") from error
    if filled:
        raise UsageError(f"{where}: already there. Use a new or empty folder.")


def safe_name(text: str) -> str:
    """The text as the name of a file that every system takes: one part, not hidden, not long."""
    name = UNSAFE.sub("_", text).strip(". ")
    return name[:LONGEST_NAME].rstrip(". ") or "_"


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and suffix.isalnum() else name


def _write_png(path: Path, name: str, tensor: Tensor) -> None:
    if tensor.shape[0] not in (1, 3):
        raise DataError(
            f"{name}: the image has {tensor.shape[0]} channels. --save-images takes 1 or 3."
        )
    pixels = to_bytes(tensor)
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    write_atomically(path, lambda stream: picture.save(stream, format="png"))
