"""A recorder that counts what it is asked for; it stands in for CUDA's graphs on a CPU."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from zoo.train.graph import Recording
from zoo.train.tape import Tapes


class TapeRecorder(Tapes):
    """Records as on a CPU, under the name of what a GPU has."""

    what = "a CUDA graph"
    expected = True

    def __init__(self) -> None:
        super().__init__()
        self.warm_ups = 0
        self.recorded: list[tuple[int, ...]] = []
        self.replays = 0

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        self.warm_ups += 1
        return super().warm_up(work)

    def record(self, work: Callable[[], Tensor]) -> Recording:
        self.recorded.append(tuple(work.args[0].shape))  # type: ignore[attr-defined]  # a partial
        recording = super().record(work)

        def replay() -> None:
            self.replays += 1
            recording.replay()

        return Recording(recording.result, replay)
