"""A network in torch.nn on the very tensors of zoo's."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor

from zoo.engine import Lowered
from zoo.nn import Sequential


def tie(model: Sequential, reference: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Give a network in torch.nn the tensors of zoo's, so that each changes with the other.

    That holds for values and buffers that are changed in place: not after ``model.to``, nor after
    the engine has lowered the model, which may lay out its weights anew.

    Args:
        model: the network.
        reference: the same in torch.nn, with the same names and shapes, on the same device.

    Returns:
        The reference's parameters, in the order of ``model.param()``.
    """
    made: dict[int, torch.nn.Parameter] = {}
    named = dict(model.named_parameters())
    for name, parameter in named.items():
        if id(parameter) not in made:
            made[id(parameter)] = reference.get_parameter(name)
            made[id(parameter)].data = parameter.value
        owner, _, key = name.rpartition(".")  # one that layers share is one in the reference too
        reference.get_submodule(owner).register_parameter(key, made[id(parameter)])
    for name, value in model.state_dict().items():
        if name not in named:
            owner, _, key = name.rpartition(".")
            reference.get_submodule(owner).register_buffer(key, value)
    return list(made.values())


def share_gradients(model: Sequential, parameters: Iterable[torch.nn.Parameter]) -> None:
    """Let the parameters of zoo's network have the gradients of torch's, in the same order."""
    for parameter, other in zip(model.param(), parameters, strict=True):
        if other.grad is None:
            parameter.zero_gradient()  # nothing has reached it
        else:
            parameter.gradient = other.grad


class TorchNetwork(Lowered):
    """A network in torch.nn, for inference on images of any size as the engine's is used.

    How large an image may be, and which part of one can reach which, is asked of a copy of zoo's
    network; all outputs are of torch.nn.

    Args:
        model: zoo's network.
        reference: the same in torch.nn; it is in evaluation mode for each image.
    """

    def __init__(self, model: Sequential, reference: torch.nn.Module) -> None:
        model.clear_saved()
        super().__init__(deepcopy(model).eval())
        self._reference = reference

    @property
    def images_at_once(self) -> int:
        """One: torch.nn shares the operations of an image among the cores by itself."""
        return 1

    def forward(self, x: Tensor) -> Tensor:
        """The network's output in evaluation mode, without gradients."""
        training = self._reference.training
        self._reference.eval()
        try:
            with torch.no_grad():
                y: Tensor = self._reference(x)
                return y
        finally:
            self._reference.train(training)
