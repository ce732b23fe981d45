"""The contract of a recorder, which captures work on a device, and the one for each device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Recording:
    """What was captured: the tensor that it fills, and how to run it again."""

    result: Tensor
    replay: Callable[[], object]


class Milestone(NamedTuple):
    """What each replay calls once it has written to these tensors for the last time."""

    tensors: Sequence[Tensor]
    call: Callable[[], object]


class TooLargeError(Exception):
    """The work needs more memory than a recording of it is worth."""


class Recorder(Protocol):
    """How work on a device is captured."""

    what: str  # "a CUDA graph"
    exact: bool  # whether a replay gives the same bits as the ordinary step
    expected: bool  # whether a user would miss it, so that a warning says why it cannot be

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run ``work`` as an ordinary call, where it would be captured."""

    def record(self, work: Callable[[], Tensor], milestones: Sequence[Milestone] = ()) -> Recording:
        """Capture ``work``, without lasting effects; raises what cannot be captured.

        Where replays cannot call, or write to one of its tensors never, a milestone is left out.
        """

    def host_callback(self, call: Callable[[], object]) -> object:
        """Run what is no operation of torch; part of the work that is being captured."""


def recorder_for(device: torch.device | None, max_bytes: int) -> Recorder | None:
    """What captures work on ``device``; None where there is nothing of the kind.

    Args:
        device: where all of the work's tensors are.
        max_bytes: memory of its own up to which work is recorded on a CPU.
    """
    from zoo.engine.capture.cpu_recorder import CpuRecorder
    from zoo.engine.capture.cuda_graphs import CudaGraphs

    if device is not None and device.type == "cuda":
        return CudaGraphs(device)
    return CpuRecorder(max_bytes) if device is not None and device.type == "cpu" else None
