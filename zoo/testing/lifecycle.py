"""The clauses of a layer's contract on its life: modes, devices, state, initial values."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.errors import BackwardError
from zoo.testing.cases import LayerCase
from zoo.testing.comparisons import (
    NotApplicable,
    copies,
    named_copies,
    require,
    require_all_close,
    require_close,
    require_raises,
)
from zoo.testing.gradients import backward_gradients


def check_backward_needs_forward(case: LayerCase) -> None:
    """``backward`` of a new layer raises BackwardError."""
    where = f"{case.id}: backward before forward"
    require_raises(where, BackwardError, case.module().backward, case.grad_y())


def check_evaluation_saves_nothing(case: LayerCase) -> None:
    """In evaluation mode nothing is kept, neither from before, and ``backward`` raises."""
    module = case.module()
    module.forward(case.input())
    module.eval()
    for when in ("after eval()", "after forward in evaluation mode"):
        for part in module.modules():
            kept = part._saved is not None
            require(not kept, f"{case.id}: {type(part).__name__} keeps tensors {when}.")
        require_raises(f"{case.id}: backward {when}", BackwardError, module.backward, case.grad_y())
        module.forward(case.input())


def check_to(case: LayerCase) -> None:
    """``to`` converts values, gradients and buffers, and drops what the last ``forward`` kept."""
    module = case.module(dtype=torch.float32)
    backward_gradients(module, case.input(torch.float32), case.grad_y().float())
    before = {name: copies(parameter) for name, parameter in module.named_parameters()}
    state = named_copies(module.state_dict())
    require(module.to(torch.float64) is module, f"{case.id}: to() gives another module.")
    for name, (value, gradient) in module.named_parameters():
        require_close(f"{case.id}: to(), value of {name}", value, before[name][0].double(), 0)
        require_close(f"{case.id}: to(), gradient of {name}", gradient, before[name][1].double(), 0)
    for name, value in module.state_dict().items():
        converted = state[name].double() if state[name].is_floating_point() else state[name]
        require_close(f"{case.id}: to(), {name}", value, converted, 0)
    require_raises(f"{case.id}: backward after to()", BackwardError, module.backward, case.grad_y())


def check_devices(case: LayerCase) -> None:
    """On a GPU the same comes out as on the CPU, and back on the CPU too; skipped without one."""
    if not torch.cuda.is_available():
        raise NotApplicable("there is no CUDA device")
    if case.random:
        raise NotApplicable("another device draws other numbers")
    module, x, grad_y = case.module(), case.input(), case.grad_y()
    y = module.forward(x)
    expected = {"the output": y, **backward_gradients(module, x, grad_y)}
    for device in ("cuda", "cpu"):
        module.to(device)
        moved = x.to(device), grad_y.to(device)
        actual = {"the output": module.forward(moved[0])}
        actual |= backward_gradients(module, *moved)
        for name, tensor in actual.items():
            there = tensor.device.type == device
            require(there, f"{case.id}: {name} of an input on {device} is on {tensor.device}.")
        on_cpu = {name: tensor.cpu() for name, tensor in actual.items()}
        require_all_close(f"{case.id}: on {device}", on_cpu, expected, 1e-8)


def check_deterministic(case: LayerCase) -> None:
    """The same again gives the same bits, without torch's global generator."""
    x, grad_y = case.input(), case.grad_y()
    module, other = case.fresh(), case.fresh()
    before = torch.get_rng_state()
    first, again = ({"the output": m.forward(x)} for m in (module, other))
    for result, each in ((first, module), (again, other)):
        result |= {"grad_x": each.backward(grad_y)}
        result |= {name: parameter.gradient for name, parameter in each.named_parameters()}
    _require_undrawn(case, before)
    require_all_close(f"{case.id}: a layer that is made and used the same", again, first, 0)
    module.eval()
    y = module.forward(x)
    require_close(f"{case.id}: forward again in evaluation mode", module.forward(x), y, 0)
    _require_undrawn(case, before)


def _require_undrawn(case: LayerCase, before: Tensor) -> None:
    require(
        torch.equal(torch.get_rng_state(), before),
        f"{case.id}: forward or backward draws from torch's global generator. If forward should, "
        "in training mode, declare zoo.testing.Case(random=True).",
    )


def check_state_dict(case: LayerCase) -> None:
    """Values loaded into a layer with others make it the same layer, on tensors of its own."""
    module, other = case.module(seed=0), case.module(seed=1)
    module.forward(case.input())  # what has buffers now has others than a new layer
    for parameter in other.param():
        parameter.set_value(torch.full_like(parameter.value, torch.nan))
    other.load_state_dict(module.state_dict())
    for mode, training in (("training", True), ("evaluation", False)):
        y = module.train(training).forward(case.input())
        y_other = other.train(training).forward(case.input())
        require_close(f"{case.id}: after load_state_dict, in {mode} mode", y_other, y, 0)
    for value in module.state_dict().values():
        value.zero_()
    y_after = other.forward(case.input())
    require_close(f"{case.id}: after the state dict's owner has changed", y_after, y, 0)


def check_seed(case: LayerCase) -> None:
    """A generator decides all random values, and torch's global one is not used."""
    if not case.takes_generator:
        raise NotApplicable("nothing is drawn")
    before = torch.get_rng_state()
    module, other = case.fresh(seed=3), case.fresh(seed=3)
    y, y_again = module.forward(case.input()), other.forward(case.input())
    require_close(f"{case.id}: same seed, the output", y_again, y, 0)
    require_all_close(f"{case.id}: same seed", other.state_dict(), module.state_dict(), 0)
    require(
        torch.equal(torch.get_rng_state(), before),
        f"{case.id}: torch's global generator is used. Use the one that is given.",
    )
    differing = dict(case.fresh(seed=4).named_parameters())
    drawn = {
        name: value
        for name, (value, _) in module.named_parameters()
        if not (value == value.flatten()[:1]).all()  # such as a bias of zeros
    }
    for name, value in drawn.items():
        differs = not value.equal(differing[name].value)
        require(differs, f"{case.id}: {name} does not depend on the seed.")
    if not drawn:
        raise NotApplicable("nothing is drawn")
