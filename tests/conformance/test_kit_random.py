"""The kit on layers that draw random numbers: a right dropout passes, and mistakes are found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.conformance.test_kit import found_by
from zoo.nn import Module
from zoo.spec.shape_rules import elementwise
from zoo.testing import LAYER_CHECKS, LayerCase


class Dropout(Module):
    """y = x m / (1 - p), with m 0 at a part p of the numbers; x in evaluation mode."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            self.save()
            return x
        mask = self.draw(x).to(x.dtype) / (1 - self.p)
        self.save(mask)
        return x * mask

    def draw(self, x: Tensor) -> Tensor:
        return torch.rand_like(x) >= self.p

    def backward(self, grad_y: Tensor) -> Tensor:
        (mask,) = self.saved()
        self.require_gradient_shape(grad_y, mask.shape)
        return grad_y * mask

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return tuple(input_shape)


class DrawsAgain(Dropout):
    """Another mask in ``backward``."""

    def backward(self, grad_y: Tensor) -> Tensor:
        super().backward(grad_y)
        return grad_y * self.draw(grad_y) / (1 - self.p)


class WithoutItsFactor(Dropout):
    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y) * (1 - self.p)


class DropsInEvaluation(Dropout):
    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y if self.training else y * self.draw(y)


class OfNumpy(Dropout):
    def draw(self, x: Tensor) -> Tensor:
        return torch.from_numpy(np.random.random(tuple(x.shape))) >= self.p  # the mistake


class DropsNothing(Dropout):
    def draw(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)


def case(layer: type[Dropout], random: bool = True) -> LayerCase:
    return LayerCase(partial(layer, 0.4), (2, 3, 4, 5), "dropout", elementwise, random=random)


@pytest.mark.parametrize(
    ("layer", "least"),
    [
        (DrawsAgain, {"random", "backward", "backward_linear"}),
        (WithoutItsFactor, {"backward", "larger_input", "large_values"}),
        (DropsInEvaluation, {"random", "deterministic"}),
        (OfNumpy, {"random", "deterministic"}),
        (DropsNothing, {"random"}),
    ],
)
def test_mistakes_in_dropout_are_found(layer: type[Dropout], least: set[str]) -> None:
    assert found_by(LAYER_CHECKS, case(layer)) >= least


def test_dropout_that_says_that_it_is_random_passes() -> None:
    assert found_by(LAYER_CHECKS, case(Dropout)) == set()


def test_dropout_that_does_not_say_so_is_told_how() -> None:
    (check,) = (each for each in LAYER_CHECKS if each.__name__ == "check_deterministic")
    with pytest.raises(AssertionError) as caught:
        check(case(Dropout, random=False))
    assert str(caught.value) == (
        "dropout: forward or backward draws from torch's global generator. If forward should, in "
        "training mode, declare zoo.testing.Case(random=True)."
    )


def test_torchs_generator_is_left_as_it_is() -> None:
    before = torch.get_rng_state()
    found_by(LAYER_CHECKS, case(Dropout))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_dropout_of_the_guide_passes() -> None:
    guide = (Path(__file__).parents[2] / "plugins" / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(\"\"\"Numbers left out.*?)```", guide, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert found_by(LAYER_CHECKS, case(names["Dropout"])) == set()
