"""A recorded pass gives what the network gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from zoo.train.graph import WARM_UP

from zoo.nn import Conv2d, Module, ReLU, Sequential, Upsampling
from zoo.train import Inference
from zoo.train import inference as module


def network() -> Sequential:
    draws = torch.Generator().manual_seed(0)
    return Sequential(
        Conv2d(3, 16, 3, stride=2, padding=1, generator=draws),
        ReLU(),
        Upsampling(16, 3, 3, padding=1, generator=draws),
    ).eval()


def graphs(infer: Inference) -> dict[object, object]:
    return infer._forward._graphs  # type: ignore[attr-defined, no-any-return]  # it is a Captured


def test_the_same_bit_for_bit_for_each_shape_and_after_training() -> None:
    model = network()
    infer = Inference(model)
    draws = torch.Generator().manual_seed(1)
    for _ in range(WARM_UP + 3):
        for n in (1, 4):
            x = torch.rand(n, 3, 32, 32, generator=draws)
            assert infer(x).equal(model.forward(x))
    assert len(graphs(infer)) == 2
    model[0].weight.mul_(0.5)
    assert infer(x).equal(model.forward(x))


def test_results_are_tensors_of_their_own() -> None:
    infer = Inference(network())
    results = [infer(torch.full((1, 3, 8, 8), float(value))) for value in range(8)]
    again = [infer(torch.full((1, 3, 8, 8), float(value))) for value in range(8)]
    assert len(graphs(infer)) == 1
    assert all(one.equal(other) for one, other in zip(results, again, strict=True))
    assert not results[6].equal(results[7])


def test_large_images_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MEMORY", 1000)
    model = network()
    infer = Inference(model)
    x = torch.rand(1, 3, 32, 32)
    for _ in range(WARM_UP + 2):
        assert infer(x).equal(model.forward(x))
    assert graphs(infer) == {}


class Normalise(Module):
    """Divides by a number that it reads."""

    def forward(self, x: Tensor) -> Tensor:
        return x / x.max().item()

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(input_shape)


def test_what_cannot_be_recorded_is_run() -> None:
    model = Sequential(*network(), Normalise()).eval()
    infer = Inference(model)
    draws = torch.Generator().manual_seed(1)
    for _ in range(WARM_UP + 3):
        x = torch.rand(2, 3, 8, 8, generator=draws)
        assert infer(x).equal(model.forward(x))
    assert graphs(infer) == {}


def test_in_training_mode_it_is_the_network() -> None:
    model = network().train()
    infer = Inference(model)
    for _ in range(WARM_UP + 2):
        infer(torch.rand(1, 3, 8, 8))
    assert graphs(infer) == {}
    model.backward(torch.ones(1, 3, 8, 8))
