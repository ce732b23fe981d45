"""AdamW: Adam with a weight decay of its own."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from zoo.optim import Adam


class AdamW(Adam):
    """Adam with decoupled weight decay; options and results are those of ``torch.optim.AdamW``.

    With w the value, g its gradient (-g if ``maximize``), lambda the weight decay, and t the step
    counted from 1::

        w <- w - lr lambda w
        m <- beta1 m + (1 - beta1) g            starting from 0
        v <- beta2 v + (1 - beta2) g²           starting from 0
        u <- max(u, v) if amsgrad, else v
        w <- w - lr / (1 - beta1^t) m / (sqrt(u) / sqrt(1 - beta2^t) + eps)

    In Adam the decay is a part of g and is divided by sqrt(u) with it, so that weights with large
    gradients decay less. Here all decay alike, by the factor 1 - lr lambda in each step, and what
    is a good decay depends less on what is a good learning rate.

    Args:
        params: (value, gradient) pairs.
        lr: the learning rate, >= 0.
        betas: (beta1, beta2), each in [0, 1): how slowly the two moments forget.
        eps: keeps the division finite, >= 0.
        weight_decay: lambda, >= 0.
        amsgrad: whether to divide by the largest second moment so far.
        maximize: whether to go up the gradient instead of down; the values decay all the same.

    Raises:
        ArgumentError: no parameters or impossible options.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, 2019,
        https://arxiv.org/abs/1711.05101, algorithm 2, with lr in the place of their alpha and
        schedule multiplier;
        https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html
    """

    multi_tensor = True

    def __init__(
        self,
        params: Iterable[Iterable[Tensor]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize)

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        """Take one step."""
        if self.maximize:
            gradient = gradient.neg()
        if self.weight_decay:
            value.mul_(1 - self.lr * self.weight_decay)  # w - lr lambda w
        self.adapted_step(value, gradient, state)
