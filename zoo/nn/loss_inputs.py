"""What the losses ask of their inputs: one shape, and a mask that broadcasts to it."""

from __future__ import annotations

from torch import Tensor

from zoo.errors import ShapeError


def check_target(loss: str, y: Tensor, target: Tensor) -> None:
    """Refuse a target of another shape than the output, which would broadcast.

    Raises:
        ShapeError: they differ in shape; ``loss`` is its name in the message.
    """
    if y.shape != target.shape:
        raise ShapeError(
            f"{loss}: the output is {tuple(y.shape)}, the target {tuple(target.shape)}. "
            "Give both the same shape."
        )


def keep_(loss: str, difference: Tensor, mask: Tensor) -> Tensor:
    """Set what is not in the mask to 0, in place.

    Args:
        loss: its name, for the message.
        difference: of output and target, any shape.
        mask: zeros and ones of any type, of a shape that broadcasts to that of ``difference``.

    Returns:
        The number of elements that are kept, at least 1: a tensor without axes.

    Raises:
        ShapeError: the mask does not broadcast.
    """
    try:
        mask.expand_as(difference)
    except RuntimeError:
        raise ShapeError(
            f"{loss}: the mask is {tuple(mask.shape)}, the output {tuple(difference.shape)}. "
            "Give a mask that broadcasts to the output."
        ) from None
    kept = mask.to(difference.dtype)
    difference.mul_(kept)
    return (kept.sum() * (difference.numel() / max(kept.numel(), 1))).clamp(min=1)
