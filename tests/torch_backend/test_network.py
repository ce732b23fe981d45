"""A network in torch.nn on zoo's own tensors."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from zoo.engine import lower
from zoo.inference.any_size import any_size
from zoo.inference.tiles import tiled_tensor
from zoo.nn import MSE, Conv2d, ReLU, Sequential, Upsampling
from zoo.optim import SGD
from zoo.testing import torch_equivalent
from zoo.torch_backend.network import TorchNetwork, share_gradients, tie
from zoo.torch_backend.step import training_step
from zoo.train import TrainStep


@pytest.fixture
def model() -> Sequential:
    """Two of its convolutions are one; it takes even sizes."""
    generator = torch.Generator().manual_seed(0)
    first, second = (Conv2d(4, 4, 3, padding=1, generator=generator) for _ in range(2))
    second.parameters = first.parameters
    return Sequential(
        Conv2d(3, 4, 3, stride=2, padding=1, generator=generator),
        ReLU(),
        first,
        ReLU(),
        second,
        Upsampling(4, 3, 3, padding=1, generator=generator),
    )


def test_it_has_the_tensors_themselves(model: Sequential) -> None:
    reference = torch_equivalent(model)
    parameters = tie(model, reference)
    assert [it.shape for it in parameters] == [it.value.shape for it in model.param()]
    assert [*map(id, parameters)] == [*map(id, reference.parameters())]
    for name, value in model.state_dict().items():
        assert reference.state_dict()[name].data_ptr() == value.data_ptr(), name
    model.children["0"].parameters["bias"].value.fill_(3.0)
    assert reference[0].bias.tolist() == [3.0] * 4


def test_steps_are_those_of_zoo_also_of_shared_weights(model: Sequential) -> None:
    other = deepcopy(model)
    reference = torch_equivalent(other)
    parameters = tie(other, reference)
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    cpu = torch.device("cpu")
    by_torch = training_step(reference, torch.nn.MSELoss(), optimizer, "float32", cpu)
    by_zoo = TrainStep(model, MSE(), SGD(model.param(), lr=0.1, momentum=0.9))
    x, target = torch.rand(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(5):
        loss = by_zoo(x, target)
        torch.testing.assert_close(by_torch(x, target), loss)
        share_gradients(other, parameters)
        for own, expected in zip(other.param(), model.param(), strict=True):
            torch.testing.assert_close(own.gradient, expected.gradient)
            torch.testing.assert_close(own.value, expected.value)


def test_a_gradient_that_nothing_has_reached_is_zero(model: Sequential) -> None:
    parameters = tie(model, torch_equivalent(model))
    parameters[0].grad = torch.ones_like(parameters[0])
    share_gradients(model, parameters)
    first, *others = (parameter.gradient for parameter in model.param())
    assert bool((first == 1).all())
    assert not any(bool(gradient.any()) for gradient in others)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (32, 40)])
def test_pictures_of_any_size(size: tuple[int, int], model: Sequential) -> None:
    reference = torch_equivalent(model)
    tie(model, reference)
    network, own = TorchNetwork(model, reference), lower(deepcopy(model).eval())
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(any_size(network, images), any_size(own, images))
    torch.testing.assert_close(tiled_tensor(network, images, tile=8), any_size(own, images))
    for value, _ in model.param():
        value.mul_(2)  # its weights are the model's latest
    changed = any_size(lower(deepcopy(model).eval()), images)
    torch.testing.assert_close(any_size(network, images), changed)
    assert reference.training
    assert not network(images[:, :, :2, :2]).requires_grad
