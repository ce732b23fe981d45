"""RMSprop: steps scaled by a running mean of the squared gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from torch import Tensor

from zoo.optim import Optimizer
from zoo.spec.arguments import number
from zoo_descent.arguments import forgetting


class RMSprop(Optimizer):
    """RMSprop; options and results are those of ``torch.optim.RMSprop``.

    With w the value, g its gradient (-g if ``maximize``), lambda the weight decay and mu the
    momentum::

        g <- g + lambda w
        v <- alpha v + (1 - alpha) g²           starting from 0
        m <- alpha m + (1 - alpha) g            starting from 0, if centered
        s <- sqrt(v - m²) if centered, else sqrt(v)
        b <- mu b + g / (s + eps)               starting from 0
        w <- w - lr b

    Without momentum b is g / (s + eps). eps is added to the root, not inside it. v - m² is the
    variance of the gradients and never negative; where rounding makes it so it is taken as 0.

    Args:
        params: (value, gradient) pairs.
        lr: the learning rate, >= 0.
        alpha: how slowly the running means forget, in [0, 1).
        eps: keeps the division finite, >= 0.
        weight_decay: lambda, >= 0: the gradient of an L2 penalty lambda/2 |w|².
        momentum: mu, >= 0; 0 for none.
        centered: whether to scale by the deviation of the gradients instead of their root mean
            square.
        maximize: whether to go up the gradient instead of down.

    Raises:
        ArgumentError: no parameters or impossible options.

    Source: Hinton, Neural networks for machine learning, lecture 6e, 2012,
        https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; centered: Graves,
        Generating sequences with recurrent neural networks, 2013, https://arxiv.org/abs/1308.0850,
        equations 38 to 41;
        https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
    """

    options: ClassVar[tuple[str, ...]] = (
        "alpha",
        "eps",
        "weight_decay",
        "momentum",
        "centered",
        "maximize",
    )
    never_negative = ("square_avg",)
    multi_tensor = True

    def __init__(
        self,
        params: Iterable[Iterable[Tensor]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr)
        self.alpha = forgetting("RMSprop", "alpha", alpha)
        self.eps = number("RMSprop", "eps", eps, minimum=0)
        self.weight_decay = number("RMSprop", "weight_decay", weight_decay, minimum=0)
        self.momentum = number("RMSprop", "momentum", momentum, minimum=0)
        self.centered = centered
        self.maximize = maximize

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        """Take one step."""
        if self.maximize:
            gradient = gradient.neg()
        if self.weight_decay:
            gradient = gradient.add(value, alpha=self.weight_decay)  # g + lambda w

        square = state["square_avg"]
        square.mul_(self.alpha).addcmul_(gradient, gradient, value=1 - self.alpha)  # v
        if self.centered:
            mean = state["grad_avg"].lerp_(gradient, 1 - self.alpha)  # m
            square = square.addcmul(mean, mean, value=-1).clamp_min_(0)  # v - m²
        scale = square.sqrt().add_(self.eps)

        if self.momentum:
            buffer = state["momentum_buffer"].mul_(self.momentum).addcdiv_(gradient, scale)  # b
            value.add_(buffer, alpha=-self.lr)
        else:
            value.addcdiv_(gradient, scale, value=-self.lr)

    def state_names(self) -> tuple[str, ...]:
        """v, m if centered, and b if there is a momentum, by their names in PyTorch."""
        names = {
            "square_avg": True,
            "grad_avg": self.centered,
            "momentum_buffer": self.momentum > 0,
        }
        return tuple(name for name, used in names.items() if used)
