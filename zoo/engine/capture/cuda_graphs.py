"""Work on a GPU captured as CUDA graphs.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from zoo.engine.capture.recorder import Milestone, Recording


class CudaGraphs:
    """Captures CUDA graphs on a stream of its own, as graphs cannot be on the default one.

    Args:
        device: a GPU.
    """

    what = "a CUDA graph"
    exact = False  # sums can race for their order
    expected = True

    def __init__(self, device: torch.device) -> None:
        self._device = device

    @cached_property
    def _stream(self) -> torch.cuda.Stream:
        stream: torch.cuda.Stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        return stream

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run ``work`` on the stream, in order with what comes before and after."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            result = work()
        current.wait_stream(self._stream)
        return result

    def host_callback(self, call: Callable[[], object]) -> object:
        """Run ``call``, which the graph will not contain."""
        return call()

    def record(self, work: Callable[[], Tensor], milestones: Sequence[Milestone] = ()) -> Recording:
        """Capture ``work``; a graph calls nobody, so milestones are left out.

        Other threads may go on meanwhile: the one that prepares batches allocates pinned memory.
        """
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            result = work()
        return Recording(result, graph.replay)
