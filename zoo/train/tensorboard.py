"""What a run keeps, mirrored for TensorBoard: scalars and pictures of held-out images.

Everything comes from the run's own files, and nothing is read back: a run decides by its
checkpoints alone. Each start of a run writes a file of its own; where it begins at an earlier step
than the last one ended, TensorBoard leaves out what came after that.
"""

from __future__ import annotations

import io
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo import optional
from zoo.files import read_regular
from zoo.train.kept_images import KINDS, NAME
from zoo.train.run_directory import RunDirectory

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer

PREFIX = "events"  # of the files' names
TAGS: Mapping[str, str] = MappingProxyType(
    {
        "train_loss": "loss/training",
        "val_loss": "loss/validation",
        "val_psnr": "PSNR/validation, dB",
        "lr": "learning rate",
        "seconds": "seconds per epoch",
    }
)
OF_LAYERS = ("gradient", "update", "dead", "saturated")
GAP = 4  # pixels


@contextmanager
def mirrored(
    directory: RunDirectory, trainer: Trainer, wanted: bool, warn: Callable[[str], object]
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """What to call with the metrics of each epoch, when all that is kept of it is written.

    Args:
        directory: of the run.
        trainer: of the run, at its start or as it is resumed.
        wanted: whether TensorBoard is to show it.
        warn: told once that it cannot.

    Raises:
        UsageError: tensorboardX is not installed.
    """
    if not wanted:
        yield lambda metrics: None
        return
    board = Board(directory, trainer.metrics, trainer.progress.step, warn)
    try:
        yield board.after_epoch
    finally:
        board.close()


class Board:
    """Writes a run's ``tensorboard`` folder.

    Args:
        directory: of the run.
        metrics: the lines of ``metrics.jsonl`` so far, which are written at once.
        step: that the run is at.
        warn: told once that it cannot be written.

    Raises:
        UsageError: tensorboardX is not installed.
    """

    def __init__(
        self,
        directory: RunDirectory,
        metrics: Sequence[Mapping[str, Any]],
        step: int,
        warn: Callable[[str], object],
    ) -> None:
        require_library()
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        self._directory, self._warn = directory, warn
        self._writer: Any = None
        started = Event(step=step + 1, session_log=SessionLog(status=SessionLog.START))
        new = not directory.tensorboard.is_dir()
        try:
            directory.tensorboard.mkdir(exist_ok=True)
            name = f".{os.getpid()}.{step}"  # beside the second and the machine
            self._writer = EventsWriter(str(directory.tensorboard / PREFIX), name)
            self._write([started])
        except OSError as error:
            self._fail(error)
        for line in metrics if new else ():
            self._write([_event(line, _scalars(line))])

    def after_epoch(self, metrics: Mapping[str, Any]) -> None:
        """Write the figures and pictures of the epoch that is finished, whose files are written."""
        values = [*_scalars(metrics), *self._of_layers(metrics["step"])]
        self._write([_event(metrics, [*values, *self._pictures(metrics["epoch"])])])

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()

    def _write(self, events: Sequence[Any]) -> None:
        if self._writer is None:
            return
        try:
            for event in events:
                self._writer.write_event(event)
            self._writer.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.close()
        self._writer = None
        self._warn(
            f"{self._directory.tensorboard}: cannot be written: {error.strerror}. "
            "Training goes on without it."
        )

    def _of_layers(self, step: int) -> Iterator[Any]:
        """Of the latest line of ``statistics.jsonl``, if it is that step's."""
        with suppress(OSError, ValueError, LookupError):
            line = json.loads(read_regular(self._directory.statistics).splitlines()[-1])
            if line["step"] != step:
                return
            for layer in line["layers"]:
                for figure in OF_LAYERS:
                    yield from _scalar(f"{figure}/{layer['name']} {layer['type']}", layer[figure])

    def _pictures(self, epoch: int) -> Iterator[Any]:
        """Of each image in ``images``, if they are that epoch's: noisy, denoised and reference."""
        from tensorboardX.proto.summary_pb2 import Summary

        with suppress(OSError, ValueError, LookupError):
            kept = json.loads(read_regular(self._directory.images / NAME))
            if kept["epoch"] != epoch:
                return
            for image in kept["images"]:
                paths = [self._directory.images / image["files"][kind] for kind in KINDS]
                beside = _beside([np.asarray(Image.open(path).convert("RGB")) for path in paths])
                png = io.BytesIO()
                beside.save(png, format="png")
                shown = Summary.Image(
                    height=beside.height,
                    width=beside.width,
                    colorspace=3,
                    encoded_image_string=png.getvalue(),
                )
                yield Summary.Value(tag=f"{image['name']}: {', '.join(KINDS)}", image=shown)


def require_library() -> None:
    """Raise UsageError where tensorboardX is not installed."""
    optional.load("tensorboardX", "tensorboard", "zoo run --tensorboard")


def _event(metrics: Mapping[str, Any], values: Sequence[Any]) -> Any:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    return Event(wall_time=time.time(), step=metrics["step"], summary=Summary(value=values))


def _scalars(metrics: Mapping[str, Any]) -> list[Any]:
    return [it for key, tag in TAGS.items() for it in _scalar(tag, metrics[key])]


def _scalar(tag: str, value: float | None) -> list[Any]:
    """The value under that name; nothing for what was not measured."""
    from tensorboardX.proto.summary_pb2 import Summary

    if value is None or math.isnan(value):
        return []
    return [Summary.Value(tag=tag, simple_value=value)]


def _beside(pictures: Sequence[NDArray[np.uint8]]) -> Image.Image:
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (gap, picture)]
    return Image.fromarray(np.concatenate(parts[1:], axis=1))
