"""A batch computed in microbatches is the batch computed as a whole."""

from __future__ import annotations

from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import zoo
from tests.engine.layers import AlwaysCentred, Centred, MeanOfBatch, SameShape, Scale
from zoo.engine import lower
from zoo.engine.capture.cpu_recorder import CpuRecorder
from zoo.engine.capture.graphed import WARM_UP
from zoo.engine.capture.recorder import Recording, TooLargeError
from zoo.engine.capture.torchscript import Program
from zoo.engine.conv import plans
from zoo.engine.parallel import sharded, thread_group
from zoo.engine.parallel.sharded import replica, shards
from zoo.engine.parallel.threads import num_threads
from zoo.errors import ShapeError
from zoo.nn import MSE, Conv2d, Module, ReLU, Sequential
from zoo.optim import SGD
from zoo.train import TrainStep

N2N_SMALL = Path(__file__).parents[3] / "architectures" / "n2n_small.toml"


@given(st.integers(1, 300), st.integers(1, 8), st.integers(1, 50))
def test_each_image_is_in_one_microbatch(images: int, workers: int, at_once: int) -> None:
    workers = min(workers, images)
    plan = shards(images, workers, at_once)
    assert len(plan) == workers
    parts = [part for share in plan for part in share]
    assert [index for part in parts for index in range(part.start, part.stop)] == [*range(images)]
    sizes = [sum(part.stop - part.start for part in share) for share in plan]
    assert max(sizes) - min(sizes) <= 1
    for share in plan:
        lengths = {part.stop - part.start for part in share}
        assert max(lengths) - min(lengths) <= 1
        assert min(lengths) > 0
        assert max(lengths) <= max(1, at_once * 5 / 4)


def test_microbatches_are_of_one_size_where_that_can_be() -> None:
    assert shards(8, 1, 4) == [[slice(0, 4), slice(4, 8)]]
    assert shards(50, 1, 9) == [[slice(start, start + 10) for start in range(0, 50, 10)]]
    assert shards(7, 1, 3) == [[slice(0, 3), slice(3, 5), slice(5, 7)]]


@pytest.fixture
def small_microbatches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Microbatches of a few images, also where that is not worth it."""
    monkeypatch.setattr(sharded, "MICROBATCH_BYTES", 2**20)
    monkeypatch.setattr(sharded, "MIN_SHARDED_BYTES", 0)


def trained(dtype: torch.dtype, count: int, capture: bool = True) -> list[Tensor]:
    """The losses of some steps with batches of 11, and the weights and gradients after them."""
    model = zoo.load_model(N2N_SMALL, seed=0).to(dtype)
    optimizer = SGD(model.param(), lr=0.5, momentum=0.9)
    step = TrainStep(model, MSE(), optimizer, capture=capture)
    draws = torch.Generator().manual_seed(3)
    with num_threads(count):
        losses = [
            step(*(torch.rand(11, 3, 32, 32, generator=draws).to(dtype) for _ in "xt"))
            for _ in range(8)
        ]
    return [*losses, *(tensor.clone() for pair in model.param() for tensor in pair)]


@pytest.mark.usefixtures("small_microbatches")
@pytest.mark.parametrize("count", [1, 2])
def test_shards_are_the_same_each_time_and_recorded_ones_the_ordinary_ones(count: int) -> None:
    """Bit for bit: the order of the sum depends on the threads' number, not on their speed."""
    recorded = trained(torch.float32, count)
    assert all(map(torch.equal, recorded, trained(torch.float32, count)))
    assert all(map(torch.equal, recorded, trained(torch.float32, count, capture=False)))


class Seen(SameShape):
    """Passes x through, and notes how many images it is given; replicas note in the same list."""

    batch_independent = True

    def __init__(self) -> None:
        super().__init__()
        self.images: list[int] = []

    def __deepcopy__(self, memo: dict[int, object]) -> Seen:
        copied = Seen()
        copied.images = self.images
        return copied

    def forward(self, x: Tensor) -> Tensor:
        self.images.append(len(x))
        self.save()
        return x

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y


def network(*modules: Module) -> Sequential:
    draws = torch.Generator().manual_seed(0)
    first = Conv2d(3, 16, 3, padding=1, generator=draws)
    return Sequential(first, *modules, Conv2d(16, 3, 1, generator=draws))


def images_of_second_step(
    model: Sequential,
    loss: MSE | None = None,
    precision: str = "float32",
    batch: int = 7,
    masked: bool = False,
) -> list[int]:
    """How many images the layers ``Seen`` of a network are given; the first step looks around."""
    step = TrainStep(
        model, loss or MSE(), SGD(model.param(), lr=0.1), precision=precision, capture=False
    )
    x, target, mask = torch.rand(3, batch, 3, 16, 16)
    tensors = (x, target, mask) if masked else (x, target)
    (seen,) = (module for module in model.modules() if isinstance(module, Seen))
    with num_threads(2):
        step(*tensors)
        seen.images.clear()
        step(*tensors)
    return sorted(seen.images)


class Sum(MSE):
    """A loss that is no mean of images."""

    mean_of_images = False


@pytest.mark.usefixtures("small_microbatches")
def test_batches_that_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert images_of_second_step(network(Seen())) == [3, 4]
    assert images_of_second_step(network(Seen(), Scale())) == [3, 4]
    assert images_of_second_step(network(Seen(), MeanOfBatch())) == [7]
    assert images_of_second_step(network(Seen()), Sum()) == [7]
    assert images_of_second_step(network(Seen()), masked=True) == [7]
    assert images_of_second_step(network(Seen()), precision="bfloat16") == [7]
    assert images_of_second_step(network(Seen()), batch=1) == [1]
    monkeypatch.setattr(sharded, "MIN_SHARDED_BYTES", 2**30)
    assert images_of_second_step(network(Seen())) == [7]


@pytest.mark.usefixtures("small_microbatches")
def test_ranks_that_gather_have_microbatches_of_one_size() -> None:
    assert images_of_second_step(network(Seen(), Centred()), batch=6) == [3, 3]
    assert images_of_second_step(network(Seen(), Centred()), batch=7) == [7]


@pytest.mark.usefixtures("small_microbatches")
def test_in_evaluation_nothing_is_gathered() -> None:
    for layer, images in ((Scale(), [3, 4]), (AlwaysCentred(), [7])):
        seen = Seen()
        model = network(seen, layer).eval()
        fast, x = lower(model), torch.rand(7, 3, 16, 16)
        with num_threads(2):
            fast.forward(x)
            seen.images.clear()
            torch.testing.assert_close(fast.forward(x), model.forward(x))
        assert sorted(seen.images[:-1]) == images  # the last is the textbook's


@pytest.mark.usefixtures("small_microbatches")
def test_a_wrong_batch_is_refused_as_ever() -> None:
    model = network(ReLU())
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1))
    with num_threads(2):
        for x, target in [((4, 2, 8, 8), (4, 3, 8, 8)), ((4, 3, 8, 8), (4, 3, 9, 9))]:
            with pytest.raises(ShapeError):
                step(torch.rand(x), torch.rand(target))
        step(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))


@pytest.mark.usefixtures("small_microbatches")
def test_tensors_that_are_replaced_are_noticed() -> None:
    model = network(ReLU())
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.0))
    x, target = (torch.rand(6, 3, 16, 16) for _ in "xt")
    with num_threads(2):
        first = step(x, target)
        model.to(torch.float64)
        model[0].set_weight(model[0].weight * 2)
        second = step(x.double(), target.double())
    assert second.dtype == torch.float64
    assert second != first
    torch.testing.assert_close(second, MSE().forward(model.forward(x.double()), target.double()))


def test_a_replica_has_the_same_values_and_gradients_of_its_own() -> None:
    model = network(ReLU())
    model[1].buffers["mean"] = torch.zeros(3)
    model[0].parameters["weight"].add_gradient(torch.ones(16, 3, 3, 3))
    copy = replica(model)
    assert isinstance(copy, Sequential)
    assert copy[1].buffers["mean"] is model[1].buffers["mean"]
    for own, other in zip(model.param(), copy.param(), strict=True):
        assert own.value is other.value
        assert own.gradient is not other.gradient
    for own, other in zip(model.param(), replica(model, gradients=False).param(), strict=True):
        assert own.gradient is other.gradient


def gathering(count: int, batch: int = 6, capture: bool = True) -> list[Tensor]:
    """The losses of some steps of a network that gathers, its state and gradients after them."""
    model = network(Centred(), ReLU(), Centred()).to(torch.float64)
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.5), capture=capture, warn=pytest.fail)
    draws = torch.Generator().manual_seed(3)
    with num_threads(count):
        losses = [
            step(*(torch.rand(batch, 3, 32, 32, generator=draws).double() for _ in "xt"))
            for _ in range(8)
        ]
    gradients = [gradient.clone() for _, gradient in model.param()]
    return [*losses, *model.state_dict().values(), *gradients]


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """All recordings that are made."""
    made: list[Recording] = []
    record = CpuRecorder.record

    def keeping(recorder: CpuRecorder, *work: Any) -> Recording:
        made.append(record(recorder, *work))
        return made[-1]

    monkeypatch.setattr(CpuRecorder, "record", keeping)
    return made


@pytest.mark.usefixtures("small_microbatches")
@pytest.mark.parametrize("count", [2, 3])
def test_recorded_ranks_gather_as_ordinary_ones(
    count: int, recordings: list[Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "MIN_FAST_MACS", 0)
    found = gathering(count)
    assert len(recordings) == count
    for recording in recordings:
        assert isinstance(recording.replay, Program)
        assert recording.replay.by_python == 2 * 2  # only the waiting
    again, ordinary = gathering(count), gathering(count, capture=False)
    assert all(map(torch.equal, found, again))
    assert all(map(torch.equal, found, ordinary))


@pytest.mark.usefixtures("small_microbatches")
def test_a_pass_in_which_only_one_tensor_is_gathered() -> None:
    """A rank that records the next pass may not write while another still reads of this one."""
    x = torch.rand(4, 1, 2, 2, dtype=torch.float64)
    for _ in range(10):
        models = [Sequential(AlwaysCentred(), Conv2d(1, 3, 1)).to(torch.float64) for _ in range(2)]
        models[1].load_state_dict(models[0].state_dict())
        recorded, ordinary = (
            TrainStep(model, MSE(), SGD(model.param(), lr=0.1), capture=capture)
            for model, capture in zip(models, (True, False), strict=True)
        )
        target = torch.rand(4, 3, 2, 2, dtype=torch.float64)
        with num_threads(2):
            for _ in range(WARM_UP + 2):
                assert recorded(x, target) == ordinary(x, target)


@pytest.mark.usefixtures("small_microbatches")
def test_a_layer_that_fails_in_one_rank() -> None:
    class Fails(ReLU):
        batch_independent = True

        def forward(self, x: Tensor) -> Tensor:
            if x.max() > 1e3:
                raise ValueError("too large")
            return super().forward(x)

    model = network(Centred(), Fails(), Centred())
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.0), capture=False)
    x, target = (torch.rand(4, 3, 32, 32) for _ in "xt")
    with num_threads(2):
        first = step(x, target)
        for image in (0, 3):
            spoilt = x.clone()
            spoilt[image] *= 1e6
            with pytest.raises(ValueError, match="too large"):
                step(spoilt, target)
        assert step(x, target) == first


@pytest.mark.usefixtures("small_microbatches")
@pytest.mark.parametrize("error", [TooLargeError, RuntimeError])
def test_what_one_rank_cannot_record_none_does(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, asked = CpuRecorder.record, list[CpuRecorder]()

    def not_the_second(recorder: CpuRecorder, *work: Any) -> object:
        recording = record(recorder, *work)
        asked.append(recorder)
        if current_thread() is not main_thread():
            raise error("not here")
        return recording

    expected = gathering(2)
    monkeypatch.setattr(CpuRecorder, "record", not_the_second)
    found = gathering(2)
    assert len(asked) == 2
    assert all(map(torch.equal, found, expected))


@pytest.mark.usefixtures("small_microbatches")
def test_a_replay_that_fails_in_one_rank_ends_recording_in_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = gathering(2)
    run, failures = Program.__call__, []

    def not_the_second(program: Program) -> None:
        if current_thread() is not main_thread() and program.by_python:
            failures.append(program)
            raise RuntimeError("not here")
        run(program)

    monkeypatch.setattr(Program, "__call__", not_the_second)
    monkeypatch.setattr(thread_group, "TIMEOUT", 0.2)
    found = gathering(2)
    assert len(failures) == 1
    assert all(map(torch.equal, found, expected))
