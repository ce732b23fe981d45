"""Stochastic gradient descent, with momentum if wanted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from torch import Tensor

from zoo.optim.optimizer import Optimizer
from zoo.spec.arguments import number
from zoo.spec.constraints import nesterov_momentum


class SGD(Optimizer):
    """Stochastic gradient descent; options and results are those of ``torch.optim.SGD``.

    With w the value, g its gradient (-g if ``maximize``), lambda the weight decay, mu the momentum
    and tau the dampening::

        g <- g + lambda w
        b <- g in the first step, then mu b + (1 - tau) g
        w <- w - lr (g + mu b) if nesterov, else w - lr b

    Without momentum b is g. Report R1 writes u <- gamma u + eta g and w <- w - u, with the rate
    inside the sum. While the rate is constant u is lr b and both take the same steps; when it
    changes, PyTorch's form scales the whole sum by the new rate, R1's only what is added to it.

    Args:
        params: (value, gradient) pairs.
        lr: the learning rate, >= 0.
        momentum: mu, >= 0; 0 for none.
        dampening: tau.
        weight_decay: lambda, >= 0: the gradient of an L2 penalty lambda/2 |w|².
        nesterov: whether to look ahead along b; needs a momentum, and no dampening.
        maximize: whether to go up the gradient instead of down.

    Raises:
        ArgumentError: no parameters or impossible options.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """

    options: ClassVar[tuple[str, ...]] = (
        "momentum",
        "dampening",
        "weight_decay",
        "nesterov",
        "maximize",
    )
    multi_tensor = True

    def __init__(
        self,
        params: Iterable[Iterable[Tensor]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr)
        self.momentum = number("SGD", "momentum", momentum, minimum=0)
        self.dampening = number("SGD", "dampening", dampening)
        self.weight_decay = number("SGD", "weight_decay", weight_decay, minimum=0)
        self.nesterov = nesterov
        self.maximize = maximize
        nesterov_momentum(
            "SGD", {"momentum": momentum, "dampening": dampening, "nesterov": nesterov}
        )

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        """Take one step."""
        if self.maximize:
            gradient = gradient.neg()
        if self.weight_decay:
            gradient = gradient.add(value, alpha=self.weight_decay)  # g + lambda w
        if self.momentum:
            buffer = state["momentum_buffer"]
            if self.steps == 1:
                buffer.copy_(gradient)
            else:
                buffer.mul_(self.momentum).add_(gradient, alpha=1 - self.dampening)  # b
            gradient = gradient.add(buffer, alpha=self.momentum) if self.nesterov else buffer
        value.add_(gradient, alpha=-self.lr)

    def state_names(self) -> tuple[str, ...]:
        """b, if there is a momentum."""
        return ("momentum_buffer",) if self.momentum else ()
