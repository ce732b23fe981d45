"""The contract of a layer, one check for each clause.

Every check takes a :class:`zoo.testing.LayerCase`, makes the layer anew, and raises AssertionError
with the case in its message where the clause does not hold, and :class:`zoo.testing.NotApplicable`
where it says nothing of the case. What the layer itself raises is not caught. Run them
all on all cases of a layer::

    @pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.__name__)
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
    def test_contract(case: LayerCase, check: LayerCheck) -> None:
        check(case)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import torch
from torch import Tensor

from zoo.errors import ShapeError
from zoo.nn import Module
from zoo.testing.cases import LayerCase, normal
from zoo.testing.comparisons import (
    NotApplicable,
    named_copies,
    require,
    require_all_close,
    require_close,
    require_raises,
)
from zoo.testing.extremes import check_large_values, check_larger_input, check_zeros
from zoo.testing.gradients import INPUT, backward_gradients, check_gradients
from zoo.testing.lifecycle import (
    check_backward_needs_forward,
    check_deterministic,
    check_devices,
    check_evaluation_saves_nothing,
    check_seed,
    check_state_dict,
    check_to,
)
from zoo.testing.onnx_equivalent import check_onnx
from zoo.testing.other_forms import check_lowered, check_reference
from zoo.testing.parts import check_batch_independent, check_uses_batch_statistics
from zoo.testing.randomness import check_random
from zoo.testing.shape_rules import check_shape_rule

SMALL: Final = 2.0**-27  # a factor that rounds nothing

LayerCheck = Callable[[LayerCase], None]


def check_output_shape(case: LayerCase) -> None:
    """The output is finite, and ``output_shape`` gives the shape that it really has."""
    y = case.module().forward(case.input())
    require(
        bool(y.isfinite().all()),
        f"{case.id}: with parameters and buffers drawn at random the output is not finite. "
        "If some must be positive, say so in the case's values.",
    )
    actual = tuple(y.shape)
    promised = (case.shape[0], *case.module().output_shape(case.shape[1:]))
    require(
        actual == promised,
        f"{case.id}: forward gives {actual}, output_shape promised {promised}.",
    )


def check_backward(case: LayerCase) -> None:
    """``backward`` gives the gradients that autograd and central differences give."""
    check_gradients(case.module(), case.input())


def check_backward_linear(case: LayerCase) -> None:
    """``backward`` is linear in the upstream gradient."""
    module, x = case.module(), case.input()
    first, second = (normal(case.y_shape(), seed) for seed in (2, 3))
    of_first = backward_gradients(module, x, first)
    of_second = backward_gradients(module, x, second)
    of_both = backward_gradients(module, x, 2 * first - 3 * second)
    expected = {name: 2 * of_first[name] - 3 * of_second[name] for name in of_first}
    require_all_close(f"{case.id}: backward of 2a - 3b", of_both, expected)
    of_small = backward_gradients(module, x, first * SMALL)
    restored = {name: gradient / SMALL for name, gradient in of_small.items()}
    require_all_close(f"{case.id}: backward of a / 2^27, times 2^27", restored, of_first)


def check_gradients_accumulate(case: LayerCase) -> None:
    """A second ``backward`` gives the same for the input and adds to the parameters' gradients."""
    module, x, grad_y = case.module(), case.input(), case.grad_y()
    once = backward_gradients(module, x, grad_y)
    grad_x = module.backward(grad_y)
    require_close(f"{case.id}: second backward, {INPUT}", grad_x, once[INPUT], 0)
    for name, parameter in module.named_parameters():
        require_close(f"{case.id}: second backward, {name}", parameter.gradient, 2 * once[name])
        parameter.zero_gradient()
        parameter.gradient.fill_(1)
    module.backward(grad_y)
    for name, parameter in module.named_parameters():
        where = f"{case.id}: backward with gradients of 1 before, {name}"
        require_close(where, parameter.gradient, once[name] + 1)


def check_latest_forward(case: LayerCase) -> None:
    """``backward`` goes back through the latest ``forward``, also after a larger batch."""
    module, x, grad_y = case.module(), case.input(), case.grad_y()
    module.forward(torch.cat([x, -x]))
    expected = backward_gradients(case.module(), x, grad_y)
    require_all_close(f"{case.id}: second forward", backward_gradients(module, x, grad_y), expected)


def check_nothing_else_changes(case: LayerCase) -> None:
    """Input, upstream gradient and values stay as they are; tensors of parameters are kept.

    Buffers may change in ``forward`` in training mode, and nowhere else.
    """
    module, x, grad_y = case.module(), case.input(), case.grad_y()
    parameters = dict(module.named_parameters())
    pairs = {name: tuple(parameter) for name, parameter in parameters.items()}
    watched = {INPUT: x, "the upstream gradient": grad_y}
    watched |= {name: parameter.value for name, parameter in parameters.items()}
    before = named_copies(watched)
    module.backward(torch.zeros_like(module.forward(x)))
    module.forward(x)
    for name, (_, gradient) in pairs.items():
        require(not gradient.any(), f"{case.id}: forward changes the gradient of {name}.")
    state = named_copies(module.state_dict())
    module.backward(grad_y)
    require_all_close(f"{case.id}: after forward and backward", watched, before, 0)
    for name, parameter in parameters.items():
        same = parameter.value is pairs[name][0] and parameter.gradient is pairs[name][1]
        require(same, f"{case.id}: {name} has other tensors. Change them in place.")
    require_all_close(f"{case.id}: after backward", module.state_dict(), state, 0)
    module.eval().forward(x)
    where = f"{case.id}: after forward in evaluation mode"
    require_all_close(where, module.state_dict(), state, 0)


def check_strides(case: LayerCase) -> None:
    """The strides of the input and of the upstream gradient make no difference."""
    if case.random:
        raise NotApplicable("what is drawn may depend on strides")
    module, x, grad_y = case.module(), case.input(), case.grad_y()
    y = module.forward(x)
    expected = backward_gradients(module, x, grad_y)
    for layout, same_x in _layouts(x):
        where = f"{case.id}: {layout} input"
        require_close(where, module.forward(same_x), y)
        require_all_close(where, backward_gradients(module, same_x, grad_y), expected)
    for layout, same_grad_y in _layouts(grad_y):
        actual = backward_gradients(module, x, same_grad_y)
        require_all_close(f"{case.id}: {layout} upstream gradient", actual, expected)
    _check_expanded(case, module)


def _check_expanded(case: LayerCase, module: Module) -> None:
    """One item seen as a whole batch, with stride 0, is that batch."""
    x = case.input()[:1].expand(case.shape)
    grad_y = case.grad_y()[:1].expand(case.y_shape())
    expected_y = module.forward(x.contiguous())
    expected = backward_gradients(module, x.contiguous(), grad_y.contiguous())
    require_close(f"{case.id}: expanded input", module.forward(x), expected_y)
    actual = backward_gradients(module, x, grad_y)
    require_all_close(f"{case.id}: expanded input and upstream gradient", actual, expected)


def check_unbatched(case: LayerCase) -> None:
    """Without the batch axis the same comes out, or the input is refused with a ShapeError."""
    module, x, grad_y = case.module(), case.input()[:1], case.grad_y()[:1]
    if not case.unbatched:
        require_raises(f"{case.id}: no batch axis", ShapeError, module.forward, x[0])
        return
    y = module.forward(x)
    expected = backward_gradients(module, x, grad_y)
    expected[INPUT] = expected[INPUT][0]
    require_close(f"{case.id}: no batch axis, the output", module.forward(x[0]), y[0])
    actual = backward_gradients(module, x[0], grad_y[0])
    require_all_close(f"{case.id}: no batch axis", actual, expected)


def check_batch_of_one(case: LayerCase) -> None:
    """Every item of a batch is treated as it is on its own; its gradients add up."""
    if case.mixes_batch:
        raise NotApplicable("the batch is mixed")
    if case.random:
        raise NotApplicable("each item of a batch draws other numbers")
    module, x, grad_y = case.module(), case.input(), case.grad_y()
    y = module.forward(x)
    together = backward_gradients(module, x, grad_y)
    alone = []
    for item in range(case.shape[0]):
        one = slice(item, item + 1)
        require_close(f"{case.id}: item {item} alone", module.forward(x[one]), y[one])
        alone.append(backward_gradients(module, x[one], grad_y[one]))
    expected = {name: torch.stack([each[name] for each in alone]).sum(0) for name in alone[0]}
    expected[INPUT] = torch.cat([each[INPUT] for each in alone])
    require_all_close(f"{case.id}: all items alone", together, expected)


def check_empty_batch(case: LayerCase) -> None:
    """A batch of none gives an output of none, and gradients of zero."""
    module = case.module()
    y_shape = (0, *case.y_shape()[1:])
    y = module.forward(torch.zeros(0, *case.shape[1:], dtype=torch.float64))
    require(
        tuple(y.shape) == y_shape,
        f"{case.id}: an empty batch gives {tuple(y.shape)}. It should give {y_shape}.",
    )
    grad_x = module.backward(torch.zeros_like(y))
    empty = torch.zeros(0, *case.shape[1:], dtype=torch.float64)
    require_close(f"{case.id}: empty batch, {INPUT}", grad_x, empty, 0)
    for name, (value, gradient) in module.named_parameters():
        where = f"{case.id}: empty batch, gradient of {name}"
        require_close(where, gradient, torch.zeros_like(value), 0)


def check_dtypes(case: LayerCase) -> None:
    """float32 and float64 go in and come out, and float32 is float64 rounded."""
    results = {}
    for dtype in (torch.float32, torch.float64):
        module = case.module(dtype=torch.float32).to(dtype)  # rounded in both
        x, grad_y = (t.float().to(dtype) for t in (case.input(), case.grad_y()))
        tensors = {"the output": module.forward(x), **backward_gradients(module, x, grad_y)}
        for name, tensor in tensors.items():
            require(
                tensor.dtype == dtype,
                f"{case.id}: {name} of a {dtype} input is {tensor.dtype}. It should be {dtype}.",
            )
        results[dtype] = {name: tensor.double() for name, tensor in tensors.items()}
    if case.random:  # another dtype draws other numbers
        return
    actual, expected = results[torch.float32], results[torch.float64]
    require_all_close(f"{case.id}: float32 against float64", actual, expected, 1e-4)


def check_wrong_gradient_shape(case: LayerCase) -> None:
    """An upstream gradient of another shape is refused, and nothing is added."""
    module = case.module()
    module.forward(case.input())
    first, *middle, last = case.y_shape()
    wrong = [(first, *middle, last + 1), (first + 1, *middle, last), (1, first, *middle, last), ()]
    for shape in wrong:
        where = f"{case.id}: upstream gradient of shape {shape} instead of {case.y_shape()}"
        require_raises(where, ShapeError, module.backward, normal(shape, seed=2))
        for name, parameter in module.named_parameters():
            untouched = not parameter.gradient.any()
            require(untouched, f"{where}: the gradient of {name} has changed.")


LAYER_CHECKS: Final[tuple[LayerCheck, ...]] = (
    check_output_shape,
    check_shape_rule,
    check_backward,
    check_backward_linear,
    check_zeros,
    check_large_values,
    check_larger_input,
    check_backward_needs_forward,
    check_gradients_accumulate,
    check_lowered,
    check_latest_forward,
    check_nothing_else_changes,
    check_strides,
    check_unbatched,
    check_batch_of_one,
    check_batch_independent,
    check_uses_batch_statistics,
    check_empty_batch,
    check_dtypes,
    check_to,
    check_evaluation_saves_nothing,
    check_wrong_gradient_shape,
    check_state_dict,
    check_seed,
    check_deterministic,
    check_random,
    check_devices,
    check_reference,
    check_onnx,
)


def _layouts(tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The same values with other strides."""
    if tensor.dim() >= 2:
        yield "transposed", tensor.transpose(0, -1).contiguous().transpose(0, -1)
    twice = torch.stack([tensor, torch.full_like(tensor, torch.nan)], dim=-1)
    yield "strided", twice[..., 0]
    if tensor.dim() == 4:
        yield "channels_last", tensor.contiguous(memory_format=torch.channels_last)
