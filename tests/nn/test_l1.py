"""Mean absolute error, with and without a mask."""

from __future__ import annotations

import pytest
import torch

from zoo.errors import BackwardError, ShapeError
from zoo.nn import L1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_l1_is_torchs(dtype: torch.dtype) -> None:
    y = torch.randn(2, 3, 4, 5).to(dtype).requires_grad_()
    target = torch.randn(2, 3, 4, 5).to(dtype)
    expected = torch.nn.functional.l1_loss(y, target)
    (expected_gradient,) = torch.autograd.grad(expected, y)
    loss = L1()
    assert torch.allclose(loss.forward(y.detach(), target), expected)
    assert loss(y.detach(), target).shape == ()
    assert torch.allclose(loss.backward(), expected_gradient)


def test_the_gradient_where_output_and_target_are_equal_is_zero() -> None:
    """Any value of [-1/n, 1/n] is a subgradient there; torch has 0 too."""
    loss = L1()
    loss.forward(torch.tensor([1.0, 2.0, 3.0, 0.0]), torch.tensor([1.0, 0.0, 4.0, -0.0]))
    assert loss.backward().tolist() == [0.0, 0.25, -0.25, 0.0]


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
def test_l1_counts_only_the_elements_in_the_mask(dtype: torch.dtype) -> None:
    y, target = torch.tensor([[1.0, 2.0], [-3.0, 4.0]]), torch.zeros(2, 2)
    loss = L1()
    assert loss.forward(y, target, torch.tensor([[1, 0], [1, 0]]).to(dtype)).item() == 2.0
    assert loss.backward().tolist() == [[0.5, 0.0], [-0.5, 0.0]]
    assert loss.forward(y, target, torch.tensor([0, 1]).to(dtype)).item() == 3.0  # broadcasts
    assert loss.backward().tolist() == [[0.0, 0.5], [0.0, 0.5]]


def test_l1_with_nothing_in_the_mask_is_zero() -> None:
    loss = L1()
    assert loss.forward(torch.ones(2, 3), torch.zeros(2, 3), torch.zeros(2, 3)).item() == 0.0
    assert loss.backward().equal(torch.zeros(2, 3))


def test_l1_leaves_its_inputs_alone() -> None:
    y, target, mask = torch.ones(2), torch.zeros(2), torch.tensor([1.0, 0.0])
    loss = L1()
    loss.forward(y, target, mask)
    assert loss.backward().equal(loss.backward())
    assert (y.tolist(), target.tolist(), mask.tolist()) == ([1, 1], [0, 0], [1, 0])


def test_l1_messages() -> None:
    with pytest.raises(BackwardError) as backward:
        L1().backward()
    assert str(backward.value) == (
        "L1: backward has no forward pass to go back through. Call forward first."
    )
    with pytest.raises(ShapeError) as shapes:
        L1().forward(torch.ones(2, 3), torch.ones(3))  # would broadcast
    assert str(shapes.value) == (
        "L1: the output is (2, 3), the target (3,). Give both the same shape."
    )
    with pytest.raises(ShapeError) as mask:
        L1().forward(torch.ones(2, 3), torch.ones(2, 3), torch.ones(2))
    assert str(mask.value) == (
        "L1: the mask is (2,), the output (2, 3). Give a mask that broadcasts to the output."
    )
