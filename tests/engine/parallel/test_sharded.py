"""A batch computed slice by slice is the batch computed as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import current_thread, main_thread

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from zoo.train.graph import TooLargeError
from zoo.train.program import Program
from zoo.train.slices import asks_others, replica, shares, treats_images_alone
from zoo.train.tape import Tapes
from zoo.train.workers import threads

import zoo
from zoo.errors import ShapeError
from zoo.nn import MSE, Conv2d, Module, Parameter, ReLU, Sequential, all_gather
from zoo.optim import SGD
from zoo.train import Inference, TrainStep, meeting, slices

N2N_SMALL = Path(__file__).parents[2] / "architectures" / "n2n_small.toml"


@given(st.integers(1, 300), st.integers(1, 8), st.integers(1, 50))
def test_each_image_is_in_one_slice(images: int, workers: int, at_once: int) -> None:
    workers = min(workers, images)
    plan = shares(images, workers, at_once)
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


def test_slices_are_of_one_size_where_that_can_be() -> None:
    assert shares(8, 1, 4) == [[slice(0, 4), slice(4, 8)]]
    assert shares(50, 1, 9) == [[slice(start, start + 10) for start in range(0, 50, 10)]]
    assert shares(7, 1, 3) == [[slice(0, 3), slice(3, 5), slice(5, 7)]]


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of a few images, also where that is not worth it."""
    monkeypatch.setattr(slices, "SLICE", 2**20)
    monkeypatch.setattr(slices, "LITTLE", 0)


def never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "treats_images_alone", lambda modules: False)


def trained(dtype: torch.dtype, count: int, steps: int = 8, graph: bool = True) -> list[Tensor]:
    """The losses of some steps with batches of 11, and the weights and gradients after them."""
    model = zoo.load_model(N2N_SMALL, seed=0).to(dtype)
    optimizer = SGD(model.param(), lr=0.5, momentum=0.9)
    step = TrainStep(model, MSE(), optimizer, graph=graph)
    draws = torch.Generator().manual_seed(3)
    with threads(count):
        losses = [
            step(*(torch.rand(11, 3, 32, 32, generator=draws).to(dtype) for _ in "xt"))
            for _ in range(steps)
        ]
    return [*losses, *(tensor.clone() for pair in model.param() for tensor in pair)]


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_training_in_slices_is_training(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = trained(torch.float64, count)
    assert all(map(torch.equal, found, trained(torch.float64, count)))  # the same each time
    never(monkeypatch)
    expected = trained(torch.float64, count)
    for ours, whole in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, whole, rtol=1e-10, atol=1e-12)
    assert not all(map(torch.equal, found, expected))  # another order of the sum


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("count", [1, 2])
def test_recorded_slices_are_the_ordinary_ones_bit_for_bit(count: int) -> None:
    recorded = trained(torch.float32, count)
    assert all(map(torch.equal, recorded, trained(torch.float32, count, graph=False)))


def network(*modules: Module) -> Sequential:
    draws = torch.Generator().manual_seed(0)
    first = Conv2d(3, 16, 3, padding=1, generator=draws)
    return Sequential(first, *modules, Conv2d(16, 3, 1, generator=draws))


class MeanOfTheBatch(Module):
    """Subtracts the mean of the batch, of which ``per_image`` says nothing."""

    def forward(self, x: Tensor) -> Tensor:
        self.save(x.shape)
        return x - x.mean(0, keepdim=True)

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y - grad_y.mean(0, keepdim=True)


class ReplacesForward(ReLU):
    """Inherits ``per_image``, but replaces what it was said of."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0, keepdim=True))


class SaysItAgain(ReplacesForward):
    per_image = True


@pytest.mark.parametrize(
    ("module", "alone"),
    [(ReLU, True), (MeanOfTheBatch, False), (ReplacesForward, False), (SaysItAgain, True)],
)
def test_which_networks_are_cut(module: Callable[[], Module], alone: bool) -> None:
    assert all(map(treats_images_alone, network(module()).modules())) is alone


def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each share of a batch has had since."""
    counts: list[int] = []
    run = slices._Team.run

    def counting(team: object, plan: list[list[slice]], inputs: tuple[Tensor, ...]) -> list[object]:
        counts.extend(share[-1].stop - share[0].start for share in plan)
        return run(team, plan, inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(slices._Team, "run", counting)
    return counts


@pytest.mark.usefixtures("small_slices")
def test_batches_that_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = used(monkeypatch)
    x, target = (torch.rand(7, 3, 16, 16) for _ in "xt")
    mask = torch.ones(7, 1, 16, 16)

    def step(model: Sequential, loss: MSE, precision: str = "float32") -> TrainStep:
        return TrainStep(model, loss, SGD(model.param(), lr=0.1), precision=precision)

    class Sum(MSE):
        mean_of_images = False

    with threads(2):
        step(network(MeanOfTheBatch()), MSE())(x, target)
        step(network(ReLU()), Sum())(x, target)
        step(network(ReLU()), MSE(), "bfloat16")(x, target)
        step(network(ReLU()), MSE())(x, target, mask)
        step(network(ReLU()), MSE())(x[:1], target[:1])
        assert counts == []
        step(network(ReLU()), MSE())(x, target)
        assert counts == [4, 3]
    monkeypatch.setattr(slices, "LITTLE", 2**30)
    step(network(ReLU()), MSE())(x, target)
    assert counts == [4, 3]


@pytest.mark.usefixtures("small_slices")
def test_a_wrong_batch_is_refused_as_ever() -> None:
    model = network(ReLU())
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1))
    with threads(2):
        for x, target in [((4, 2, 8, 8), (4, 3, 8, 8)), ((4, 3, 8, 8), (4, 3, 9, 9))]:
            with pytest.raises(ShapeError):
                step(torch.rand(x), torch.rand(target))
        step(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))


@pytest.mark.usefixtures("small_slices")
def test_tensors_that_are_replaced_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, model = used(monkeypatch), network(ReLU())
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.0))
    x, target = (torch.rand(6, 3, 16, 16) for _ in "xt")
    with threads(2):
        first = step(x, target)
        model.to(torch.float64)
        model[0].set_weight(model[0].weight * 2)
        second = step(x.double(), target.double())
    assert counts == [3, 3, 3, 3]
    assert second.dtype == torch.float64
    assert second != first
    torch.testing.assert_close(second, MSE().forward(model.forward(x.double()), target.double()))


@pytest.mark.usefixtures("small_slices")
def test_a_small_last_batch_leaves_the_others_their_workers() -> None:
    model = network(ReLU())
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1))
    assert step._slices is not None
    x, target = (torch.rand(9, 3, 64, 64) for _ in "xt")
    with threads(2):
        step(x, target)
        first = dict(step._slices._teams)
        step(x[:3], target[:3])
        step(x, target)
    assert list(first) == [2]
    assert list(step._slices._teams) == [2, 1]
    assert step._slices._teams[2] is first[2]


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


class Bias(Module):
    """y = x + b, b a buffer."""

    per_image = True

    def __init__(self) -> None:
        super().__init__()
        self.parameters["weight"] = Parameter(torch.zeros(()))
        self.buffers["bias"] = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.buffers["bias"]


@pytest.mark.usefixtures("small_slices")
def test_inference_in_slices_is_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = used(monkeypatch)
    model = network(ReLU(), Bias()).eval()
    infer, x = Inference(model), torch.rand(9, 3, 16, 16)
    with threads(2):
        for _ in range(6):
            torch.testing.assert_close(infer(x), model.forward(x))
        model[0].weight.mul_(0.5)
        model[2].buffers["bias"] += 1
        torch.testing.assert_close(infer(x), model.forward(x))
        assert infer(x[0]).equal(model.forward(x[0]))
        assert infer(x[:1]).equal(model.forward(x[:1]))
    assert counts == [5, 4] * 7


class Centred(Module):
    """Subtracts the mean of the batch, and counts batches."""

    gathers = True

    def __init__(self) -> None:
        super().__init__()
        self.parameters["weight"] = Parameter(torch.ones(()))
        self.buffers["mean"] = torch.zeros(16, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = all_gather(x.mean((0, 2, 3))).mean(0)[:, None, None]
        self.buffers["mean"].mul_(0.5).add_(mean)
        self.save(x - mean)
        return self.weight * (x - mean)

    def backward(self, grad_y: Tensor) -> Tensor:
        (centred,) = self.saved()
        self.add_gradients(weight=(grad_y * centred).sum((0, 1, 2, 3)))
        mean = all_gather(grad_y.mean((0, 2, 3))).mean(0)
        return self.weight * (grad_y - mean[:, None, None])


class ReplacesWhatGathers(Centred):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0, keepdim=True))


def together(count: int, batch: int = 6, graph: bool = True) -> tuple[list[Tensor], TrainStep]:
    """The losses of some steps of a network that gathers, its state and gradients after them."""
    model = network(Centred(), ReLU(), Centred()).to(torch.float64)
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.5), graph=graph, warn=pytest.fail)
    draws = torch.Generator().manual_seed(3)
    with threads(count):
        losses = [
            step(*(torch.rand(batch, 3, 32, 32, generator=draws).double() for _ in "xt"))
            for _ in range(8)
        ]
    gradients = [gradient.clone() for _, gradient in model.param()]
    return [*losses, *model.state_dict().values(), *gradients], step


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("count", [2, 3])
def test_parts_that_gather_are_the_whole(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = used(monkeypatch)
    found, step = together(count)
    assert counts == [6 // count] * count * 8
    assert step._slices is not None
    for worker in step._slices._teams[count]._workers:
        (graph,) = worker._first._graphs.values()  # type: ignore[attr-defined]
        assert graph._recording.replay.by_python == 2 * 2  # only the waiting
    again, ordinary = together(count)[0], together(count, graph=False)[0]
    assert all(map(torch.equal, found, again))
    assert all(map(torch.equal, found, ordinary))
    for ours, whole in zip(found, together(1)[0], strict=True):
        torch.testing.assert_close(ours, whole, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("small_slices")
def test_parts_that_gather_have_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = used(monkeypatch)
    together(4, batch=6)  # in three parts, as four do not go into it
    assert counts == [2, 2, 2] * 8
    counts.clear()
    together(2, batch=7)
    assert counts == []


def test_a_class_that_replaces_what_gathers() -> None:
    assert asks_others(Centred())
    assert not asks_others(ReplacesWhatGathers())


@pytest.mark.usefixtures("small_slices")
def test_a_layer_that_fails_in_one_part() -> None:
    class Fails(ReLU):
        per_image = True

        def forward(self, x: Tensor) -> Tensor:
            if x.max() > 1e3:
                raise ValueError("too large")
            return super().forward(x)

    model = network(Centred(), Fails(), Centred())
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.0), graph=False)
    x, target = (torch.rand(4, 3, 32, 32) for _ in "xt")
    with threads(2):
        first = step(x, target)
        for part in (0, 3):
            spoilt = x.clone()
            spoilt[part] *= 1e6
            with pytest.raises(ValueError, match="too large"):
                step(spoilt, target)
        assert step(x, target) == first


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("error", [TooLargeError, RuntimeError])
def test_what_one_part_cannot_record_none_does(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, asked = Tapes.record, []

    def not_the_second(tapes: Tapes, work: Callable[[], Tensor]) -> object:
        recording = record(tapes, work)
        asked.append(tapes)
        if current_thread() is not main_thread():
            raise error("not here")
        return recording

    expected = together(2)[0]
    monkeypatch.setattr(Tapes, "record", not_the_second)
    found = together(2)[0]
    assert len(asked) == 2
    assert all(map(torch.equal, found, expected))


@pytest.mark.usefixtures("small_slices")
def test_a_replay_that_fails_in_one_part_ends_recording_in_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = together(2)[0]
    run, failures = Program.__call__, []

    def not_the_second(program: Program) -> None:
        if current_thread() is not main_thread() and program.by_python:
            failures.append(program)
            raise RuntimeError("not here")
        run(program)

    monkeypatch.setattr(Program, "__call__", not_the_second)
    monkeypatch.setattr(meeting, "VOTE", 0.2)
    found, step = together(2)
    assert len(failures) == 1
    assert all(map(torch.equal, found, expected))
    assert step._slices is not None
    for worker in step._slices._teams[2]._workers:
        assert worker._first._declined  # type: ignore[attr-defined]
