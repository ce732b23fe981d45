"""Mean squared error, with and without a mask."""

from __future__ import annotations

import pytest
import torch

from zoo.errors import BackwardError, ShapeError
from zoo.nn import MSE


def test_mse_is_torchs() -> None:
    y, target = torch.randn(2, 3, 4, 5, requires_grad=True), torch.randn(2, 3, 4, 5)
    expected = torch.nn.functional.mse_loss(y, target)
    (expected_gradient,) = torch.autograd.grad(expected, y)
    loss = MSE()
    assert torch.allclose(loss.forward(y.detach(), target), expected)
    assert loss(y.detach(), target).shape == ()
    assert torch.allclose(loss.backward(), expected_gradient)


def test_mse_of_images_in_another_order_in_memory() -> None:
    """As convolutions give them: the channels side by side, with gaps between the lines."""
    y = torch.randn(4, 2, 6, 3)[:, :, :5].permute(1, 3, 0, 2).requires_grad_()  # N, C, H, W
    target, mask = torch.randn(2, 3, 4, 5), torch.rand(2, 1, 4, 5) > 0.5
    loss = MSE()
    for kept in (None, mask):
        of = slice(None) if kept is None else kept.expand(2, 3, 4, 5)
        expected = torch.nn.functional.mse_loss(y[of], target[of])
        (expected_gradient,) = torch.autograd.grad(expected, y)
        assert torch.allclose(loss.forward(y.detach(), target, kept), expected)
        assert torch.allclose(loss.backward(), expected_gradient)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
def test_mse_counts_only_the_elements_in_the_mask(dtype: torch.dtype) -> None:
    y, target = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.zeros(2, 2)
    loss = MSE()
    assert loss.forward(y, target, torch.tensor([[1, 0], [1, 0]]).to(dtype)).item() == 5.0
    assert loss.backward().tolist() == [[1.0, 0.0], [3.0, 0.0]]
    assert loss.forward(y, target, torch.tensor([0, 1]).to(dtype)).item() == 10.0  # broadcasts
    assert loss.backward().tolist() == [[0.0, 2.0], [0.0, 4.0]]


def test_mse_with_nothing_in_the_mask_is_zero() -> None:
    loss = MSE()
    assert loss.forward(torch.ones(2, 3), torch.zeros(2, 3), torch.zeros(2, 3)).item() == 0.0
    assert loss.backward().equal(torch.zeros(2, 3))


def test_mse_with_a_full_mask_is_that_without() -> None:
    y, target = torch.randn(2, 3), torch.randn(2, 3)
    masked, plain = MSE(), MSE()
    assert torch.allclose(masked.forward(y, target, torch.ones(3)), plain.forward(y, target))
    assert torch.allclose(masked.backward(), plain.backward())


def test_mse_leaves_its_inputs_alone() -> None:
    y, target, mask = torch.ones(2), torch.zeros(2), torch.tensor([1.0, 0.0])
    loss = MSE()
    loss.forward(y, target, mask)
    assert loss.backward().equal(loss.backward())
    assert (y.tolist(), target.tolist(), mask.tolist()) == ([1, 1], [0, 0], [1, 0])


def test_mse_messages() -> None:
    with pytest.raises(BackwardError) as backward:
        MSE().backward()
    assert str(backward.value) == (
        "MSE: backward has no forward pass to go back through. Call forward first."
    )
    with pytest.raises(ShapeError) as shapes:
        MSE().forward(torch.ones(2, 3), torch.ones(3))  # would broadcast
    assert str(shapes.value) == (
        "MSE: the output is (2, 3), the target (3,). Give both the same shape."
    )
    with pytest.raises(ShapeError) as mask:
        MSE().forward(torch.ones(2, 3), torch.ones(2, 3), torch.ones(2))
    assert str(mask.value) == (
        "MSE: the mask is (2,), the output (2, 3). Give a mask that broadcasts to the output."
    )
