"""Steps run from a list of operations are those of Python, and their memory is planned right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

import zoo
from tests.engine.capture.test_graphed import Step
from tests.engine.layers import SameShape
from zoo.engine.capture.cpu_recorder import CpuRecorder
from zoo.engine.capture.recorder import Milestone, TooLargeError
from zoo.engine.capture.torchscript import Program
from zoo.engine.capture.trace import Trace, memory_of
from zoo.engine.compiled import build
from zoo.engine.network import Network
from zoo.nn import MSE, Conv2d, ReLU, Sequential
from zoo.optim import Adam
from zoo.train import TrainStep

ARCHITECTURES = Path(__file__).parents[3] / "architectures"


def losses(step: TrainStep, batches: int, n: int = 2, size: int = 32) -> list[Tensor]:
    draws = torch.Generator().manual_seed(3)
    shape = n, 3, size, size
    return [step(*(torch.rand(shape, generator=draws) for _ in "xt")) for _ in range(batches)]


@pytest.mark.parametrize("name", ["n2n_small", "r1", "r2", "r3", "r4", "r5"])
def test_shipped_networks_train_the_same_bit_for_bit(name: str) -> None:
    warnings: list[str] = []
    models = [zoo.load_model(ARCHITECTURES / f"{name}.toml", seed=0) for _ in range(2)]
    recorded, ordinary = (
        TrainStep(model, MSE(), Adam(model.param()), capture=capture, warn=warnings.append)
        for model, capture in zip(models, (True, False), strict=True)
    )
    assert losses(recorded, 8) == losses(ordinary, 8)
    for own, other in zip(models[0].param(), models[1].param(), strict=True):
        assert own.value.equal(other.value)
        assert own.gradient.equal(other.gradient)
    assert warnings == []


def small_network() -> Sequential:
    draws = torch.Generator().manual_seed(0)
    first, last = Conv2d(3, 8, 3, padding=1, generator=draws), Conv2d(8, 3, 1, generator=draws)
    return Sequential(first, ReLU(), last)


def test_recording_changes_nothing() -> None:
    model = small_network()
    model.forward(torch.ones(1, 3, 8, 8))
    model.backward(torch.ones(1, 3, 8, 8))
    before = [tensor.clone() for parameter in model.param() for tensor in parameter]
    x = torch.rand(1, 3, 8, 8)

    def work() -> Tensor:
        loss = model.forward(x).square().sum()
        model.backward(torch.ones(1, 3, 8, 8))
        return loss

    recording = CpuRecorder(2**30).record(work)
    after = [tensor for parameter in model.param() for tensor in parameter]
    assert all(old.equal(new) for old, new in zip(before, after, strict=True))
    recording.replay()
    assert recording.result == work()
    assert not all(old.equal(new) for old, new in zip(before, after, strict=True))


def test_views_are_no_operations_and_freed_memory_is_used_again() -> None:
    network, x = Network(small_network()), torch.rand(4, 3, 16, 16)
    trace = Trace()
    with trace:
        network.forward(x).sum()
    names = {operation.function._schema.name for operation in trace.operations}
    assert not names & {"aten::view", "aten::permute", "aten::select", "aten::as_strided"}
    assert 0 < memory_of(lambda: network.forward(x).sum()) < sum(trace.sizes)


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
    recording = CpuRecorder(2**30).record(work)
    assert alive == [0] * 5
    recording.replay()
    assert recording.result == 5000


def test_milestones_are_passed_when_their_tensors_are_what_they_will_be() -> None:
    """Each behind the last operation that writes to one of its own; one is never written to."""
    network, x = Network(small_network()), torch.rand(2, 3, 8, 8)
    first, _, last, _ = (gradient for _, gradient in network.model.param())
    never = torch.zeros(3)
    seen: dict[str, list[Tensor]] = {}

    def milestone(name: str, *tensors: Tensor) -> Milestone:
        def see() -> None:
            seen[name] = [tensor.clone() for tensor in (first, last)]

        return Milestone(tensors, see)

    def work() -> Tensor:
        network.model.zero_grad()
        for _ in range(2):
            loss = network.forward(x).square().sum()
            network.backward_weights_only(torch.ones(2, 3, 8, 8))
        return loss

    milestones = [milestone("all", first, last), milestone("never", last, never)]
    recording = CpuRecorder(2**30).record(work, [milestone("last", last), *milestones])
    assert seen == {}
    recording.replay()
    assert list(seen) == ["last", "all"]
    assert seen["last"][1].equal(last)
    assert not seen["last"][0].equal(first)
    assert all(map(torch.equal, seen["all"], (first, last)))


@pytest.mark.skipif(bool(build.problem()), reason=build.problem() or "-")
def test_what_compiled_kernels_write_counts_as_written() -> None:
    """The copy of its old value, which is there to be given back, is no operation of the work."""
    network, x = Network(Sequential(Conv2d(16, 16, 3, padding=1))), torch.rand(2, 16, 8, 8)
    gradients = [gradient for _, gradient in network.model.param()]
    seen: list[Tensor] = []

    def work() -> Tensor:
        network.model.zero_grad()
        loss = network.forward(x).square().sum()
        network.backward_weights_only(torch.ones(2, 16, 8, 8))
        return loss

    def see() -> None:
        seen.extend(gradient.clone() for gradient in gradients)

    trace = Trace()
    with trace:
        work()
    kernels = [it for it in trace.operations if isinstance(it.function, build.Kernel)]
    assert len(kernels) == 2
    assert not any("clone" in str(it.function) for it in trace.operations)
    recording = CpuRecorder(2**30).record(work, [Milestone(gradients, see)])
    for gradient in gradients:
        gradient.zero_()
    recording.replay()
    assert all(map(torch.equal, seen, gradients))


def test_recordings_share_their_memory() -> None:
    recorder, x = CpuRecorder(2**30), torch.rand(8)
    larger = recorder.record(lambda: (x + 1) * 2)
    smaller = recorder.record(lambda: x[:4] * 3)
    assert larger.result.untyped_storage().data_ptr() == smaller.result.untyped_storage().data_ptr()
    for recording, expected in [(larger, (x + 1) * 2), (smaller, x[:4] * 3)]:
        recording.replay()
        assert recording.result.equal(expected)


@pytest.mark.parametrize("name", ["n2n_small", "r1", "r2", "r3", "r4", "r5"])
def test_steps_are_run_by_the_interpreter(name: str) -> None:
    step = Step(zoo.load_model(ARCHITECTURES / f"{name}.toml", seed=0))
    batch = torch.rand(2, 2, 3, 32, 32)
    with torch.no_grad():
        recording = CpuRecorder(2**30).record(lambda: step.ordinary_passes(*batch))
    assert isinstance(recording.replay, Program)
    assert recording.replay.by_python == 0


@pytest.mark.parametrize("name", ["n2n_small", "r1", "r5"])
def test_no_convolution_of_the_library_is_run(name: str) -> None:
    model, x = zoo.load_model(ARCHITECTURES / f"{name}.toml", seed=0), torch.rand(2, 3, 32, 32)
    fast, trace = Network(model), Trace()
    with trace:
        fast.backward(fast.forward(x))
        model.backward(model.forward(x))
    names = {operation.function._schema.name for operation in trace.operations}
    assert {"aten::mm", "aten::copy_"} <= names
    assert not [name for name in names if "conv" in name or "backward" in name]


def test_what_needs_too_much_memory_is_refused() -> None:
    with pytest.raises(TooLargeError, match="the step needs more than 10000 bytes"):
        CpuRecorder(10_000).record(lambda: torch.zeros(10_000).sum())


def test_tensors_that_are_only_read_are_not_written_when_it_is_undone() -> None:
    with torch.inference_mode():
        x = torch.rand(8)
    recording = CpuRecorder(2**20).record(lambda: torch.zeros(8).copy_(x))  # x may not be written
    recording.replay()
    assert recording.result.equal(x)


class Dropout(SameShape):
    """Draws from torch's global generator."""

    def forward(self, x: Tensor) -> Tensor:
        self.save(torch.rand_like(x) < 0.5)
        return x * self.saved()[0]

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y * self.saved()[0]


def test_random_numbers_are_drawn_as_without_recording() -> None:
    results = []
    warnings: list[str] = []
    for capture in (True, False):
        torch.default_generator.manual_seed(5)
        model = Sequential(Conv2d(3, 3, 1, generator=torch.Generator().manual_seed(0)), Dropout())
        step = TrainStep(model, MSE(), Adam(model.param()), capture=capture, warn=warnings.append)
        results.append(losses(step, 8, size=8))
    assert results[0] == results[1]
    assert warnings == []  # an ordinary step is what one has without recording
