"""Every built-in loss, by its registered name: value and gradient, with and without a mask."""

from __future__ import annotations

import pytest
import torch

from tests.conformance.cases import LOSSES, LossCase
from zoo.plugins.registry import load_registry
from zoo.testing import check_loss_gradient
from zoo.train.step import Loss

EVERY_CASE = [(name, case) for name, cases in LOSSES.items() for case in cases]
MASKED_CASES = [(name, case) for name, case in EVERY_CASE if case.takes_mask]
SHAPE = (2, 3, 4, 5)


def case_id(value: str | LossCase) -> str:
    return value if isinstance(value, str) else "-".join(value.arguments) or "defaults"


def make(name: str, case: LossCase) -> Loss:
    loss: Loss = load_registry().get("loss", name).entry.load()(**case.arguments)
    return loss


def draw(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize(("name", "case"), EVERY_CASE, ids=case_id)
def test_value_and_gradient(name: str, case: LossCase) -> None:
    loss, y, target = make(name, case), draw(*SHAPE, seed=0), draw(*SHAPE, seed=1)
    torch.testing.assert_close(loss.forward(y, target), case.reference(y, target))
    check_loss_gradient(loss, y, target)


@pytest.mark.parametrize(("name", "case"), MASKED_CASES, ids=case_id)
def test_only_the_elements_in_the_mask_count(name: str, case: LossCase) -> None:
    loss, y, target = make(name, case), draw(*SHAPE, seed=0), draw(*SHAPE, seed=1)
    mask = (draw(SHAPE[0], 1, *SHAPE[2:], seed=2) > 0).double()
    kept = mask.expand(SHAPE).bool()
    expected = case.reference(y[kept], target[kept])
    torch.testing.assert_close(loss.forward(y, target, mask), expected)
    check_loss_gradient(loss, y, target, mask)
