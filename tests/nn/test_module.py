"""What every module does: parameters, modes, dtypes, state dicts, refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.errors import ArgumentError, BackwardError, ShapeError, StateError
from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    TransposeConv2d,
    Upsampling,
)


def network() -> Sequential:
    return Sequential(Conv2d(1, 2, 3), ReLU(), Upsampling(2, 1, 3, padding=1, bias=False))


# Access to the parameters of a layer


def test_param_gives_all_pairs_in_the_order_of_the_state_dict() -> None:
    model = network()
    assert [tuple(value.shape) for value, _ in model.param()] == [(2, 1, 3, 3), (2,), (1, 2, 3, 3)]
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.1.weight"]
    assert ReLU().param() == Sequential().param() == []


def test_weight_and_bias_are_plain_tensors() -> None:
    conv, x = Conv2d(2, 3, 3), torch.randn(1, 2, 5, 5)
    assert type(conv.weight) is type(conv.bias) is Tensor
    assert not conv.weight.requires_grad
    expected = torch.nn.functional.conv2d(x, conv.weight, conv.bias)
    torch.testing.assert_close(conv.forward(x), expected)


@pytest.mark.parametrize(
    "layer",
    [Conv2d(2, 4, 3), ConvTranspose2d(2, 4, 3), Upsampling(2, 4, 3), Linear(2, 4)],
    ids=lambda layer: type(layer).__name__,
)
def test_set_weight_and_set_bias_copy(layer: Module) -> None:
    weight, bias = torch.randn_like(layer.weight), torch.arange(4.0)
    layer.set_weight(weight)
    layer.set_bias(bias)
    assert layer.weight.equal(weight)
    assert layer.bias is not None
    assert layer.bias.equal(bias)
    assert layer.weight is not weight
    with pytest.raises(ShapeError) as caught:
        layer.set_bias(torch.zeros(5))
    assert str(caught.value) == "Parameter: value has shape (5,). The parameter's shape is (4,)."


def test_there_may_be_no_bias_and_no_weight() -> None:
    assert Linear(2, 3, bias=False).bias is None
    with pytest.raises(AttributeError) as caught:
        Linear(2, 3, bias=False).set_bias(torch.zeros(3))
    assert str(caught.value) == "Linear has no parameter 'bias'"
    with pytest.raises(AttributeError) as caught:
        _ = ReLU().weight
    assert str(caught.value) == "ReLU has no parameter 'weight'"


def test_zero_grad_reaches_all_parameters() -> None:
    model = network()
    for parameter in model.param():
        parameter.add_gradient(torch.ones_like(parameter.value))
    model.zero_grad()
    assert not any(gradient.any() for _, gradient in model.param())


def test_transpose_conv2d_is_another_name() -> None:
    assert TransposeConv2d is ConvTranspose2d


# Modes and dtypes


def test_train_and_eval_reach_all_modules_and_return_the_model() -> None:
    model = network()
    assert [type(module).__name__ for module in model.modules()] == [
        "Sequential",
        "Conv2d",
        "ReLU",
        "Upsampling",
        "NearestUpsampling",
        "Conv2d",
    ]
    assert all(module.training for module in model.modules())
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert model.train() is model
    assert all(module.training for module in model.modules())


def test_evaluation_gives_the_same_output() -> None:
    model, x = network(), torch.randn(2, 1, 5, 5)
    assert model.forward(x).equal(model.eval().forward(x))
    assert model(x).equal(model.forward(x))


def test_to_converts_values_and_gradients() -> None:
    model = network()
    assert model.to("cpu", torch.float64) is model
    for value, gradient in model.param():
        assert value.dtype == gradient.dtype == torch.float64
    assert model.forward(torch.ones(1, 1, 5, 5, dtype=torch.float64)).dtype == torch.float64


def test_to_refuses_dtypes_without_fractions() -> None:
    model = network()
    with pytest.raises(ArgumentError) as caught:
        model.to(torch.int64)
    assert str(caught.value) == (
        "Sequential: parameters cannot be torch.int64. Use a floating-point dtype."
    )
    assert model[0].weight.dtype == torch.float32


# State dicts


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"0.bias": None}, "0.bias is missing"),
        ({"3.weight": torch.ones(1)}, "3.weight is unexpected"),
        ({"0.bias": torch.ones(3)}, "0.bias has shape (3,) instead of (2,)"),
        (
            {"0.weight": None, "weight": torch.ones(1), "2.1.weight": torch.ones(())},
            "0.weight is missing; weight is unexpected; "
            "2.1.weight has shape () instead of (1, 2, 3, 3)",
        ),
    ],
)
def test_a_state_dict_must_fit_exactly(change: dict[str, Tensor | None], difference: str) -> None:
    model, state = network(), {**network().state_dict(), **change}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(StateError) as caught:
        model.load_state_dict({name: value for name, value in state.items() if value is not None})
    assert str(caught.value) == f"Sequential: the state differs: {difference}."
    for name, value in model.state_dict().items():
        assert value.equal(before[name])


def test_state_dicts_of_torch_load_and_are_copied() -> None:
    conv = torch.nn.Conv2d(1, 2, 3)
    reference = torch.nn.Sequential(conv, torch.nn.ReLU(), torch.nn.Linear(4, 2))
    model = Sequential(Conv2d(1, 2, 3), ReLU(), Linear(4, 2))
    model.load_state_dict(reference.state_dict())
    x = torch.randn(3, 1, 5, 6)
    assert torch.allclose(model.forward(x), reference(x))
    assert not any(value.requires_grad for value, _ in model.param())

    model[0].set_bias(torch.tensor([5.0, 6.0]))
    assert conv.bias is not None
    assert conv.bias.tolist() != [5.0, 6.0]
    reference.load_state_dict(model.state_dict(), strict=True)
    assert conv.bias.tolist() == [5.0, 6.0]


def test_values_are_converted_to_the_models_dtype() -> None:
    model = Linear(2, 3)
    model.load_state_dict(Linear(2, 3).to(torch.float64).state_dict())
    assert model.weight.dtype == torch.float32


# Backward


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (Conv2d(1, 2, 3), "Conv2d"),
        (ConvTranspose2d(1, 2, 3), "ConvTranspose2d"),
        (Upsampling(1, 2, 3), "Conv2d"),
        (NearestUpsampling(2), "NearestUpsampling"),
        (Linear(3, 4), "Linear"),
        (ReLU(), "ReLU"),
        (Sequential(ReLU(), Sigmoid()), "Sigmoid"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Module) else "",
)
def test_backward_needs_a_forward_in_training_mode(module: Module, name: str) -> None:
    message = (
        f"{name}: backward has no forward pass to go back through. "
        "Call forward in training mode first."
    )
    with pytest.raises(BackwardError) as caught:
        module.backward(torch.ones(1, 2, 3, 3))
    assert str(caught.value) == message
    x = torch.ones(1, 1, 3, 3)
    module.forward(x)
    y = module.eval().forward(x)
    with pytest.raises(BackwardError) as caught:
        module.backward(torch.ones_like(y))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("module", "name", "y_shape"),
    [
        (Conv2d(2, 3, 3), "Conv2d", (1, 3, 2, 3)),
        (ConvTranspose2d(2, 3, 3), "ConvTranspose2d", (1, 3, 6, 7)),
        (Upsampling(2, 3, 3), "Conv2d", (1, 3, 6, 8)),
        (NearestUpsampling(2), "NearestUpsampling", (1, 2, 8, 10)),
        (Linear(5, 4), "Linear", (1, 2, 4, 4)),
        (ReLU(), "ReLU", (1, 2, 4, 5)),
        (Sigmoid(), "Sigmoid", (1, 2, 4, 5)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Module) else "",
)
def test_backward_refuses_another_shape(
    module: Module, name: str, y_shape: tuple[int, ...]
) -> None:
    module.forward(torch.ones(1, 2, 4, 5))
    with pytest.raises(ShapeError) as caught:
        module.backward(torch.ones(1, 1, 1, 1))  # would broadcast
    assert str(caught.value) == (
        f"{name}: the gradient given to backward has shape (1, 1, 1, 1). "
        f"The output's shape is {y_shape}."
    )


def test_what_forward_kept_can_be_dropped() -> None:
    model, x = network(), torch.ones(1, 1, 5, 5)
    y = model.forward(x)
    model.clear_saved()
    for module in (model, *model.modules()):
        with pytest.raises(BackwardError):
            module.backward(torch.ones_like(y))


# Facts about the mathematics of forward


class States(ReLU):
    batch_independent = True

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class StatesNothing(ReLU):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0))


class OnlyBackward(ReLU):
    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y)


class Asks(Module):
    uses_batch_statistics = True


class AsksAndReplaces(Asks):
    batch_independent = True

    def forward(self, x: Tensor) -> Tensor:
        return x


class InheritsThat(AsksAndReplaces):
    pass


@pytest.mark.parametrize(
    ("kind", "independent", "statistics"),
    [
        (Module, False, False),
        (ReLU, True, False),
        (States, True, False),
        (StatesNothing, False, False),
        (OnlyBackward, True, False),
        (Asks, False, True),
        (AsksAndReplaces, True, False),
        (InheritsThat, True, False),
    ],
)
def test_a_class_with_a_forward_of_its_own_states_its_facts_itself(
    kind: type[Module], independent: bool, statistics: bool
) -> None:
    facts = kind.batch_independent, kind.uses_batch_statistics
    assert facts == (independent, statistics)


@pytest.mark.parametrize(
    "kind",
    [Conv2d, ConvTranspose2d, Linear, NearestUpsampling, ReLU, Sequential, Sigmoid, Upsampling],
)
def test_each_layer_here_treats_images_alone(kind: type[Module]) -> None:
    assert kind.batch_independent
    assert not kind.uses_batch_statistics


# A layer that is not finished


@pytest.mark.parametrize("method", ["forward", "backward", "output_shape"])
def test_the_base_implements_no_layer(method: str) -> None:
    class Unfinished(Module):
        """Nothing yet."""

    with pytest.raises(NotImplementedError) as caught:
        getattr(Unfinished(), method)(torch.ones(1))
    assert str(caught.value) == f"Unfinished.{method}"
