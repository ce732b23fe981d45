"""A network whose convolutions may round more: larger tiles, its own recordings, and how near."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy

import pytest
import torch
from torch import Tensor

from zoo.engine import Lowered, lower, passes
from zoo.engine.compiled import build
from zoo.engine.compiled.build import Kernel
from zoo.engine.compiled.call import Parts, watched_by
from zoo.engine.conv import minimal_filtering
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.minimal_filtering import tile_side
from zoo.engine.network import Network
from zoo.engine.parallel.threads import num_threads
from zoo.nn import MSE, Conv2d, ConvTranspose2d, ReLU, Sequential, Upsampling
from zoo.optim import SGD
from zoo.train.step import TrainStep

WITH_KERNELS = pytest.mark.skipif(bool(build.problem()), reason=build.problem() or "-")
SHAPE = (4, 16, 37, 34)
BOUND = 2e-5  # of the largest value


def network() -> Sequential:
    torch.manual_seed(0)
    model = Sequential(
        *(Conv2d(16, 40, 3, padding=1), ReLU(), Conv2d(40, 24, 3, padding=2), ReLU()),
        *(Conv2d(24, 24, 2, stride=2), Upsampling(24, 20, 3, padding=1), ReLU()),
        *(ConvTranspose2d(20, 16, 3), ReLU(), Conv2d(16, 16, 3)),
    )
    for value, _ in model.param():
        value.copy_(torch.randn(value.shape) / max(1, value[0].numel()) ** 0.5)
    return model


@contextmanager
def sides() -> Iterator[dict[str, set[int]]]:
    """Of the tiles of the kernels that are called within, by what the kernel is for."""
    found: dict[str, set[int]] = {}

    class Watching:
        def kernel_called(self, kernel: Kernel, parts: Parts, writes: Sequence[Tensor]) -> None:
            for part in parts:
                side = part[kernel.names.index("side")]
                assert isinstance(side, int)
                found.setdefault("wgrad" if "dw" in kernel.names else "conv", set()).add(side)

    with watched_by(Watching()):
        yield found


@WITH_KERNELS
def test_only_a_fast_network_has_large_tiles_and_only_where_they_pay() -> None:
    model, x = network(), torch.randn(SHAPE)
    for fast, expected in ((False, {2}), (True, {4})):
        used = Network(model, fast=fast)
        with sides() as found:
            used.backward(used.forward(x))
        assert found == {"conv": expected, "wgrad": {2}}
    with sides() as found:
        lower(model.eval(), fast=True)(x[:, :, :24, :24])
    assert found == {"conv": {2}}


@pytest.mark.parametrize(
    ("size", "taps", "side"),
    [
        *(((32, 32), 3, 4), ((31, 29), 3, 4), ((32, 28), 3, 2), ((64, 64), 2, 2)),
        *(((3, 300), 3, 4), ((2, 300), 3, 2), ((300, 1), 3, 2), ((33, 33), 3, 4)),
    ],
)
def test_where_large_tiles_pay(size: tuple[int, int], taps: int, side: int) -> None:
    rows, columns = (Axis(length, length, 1, tuple(range(taps))) for length in size)
    assert tile_side(rows, columns) == side


@WITH_KERNELS
@pytest.mark.parametrize("threads", [1, 2])
def test_outputs_and_gradients_are_near_those_of_float64(threads: int) -> None:
    model, x = network(), torch.randn(SHAPE)
    exact = deepcopy(model).to(torch.float64)
    expected = exact.forward(x.double())
    grad = torch.randn(expected.shape)
    grad_x = exact.backward(grad.double())
    used = Network(model, fast=True)
    with num_threads(threads):
        y = used.forward(x)
        own = used.backward(grad)
    gradients = zip(model.param(), exact.param(), strict=True)
    pairs = [(y, expected), (own, grad_x), *((a.gradient, b.gradient) for a, b in gradients)]
    for found, wanted in pairs:
        assert float((found - wanted).abs().max() / wanted.abs().max()) < BOUND


@WITH_KERNELS
def test_each_kind_has_recordings_of_its_own() -> None:
    """Called in turn, often enough to be recorded, and with images of a batch side by side."""
    model = network().eval()
    images = [torch.randn(count, *SHAPE[1:]) for count in (1, 4)]
    kinds = [lower(model), lower(model, fast=True)]
    first = [[kind(x) for x in images] for kind in kinds]
    for exact, fast in zip(*first, strict=True):
        assert not torch.equal(exact, fast)
        assert float((fast - exact).abs().max() / exact.abs().max()) < BOUND
    for _ in range(6):
        for kind, outputs in zip(kinds, first, strict=True):
            for x, y in zip(images, outputs, strict=True):
                assert torch.equal(kind(x), y)


@WITH_KERNELS
def test_an_image_has_the_same_output_with_any_others_beside_it() -> None:
    model, x = network().eval(), torch.randn(SHAPE)
    fast = lower(model, fast=True)
    whole = fast(x)
    for number in range(len(x)):
        assert torch.equal(fast(x[number : number + 1]), whole[number : number + 1])


@WITH_KERNELS
def test_a_copy_is_of_the_same_kind() -> None:
    fast, x = lower(network().eval(), fast=True), torch.randn(SHAPE)
    for copied in (deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert isinstance(copied, Lowered)
        assert torch.equal(copied(x), fast(x))


def steps(precision: str, capture: bool, count: int = 8) -> list[float]:
    model = network()
    step = TrainStep(
        model, MSE(), SGD(model.param(), lr=0.01), precision=precision, capture=capture
    )
    x, y = torch.randn(SHAPE), torch.randn(lower(model).forward(torch.randn(SHAPE)).shape)
    return [float(step(x, y)) for _ in range(count)]


@WITH_KERNELS
@pytest.mark.parametrize("threads", [1, 2])
def test_recorded_steps_are_the_ordinary_ones(threads: int) -> None:
    with num_threads(threads):
        ordinary, recorded = steps("fast", capture=False), steps("fast", capture=True)
        exact = steps("float32", capture=True)
    assert recorded == ordinary
    assert recorded != exact
    assert recorded == pytest.approx(exact, rel=1e-5)


@WITH_KERNELS
def test_a_step_goes_on_with_the_same_bits() -> None:
    """As a run that is resumed: with the weights alone, by a network that has recorded nothing."""
    x, y = torch.randn(SHAPE), torch.randn(lower(network()).forward(torch.randn(SHAPE)).shape)
    models = [network(), network(), network()]
    whole, before, after = (
        TrainStep(model, MSE(), SGD(model.param(), lr=0.01), precision="fast") for model in models
    )
    expected = [float(whole(x, y)) for _ in range(12)]
    found = [float(before(x, y)) for _ in range(6)]
    models[2].load_state_dict(models[1].state_dict())
    assert found + [float(after(x, y)) for _ in range(6)] == expected
    for one, other in zip(models[0].param(), models[2].param(), strict=True):
        assert torch.equal(one.value, other.value)


@WITH_KERNELS
def test_a_training_step_has_large_tiles_and_its_predictions_have_none() -> None:
    model, x = Sequential(Conv2d(16, 16, 3, padding=1), ReLU()), torch.randn(SHAPE)
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.01), precision="fast", capture=False)
    with num_threads(1):
        with sides() as found:
            step(x, x)
        assert found == {"conv": {4}, "wgrad": {2}}
        with sides() as found:
            step.predict(x[:1])
        assert found == {"conv": {2}}


def test_without_kernels_a_warning_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "numba is not installed: pip install 'zoo[fast]'"
    monkeypatch.setattr(minimal_filtering.build, "problem", lambda: reason)
    monkeypatch.setattr(passes, "compiled_problem", lambda: reason)
    warnings: list[str] = []
    model, x = network(), torch.randn(SHAPE)
    step = TrainStep(
        model, MSE(), SGD(model.param(), lr=0.0), precision="fast", warn=warnings.append
    )
    y = model.forward(x)
    assert float(step(x, y)) < 1e-10
    assert [warning for warning in warnings if "numba" in warning] == [
        f'precision "fast" is float32 here: {reason}'
    ]
