"""A parameter: a (value, gradient) pair that changes in place."""

from __future__ import annotations

import pytest
import torch

from zoo.errors import ShapeError
from zoo.nn import Parameter


def test_a_parameter_unpacks_into_value_and_gradient() -> None:
    parameter = Parameter(torch.ones(2, 3))
    value, gradient = parameter
    assert value is parameter.value is parameter[0]
    assert gradient is parameter.gradient is parameter[1]
    assert len(parameter) == 2
    assert gradient.equal(torch.zeros(2, 3))
    assert repr(parameter) == "Parameter(shape=(2, 3), dtype=torch.float32)"


def test_a_parameter_changes_in_place() -> None:
    value, gradient = parameter = Parameter(torch.ones(2))
    parameter.set_value(torch.tensor([3.0, 4.0]))
    parameter.add_value(torch.tensor([0.5, -1.0]))
    assert value.tolist() == [3.5, 3.0]
    parameter.zero_value()
    assert value.tolist() == [0.0, 0.0]
    parameter.add_gradient(torch.tensor([1.0, 2.0]))
    parameter.add_gradient(torch.tensor([1.0, 2.0]))
    assert gradient.tolist() == [2.0, 4.0]
    parameter.zero_gradient()
    assert parameter.gradient is gradient
    assert gradient.tolist() == [0.0, 0.0]


def test_set_value_copies() -> None:
    parameter, new = Parameter(torch.ones(2)), torch.zeros(2)
    parameter.set_value(new)
    new.fill_(7)
    assert parameter.value.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("method", "what"),
    [("set_value", "value"), ("add_value", "value"), ("add_gradient", "gradient")],
)
def test_a_parameter_refuses_another_shape(method: str, what: str) -> None:
    parameter = Parameter(torch.ones(2, 3))
    with pytest.raises(ShapeError) as caught:
        getattr(parameter, method)(torch.ones(3))  # would broadcast
    assert str(caught.value) == (
        f"Parameter: {what} has shape (3,). The parameter's shape is (2, 3)."
    )
    assert parameter.value.equal(torch.ones(2, 3))
    assert parameter.gradient.equal(torch.zeros(2, 3))


def stale() -> Parameter:
    """A parameter whose gradient is old numbers that do not count."""
    parameter = Parameter(torch.zeros(2, 3))
    parameter.gradient = torch.full((2, 3), torch.nan)
    parameter.zero_gradient()
    return parameter


def test_the_first_gradient_is_written_and_the_next_are_added() -> None:
    parameter, gradient = stale(), torch.arange(6.0).view(2, 3)
    parameter.add_gradient(gradient)
    assert parameter.gradient.equal(gradient)
    parameter.add_gradient(gradient)
    assert parameter.gradient.equal(2 * gradient)
    parameter.zero_gradient()
    parameter.add_gradient(-gradient)
    assert parameter.gradient.equal(-gradient)


def test_what_is_written_into_grad_out_is_the_gradient() -> None:
    parameter = stale()
    total, add = parameter.grad_out()
    assert not add
    total.fill_(2)
    assert parameter.gradient is total
    same, add = parameter.grad_out()
    assert add
    assert same is total
    same.add_(1)
    assert parameter.gradient.tolist() == [[3.0] * 3] * 2


def test_a_gradient_that_was_looked_at_is_added_to() -> None:
    parameter = stale()
    assert parameter.gradient.equal(torch.zeros(2, 3))  # the zeros are written now
    assert parameter.grad_out()[1]


def test_a_gradient_that_was_set_is_added_to() -> None:
    parameter = stale()
    parameter.gradient = torch.ones(2, 3)
    parameter.add_gradient(torch.ones(2, 3))
    assert parameter.gradient.equal(torch.full((2, 3), 2.0))
