"""The contract of a loss, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Final

import torch
from torch import Tensor

from zoo.errors import BackwardError
from zoo.testing.cases import normal
from zoo.testing.comparisons import NotApplicable, require, require_close, require_raises
from zoo.testing.gradients import autograd_loss_gradient, check_loss_gradient
from zoo.testing.members import require_methods
from zoo.testing.torch_equivalent import UnknownClassError, installed_references, takes_mask

SHAPE: Final = (3, 3, 4, 5)
METHODS: Final = (("forward", ("y", "target")), ("backward", ()))


@dataclass(frozen=True)
class LossCase:
    """One set of options of a loss.

    Attributes:
        build: the loss's class, or a ``functools.partial`` of it with its options.
        id: the name of the case in reports and messages.
        torch_reference: makes the same of torch, as a record's ``torch_reference`` does; what the
            installed entry of the loss's class names, if None.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    build: Callable[[], Any]
    id: str
    torch_reference: Callable[..., Any] | None = None
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_mask(self) -> bool:
        """Whether ``forward`` takes a mask."""
        return "mask" in signature(self.build().forward).parameters


LossCheck = Callable[[LossCase], None]


def check_methods(case: LossCase) -> None:
    """There are ``forward`` and ``backward``, called as zoo calls them."""
    require_methods(case.id, case.build(), METHODS)


def check_value(case: LossCase) -> None:
    """The loss is a finite tensor without axes, and output and target stay as they are."""
    (y, before), (target, expected) = ((_draw(seed), _draw(seed)) for seed in (1, 2))
    loss = case.build()
    value = loss.forward(y, target)
    fits = isinstance(value, Tensor) and value.dim() == 0 and bool(value.isfinite())
    require(fits, f"{case.id}: the loss is {value!r}. Return a finite tensor without axes.")
    loss.backward()
    require_close(f"{case.id}: after backward, the output", y, before, 0)
    require_close(f"{case.id}: after backward, the target", target, expected, 0)


def check_backward(case: LossCase) -> None:
    """``backward`` gives the gradient that autograd and central differences give."""
    check_loss_gradient(case.build(), _draw(1), _draw(2))


def check_backward_of_near(case: LossCase) -> None:
    """Where output and target nearly agree ``backward`` is autograd's; where they do, finite."""
    target = _draw(2)
    magnitudes = torch.logspace(-7, -3, target.numel(), dtype=target.dtype).reshape(target.shape)
    y = target + magnitudes * _draw(1).sign()
    _, gradient = _value_and_gradient(case.build(), y, target)
    expected = autograd_loss_gradient(case.build(), y, target)
    where = f"{case.id}: where output and target differ by 1e-7 to 1e-3"
    require_close(f"{where}, the gradient", gradient, expected)
    _, gradient = _value_and_gradient(case.build(), y.where(_draw(3) > 0, target), target)
    require(
        bool(gradient.isfinite().all()),
        f"{case.id}: where some numbers of output and target are the same the gradient is not "
        "finite.",
    )


def check_backward_needs_forward(case: LossCase) -> None:
    """``backward`` of a new loss raises BackwardError."""
    require_raises(f"{case.id}: backward before forward", BackwardError, case.build().backward)


def check_deterministic(case: LossCase) -> None:
    """The same again, and after another batch, gives the same, without torch's global generator."""
    loss, before = case.build(), torch.get_rng_state()
    first = _value_and_gradient(loss, _draw(1), _draw(2))
    loss.forward(_draw(4)[:1], _draw(5)[:1])
    for name, again, expected in zip(
        ("the loss", "the gradient"),
        _value_and_gradient(loss, _draw(1), _draw(2)),
        first,
        strict=True,
    ):
        require_close(f"{case.id}: the same again, {name}", again, expected, 0)
    unused = torch.equal(torch.get_rng_state(), before)
    require(unused, f"{case.id}: torch's global generator is used.")


def check_dtypes(case: LossCase) -> None:
    """float32 gives float32, with the value and the gradient of float64, rounded."""
    wide = _value_and_gradient(case.build(), _draw(1).float().double(), _draw(2).float().double())
    narrow = _value_and_gradient(case.build(), _draw(1).float(), _draw(2).float())
    for name, actual, expected in zip(("loss", "gradient"), narrow, wide, strict=True):
        require(
            actual.dtype == torch.float32,
            f"{case.id}: the {name} of a torch.float32 output is {actual.dtype}. "
            "It should be torch.float32.",
        )
        where = f"{case.id}: float32 against float64, the {name}"
        require_close(where, actual.double(), expected, 1e-4)


def check_strides(case: LossCase) -> None:
    """The strides of output and target make no difference."""
    expected = _value_and_gradient(case.build(), _draw(1), _draw(2))
    last = [each.contiguous(memory_format=torch.channels_last) for each in (_draw(1), _draw(2))]
    for y, target in (last, (last[0], _draw(2)), (_draw(1), last[1])):
        actual = _value_and_gradient(case.build(), y, target)
        for name, found, right in zip(("loss", "gradient"), actual, expected, strict=True):
            require_close(f"{case.id}: in channels_last, the {name}", found, right)


def check_empty_batch(case: LossCase) -> None:
    """A batch of no images has a gradient of its shape."""
    loss, none = case.build(), _draw(1)[:0]
    for masks in ([], [none[:, :1]]) if case.takes_mask else ([],):
        loss.forward(none, none, *masks)
        require_close(f"{case.id}: the gradient of an empty batch", loss.backward(), none, 0)


def check_mean_of_images(case: LossCase) -> None:
    """With ``mean_of_images`` the loss of a batch is the mean of those of its images."""
    if not getattr(case.build(), "mean_of_images", False):
        raise NotApplicable("mean_of_images is False")
    y, target = _draw(1), _draw(2)
    value, gradient = _value_and_gradient(case.build(), y, target)
    pairs = zip(y, target, strict=True)
    alone = [_value_and_gradient(case.build(), one[None], of[None]) for one, of in pairs]
    where = f"{case.id}: mean_of_images is True; the mean over the images"
    mean = torch.stack([each for each, _ in alone]).mean()
    require_close(f"{where}, the loss", value, mean)
    gradients = torch.cat([each for _, each in alone]) / len(y)
    require_close(f"{where}, the gradient", gradient, gradients)


def check_reference(case: LossCase) -> None:
    """Value and gradient are those of the loss's torch reference, where there is one."""
    loss = case.build()
    try:
        make = case.torch_reference or installed_references("loss").of(loss)
    except UnknownClassError:
        raise NotApplicable("no torch reference is named") from None
    reference = make(loss)
    masked = case.takes_mask and takes_mask(reference)
    for masks in ([], [_mask(case)]) if masked else ([],):
        value, gradient = _value_and_gradient(loss, _draw(1), _draw(2), *masks)
        with torch.enable_grad():
            leaf = _draw(1).requires_grad_()
            expected = reference(leaf, _draw(2), *masks)
            (expected_gradient,) = torch.autograd.grad(expected, leaf)
        where = f"{case.id}: {'with a mask ' if masks else ''}against torch"
        require_close(f"{where}, the loss", value, expected.detach())
        require_close(f"{where}, the gradient", gradient, expected_gradient)


def check_mask(case: LossCase) -> None:
    """With a mask ``backward`` gives the gradient that autograd and central differences give."""
    check_loss_gradient(case.build(), _draw(1), _draw(2), _mask(case))


def check_mask_of_ones(case: LossCase) -> None:
    """A mask of ones is no mask."""
    ones = torch.ones_like(_mask(case))
    _compare(f"{case.id}: a mask of ones", case, (_draw(1), _draw(2), ones), (_draw(1), _draw(2)))


def check_outside_the_mask(case: LossCase) -> None:
    """What the mask leaves out changes nothing, and has no gradient."""
    mask = _mask(case)
    other = _draw(1).where(mask.bool(), _draw(4)), _draw(2).where(mask.bool(), _draw(5))
    where = f"{case.id}: with other values where the mask is 0"
    _compare(where, case, (*other, mask), (_draw(1), _draw(2), mask))
    _, gradient = _value_and_gradient(case.build(), _draw(1), _draw(2), mask)
    outside = gradient * (1 - mask)
    where = f"{case.id}: the gradient where the mask is 0"
    require_close(where, outside, torch.zeros_like(outside), 0)


def check_masked_images(case: LossCase) -> None:
    """A batch in which whole images are left out has the loss of the others: it is a mean."""
    mask = torch.ones_like(_mask(case))
    mask[1:] = 0
    y, target = _draw(1), _draw(2)
    value, gradient = _value_and_gradient(case.build(), y, target, mask)
    expected, of_first = _value_and_gradient(case.build(), y[:1], target[:1])
    where = f"{case.id}: a mask that leaves out all images but one"
    require_close(f"{where}, the loss", value, expected)
    require_close(f"{where}, the gradient", gradient[:1], of_first)


def check_mask_of_zeros(case: LossCase) -> None:
    """A mask that leaves out everything gives a finite loss and no gradient."""
    zeros = torch.zeros_like(_mask(case))
    value, gradient = _value_and_gradient(case.build(), _draw(1), _draw(2), zeros)
    require(bool(value.isfinite()), f"{case.id}: with a mask of zeros the loss is {value}.")
    require_close(
        f"{case.id}: with a mask of zeros, the gradient", gradient, torch.zeros_like(gradient), 0
    )


LOSS_CHECKS: Final[Sequence[LossCheck]] = (
    check_methods,
    check_value,
    check_backward,
    check_backward_of_near,
    check_backward_needs_forward,
    check_deterministic,
    check_dtypes,
    check_strides,
    check_empty_batch,
    check_mean_of_images,
    check_reference,
    check_mask,
    check_mask_of_ones,
    check_outside_the_mask,
    check_masked_images,
    check_mask_of_zeros,
)


def _draw(seed: int) -> Tensor:
    return normal(SHAPE, seed)


def _mask(case: LossCase) -> Tensor:
    """A mask of a half of the pixels, (N, 1, H, W)."""
    if not case.takes_mask:
        raise NotApplicable("no mask is taken")
    return (_draw(3)[:, :1] > 0).double()


def _value_and_gradient(loss: Any, *arguments: Tensor) -> tuple[Tensor, Tensor]:
    value = loss.forward(*arguments)
    return value.clone(), loss.backward().clone()


def _compare(where: str, case: LossCase, one: Sequence[Tensor], other: Sequence[Tensor]) -> None:
    """Two ways to call the loss that should give the same."""
    found, expected = (_value_and_gradient(case.build(), *each) for each in (one, other))
    require_close(f"{where}, the loss", found[0], expected[0])
    require_close(f"{where}, the gradient", found[1], expected[1])
