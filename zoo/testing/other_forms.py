"""A layer computed in other ways: by the engine, and by its reference in torch.nn."""

from __future__ import annotations

import warnings

import torch

from zoo.engine.network import Network
from zoo.testing.cases import LayerCase
from zoo.testing.comparisons import NotApplicable, require_all_close, require_close
from zoo.testing.gradients import INPUT, backward_gradients
from zoo.testing.torch_equivalent import (
    UnknownClassError,
    check_against_torch,
    installed_references,
)


def check_lowered(case: LayerCase) -> None:
    """The engine computes the layer as it does itself: as plugins' lowerings say, or as it is."""
    module, x, grad_y = case.module(), case.input(), case.grad_y()
    expected = backward_gradients(case.module(), x, grad_y)
    network = Network(module)
    where = f"{case.id}: computed by the engine"
    require_close(f"{where}, the output", network.forward(x), case.module().forward(x))
    found = {INPUT: network.backward(grad_y)}
    found |= {name: parameter.gradient for name, parameter in module.named_parameters()}
    require_all_close(where, found, expected)
    module.zero_grad()
    y = network.forward(x)
    if network.output_reusable:
        y.fill_(torch.nan)
    network.backward_weights_only(grad_y)
    for name, parameter in module.named_parameters():
        require_close(f"{where} for the weights only, {name}", parameter.gradient, expected[name])


def check_reference(case: LayerCase) -> None:
    """Output and gradients are those of the layer's torch reference, where there is one."""
    if case.random:
        raise NotApplicable("torch draws other numbers")
    module = case.module()
    references = installed_references("layer")
    try:
        if case.torch_reference is not None:
            reference = case.torch_reference(module, references.layer)
        else:
            reference = references.layer(module)
    except UnknownClassError:
        raise NotApplicable("no torch reference is named") from None
    x = case.input()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of how it computes the same
        check_against_torch(module, reference.to(x.dtype), x)
