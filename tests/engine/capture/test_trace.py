"""Steps run from a list of operations are those of Python, and their memory is planned right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from zoo.train.graph import WARM_UP, Recording, TooLargeError
from zoo.train.places import ALIGNMENT, plan
from zoo.train.program import Program
from zoo.train.tape import Tapes

import zoo
from zoo.nn import MSE, Conv2d, Module, ReLU, Sequential
from zoo.optim import Adam
from zoo.train import TrainStep
from zoo.train import tape as module

ARCHITECTURES = Path(__file__).parents[2] / "architectures"

SPANS = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(0, 20), st.integers(0, 20)).map(
        lambda span: (span[0], min(span[1:]), max(span[1:]))
    ),
    max_size=30,
)


@given(SPANS)
def test_what_is_needed_at_the_same_time_has_places_of_its_own(
    spans: list[tuple[int, int, int]],
) -> None:
    places, size = plan(spans)
    assert [length for _, length in places] == [span[0] for span in spans]
    for index, (start, length) in enumerate(places):
        assert start % ALIGNMENT == 0
        assert 0 <= start <= start + length <= size
        for other in range(index):
            together = spans[index][1] <= spans[other][2] and spans[other][1] <= spans[index][2]
            apart = (
                places[other][0] + places[other][1] <= start or start + length <= places[other][0]
            )
            assert apart or not together or 0 in (length, places[other][1])


def test_places_are_used_again() -> None:
    assert plan([(640, 0, 1), (640, 2, 3), (64, 1, 2)]) == ([(0, 640), (0, 640), (640, 64)], 704)
    assert plan([]) == ([], 0)


def losses(step: TrainStep, batches: int, n: int = 2, size: int = 32) -> list[Tensor]:
    draws = torch.Generator().manual_seed(3)
    shape = n, 3, size, size
    return [step(*(torch.rand(shape, generator=draws) for _ in "xt")) for _ in range(batches)]


@pytest.mark.parametrize("name", ["n2n_small", "r1", "r2", "r3", "r4", "r5"])
def test_shipped_networks_train_the_same_bit_for_bit(name: str) -> None:
    warnings: list[str] = []
    models = [zoo.load_model(ARCHITECTURES / f"{name}.toml", seed=0) for _ in range(2)]
    recorded, ordinary = (
        TrainStep(model, MSE(), Adam(model.param()), graph=graph, warn=warnings.append)
        for model, graph in zip(models, (True, False), strict=True)
    )
    assert losses(recorded, 8) == losses(ordinary, 8)
    for own, other in zip(models[0].param(), models[1].param(), strict=True):
        assert own.value.equal(other.value)
        assert own.gradient.equal(other.gradient)
    assert warnings == []


def network() -> Sequential:
    draws = torch.Generator().manual_seed(0)
    first, last = Conv2d(3, 8, 3, padding=1, generator=draws), Conv2d(8, 3, 1, generator=draws)
    return Sequential(first, ReLU(), last)


def test_recording_changes_nothing() -> None:
    model = network()
    model.forward(torch.ones(1, 3, 8, 8))
    model.backward(torch.ones(1, 3, 8, 8))
    before = [tensor.clone() for parameter in model.param() for tensor in parameter]
    x = torch.rand(1, 3, 8, 8)

    def work() -> Tensor:
        loss = model.forward(x).square().sum()
        model.backward_parameters(torch.ones(1, 3, 8, 8))
        return loss

    recording = Tapes().record(work)
    after = [tensor for parameter in model.param() for tensor in parameter]
    assert all(old.equal(new) for old, new in zip(before, after, strict=True))
    recording.replay()
    assert recording.result == work()
    assert not all(old.equal(new) for old, new in zip(before, after, strict=True))


def test_a_replay_makes_no_views_and_shares_memory() -> None:
    model, x = network(), torch.rand(4, 3, 16, 16)
    tape = module.Tape()
    with tape:
        result = tape.part(model.forward(x).sum())
    placed = module._Placed(tape, result, 2**20, torch.empty(0, dtype=torch.uint8))
    assert placed.memory.nbytes < sum(tape.sizes)
    names = {operation.function._schema.name for operation in tape.operations}
    assert not names & {"aten::view", "aten::permute", "aten::select", "aten::as_strided"}


def test_what_is_freed_is_not_kept_while_recording() -> None:
    alive: list[int] = []

    def work() -> Tensor:
        total = torch.zeros(1000)
        for _ in range(5):
            more = torch.ones(1000)
            made.append(StorageWeakRef(more.untyped_storage()))  # type: ignore[no-untyped-call]
            total = total + more
            del more
            alive.append(sum(not storage.expired() for storage in made))
        return total.sum()

    made: list[Any] = []
    recording = Tapes().record(work)
    assert alive == [0] * 5
    recording.replay()
    assert recording.result == 5000


def test_recordings_share_their_memory() -> None:
    tapes, x = Tapes(), torch.rand(8)
    larger = tapes.record(lambda: (x + 1) * 2)
    smaller = tapes.record(lambda: x[:4] * 3)
    assert larger.result.untyped_storage().data_ptr() == smaller.result.untyped_storage().data_ptr()
    for recording, expected in [(larger, (x + 1) * 2), (smaller, x[:4] * 3)]:
        recording.replay()
        assert recording.result.equal(expected)


@pytest.mark.parametrize("name", ["n2n_small", "r1", "r2", "r3", "r4", "r5"])
def test_steps_are_run_by_the_interpreter(name: str) -> None:
    model = zoo.load_model(ARCHITECTURES / f"{name}.toml", seed=0)
    step = TrainStep(model, MSE(), Adam(model.param()))
    recordings: list[Recording] = []
    record = Tapes.record

    def keeping(self: Tapes, work: Callable[[], Tensor]) -> Recording:
        recordings.append(record(self, work))
        return recordings[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tapes, "record", keeping)
        losses(step, WARM_UP + 1)
    assert recordings
    for recording in recordings:
        assert isinstance(recording.replay, Program)
        assert recording.replay.by_python == 0


@pytest.mark.parametrize("name", ["n2n_small", "r1", "r5"])
def test_no_convolution_of_the_library_is_run(name: str) -> None:
    model, x = zoo.load_model(ARCHITECTURES / f"{name}.toml", seed=0), torch.rand(2, 3, 32, 32)
    tape = module.Tape()
    with tape:
        model.backward(model.forward(x))
    names = {operation.function._schema.name for operation in tape.operations}
    assert {"aten::mm", "aten::copy_"} <= names
    assert not [name for name in names if "conv" in name or "backward" in name]


def test_a_large_step_stays_ordinary_without_a_word() -> None:
    warnings: list[str] = []
    model = network()
    step = TrainStep(
        model,
        MSE(),
        Adam(model.param()),
        warn=warnings.append,
        recorder_for=lambda device: Tapes(most_memory=10_000),
    )
    other = network()
    ordinary = TrainStep(other, MSE(), Adam(other.param()), graph=False)
    assert losses(step, 6, size=16) == losses(ordinary, 6, size=16)
    assert warnings == []
    assert step._passes._graphs == {}  # type: ignore[attr-defined]
    with pytest.raises(TooLargeError, match="the step needs more than 10000 bytes"):
        Tapes(most_memory=10_000).record(lambda: torch.zeros(10_000).sum())


class Dropout(Module):
    """Draws from torch's global generator."""

    def forward(self, x: Tensor) -> Tensor:
        self.save(torch.rand_like(x) < 0.5)
        return x * self.saved()[0]

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y * self.saved()[0]


def test_random_numbers_are_drawn_as_without_recording() -> None:
    results = []
    warnings: list[str] = []
    for graph in (True, False):
        torch.manual_seed(5)
        model = Sequential(Conv2d(3, 3, 1, generator=torch.Generator().manual_seed(0)), Dropout())
        step = TrainStep(model, MSE(), Adam(model.param()), graph=graph, warn=warnings.append)
        results.append(losses(step, WARM_UP + 4, size=8))
    assert results[0] == results[1]
    assert warnings == []  # an ordinary step is what one has without recording
