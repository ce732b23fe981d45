"""Checkpoints: what a run needs to go on, or a model to be rebuilt, in one file.

A checkpoint is a ``torch.save`` of tensors and plain values, so ``torch.load(path,
weights_only=True)`` reads it with no zoo installed. Its keys:

============== ===================================================================================
``format``       1
``architecture`` the resolved TOML text
``model``        the state dict: names and shapes of the same layers in ``torch.nn.Sequential``
``optimizer``    the optimizer's ``state_dict()``
``progress``     epoch, step, step_in_epoch, seconds, loss_sum, samples, best_psnr, best_epoch;
                 and of a run that went back :class:`.progress.Progress`'s others
``rng``          ``seed``, which all of zoo's draws derive from, and the states of torch's global
                 generators, for layers of plugins that use them
``plugins``      who provided each entry: ``{"layer conv2d": "zoo 0.1.0", ...}``
``versions``     of zoo, torch, numpy and Python
``metrics``      one dict for each finished epoch, as in ``metrics.jsonl``
``started_from`` only of a run that began with trained weights: ``name`` and ``sha256`` of these
``changes``      only of a run that was resumed otherwise: step, key, before and after of each
``data``         ``train`` and ``held_out``: of each image, in the order in which they are drawn
                 from, a line of text with its sha256, size and name, in a tensor of bytes
                 (:mod:`zoo.data.packed_record`); a list of dicts in older checkpoints, or none
``diverged``     only of ``diverged.pkl``, which is of before the step that was not finite: that
                 step (:mod:`zoo.train.bundle`)
============== ===================================================================================

One for inference alone (:mod:`zoo.train.inference_checkpoint`) has no ``optimizer``, ``progress``,
``rng`` and ``data``. The archive's comment is the checksum of the whole file; files of before there
was one are read without it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from zoo.data.packed_record import packed, unpacked
from zoo.data.torch_file import TorchFileError, is_whole, load, sealed
from zoo.errors import CheckpointError, printable
from zoo.files import keep_copy, write_atomically
from zoo.train.checkpoint_content import problem_of

FORMAT = 1
KEYS = (
    "format",
    "architecture",
    "model",
    "optimizer",
    "progress",
    "rng",
    "plugins",
    "versions",
    "metrics",
)
FOR_TRAINING = ("optimizer", "progress", "rng")  # what a checkpoint for inference lacks


def save_checkpoint(path: Path, content: Mapping[str, Any], keep_previous: bool = False) -> None:
    """Write a checkpoint atomically: at every moment there is a complete one under its name.

    Args:
        path: where to.
        content: the values of ``KEYS`` but ``format``, all or those that inference needs; ``data``
            as :func:`load_checkpoint` gives it, in dicts.
        keep_previous: keep the checkpoint that it replaces as ``previous_path(path)``, unless that
            one is damaged.
    """
    if keep_previous and is_whole(path):
        keep_copy(path, previous_path(path))
    if "data" in content:
        content = {**content, "data": packed(content["data"])}
    buffer = io.BytesIO()  # torch would turn a full disk into an error of its own
    torch.save({"format": FORMAT, **content}, buffer)
    write_atomically(path, lambda stream: stream.write(sealed(buffer.getvalue())))


def previous_path(path: Path) -> Path:
    """Where the checkpoint before the latest is kept: ``last.previous.pkl`` for ``last.pkl``."""
    return path.with_suffix(f".previous{path.suffix}")


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint and verify it, tensors on the CPU.

    The bytes are compared with their checksums, and every entry is looked at before anything is
    done with one (:mod:`zoo.train.checkpoint_content`).

    Raises:
        CheckpointError: it is missing, damaged, or not a checkpoint of zoo; or an entry is not as
            it should be: says which, and how it should be.
    """
    where = printable(str(path))
    try:
        content = load(path)
    except OSError as error:
        raise CheckpointError(f"{where}: cannot be read: {error.strerror}.") from error
    except TorchFileError as error:
        reason = str(error) or "damaged, or not a checkpoint."
        raise CheckpointError(f"{where}: {reason} Use a .pkl file that zoo has written.") from error
    if not isinstance(content, dict) or not _is_format(content.get("format")):
        raise CheckpointError(
            f"{where}: not a checkpoint of format {FORMAT}. Use a .pkl file that zoo has written."
        )
    if missing := _missing(content):
        raise CheckpointError(f"{where}: {', '.join(missing)} is missing. The file is incomplete.")
    if "data" in content:
        content["data"] = unpacked(content["data"])
    if problem := problem_of(content):
        raise CheckpointError(f"{where}: {problem}")
    return content


def is_for_inference(content: Mapping[str, Any]) -> bool:
    """Whether a checkpoint has no state of training to go on from."""
    return not any(key in content for key in FOR_TRAINING)


def load_newest(path: Path, others: Sequence[Path]) -> tuple[dict[str, Any], str]:
    """The checkpoint at ``path``, or if it is damaged the furthest of the others.

    Returns:
        The checkpoint, and a warning if it is one of the others; else "".

    Raises:
        CheckpointError: none can be used; tells about ``path``.
    """
    try:
        return load_checkpoint(path), ""
    except CheckpointError as error:
        usable = []
        for other in others:
            with suppress(CheckpointError):
                content = load_checkpoint(other)
                if not is_for_inference(content):
                    usable.append((content, other.name))
        if not usable:
            raise
        content, name = max(usable, key=lambda found: _progress(found[0]))
        return content, f"{error} Going on from {name}, of step {_progress(content)[0]}."


def _progress(content: Mapping[str, Any]) -> tuple[int, int]:
    return content["progress"]["step"], content["progress"]["epoch"]


def _is_format(value: object) -> bool:
    return type(value) is int and value == FORMAT


def _missing(content: Mapping[str, Any]) -> list[str]:
    """The keys that a checkpoint should have, and has not."""
    optional = FOR_TRAINING if is_for_inference(content) else ()
    return [key for key in KEYS if key not in content and key not in optional]


def on_cpu(value: Any) -> Any:
    """``value`` with every tensor in it on the CPU."""
    if isinstance(value, torch.Tensor):
        return value.cpu().contiguous()  # layers keep some in another order
    if isinstance(value, dict):
        return {key: on_cpu(item) for key, item in value.items()}
    if isinstance(value, list):
        return [on_cpu(item) for item in value]
    return value
