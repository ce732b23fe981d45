"""A recorder that counts what it is asked for; it stands in for CUDA's graphs on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from zoo.engine.capture.cpu_recorder import CpuRecorder
from zoo.engine.capture.recorder import Milestone, Recorder, Recording


class CountingRecorder:
    """Records as another one does, under the name of what a GPU has.

    Attributes:
        warm_ups: ordinary calls.
        recorded: the shape of the first input of each recording.
        replays: how often recordings were run.
    """

    what = "a CUDA graph"
    expected = True

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder = recorder or CpuRecorder(2**30)
        self.exact = self._recorder.exact
        self.warm_ups = 0
        self.recorded: list[tuple[int, ...]] = []
        self.replays = 0

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        self.warm_ups += 1
        return self._recorder.warm_up(work)

    def host_callback(self, call: Callable[[], object]) -> object:
        return self._recorder.host_callback(call)

    def record(self, work: Callable[[], Tensor], milestones: Sequence[Milestone] = ()) -> Recording:
        self.recorded.append(tuple(work.args[0].shape))  # type: ignore[attr-defined]  # a partial
        recording = self._recorder.record(work, milestones)

        def replay() -> None:
            self.replays += 1
            recording.replay()

        return Recording(recording.result, replay)
