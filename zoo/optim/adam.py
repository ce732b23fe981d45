"""Adam: steps scaled by running moments of the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from torch import Tensor

from zoo.errors import ArgumentError
from zoo.optim.optimizer import Optimizer
from zoo.spec.arguments import is_number, number


class Adam(Optimizer):
    """Adam; options and results are those of ``torch.optim.Adam``.

    With w the value, g its gradient (-g if ``maximize``), lambda the weight decay, and t the step
    counted from 1::

        g <- g + lambda w
        m <- beta1 m + (1 - beta1) g            starting from 0
        v <- beta2 v + (1 - beta2) g²           starting from 0
        u <- max(u, v) if amsgrad, else v
        w <- w - lr / (1 - beta1^t) m / (sqrt(u) / sqrt(1 - beta2^t) + eps)

    The factors with t correct the bias of m and v towards their start. eps is added after the
    correction, as in algorithm 1 of the paper. With amsgrad the step sizes of an element cannot
    grow again once its gradients become small.

    Args:
        params: (value, gradient) pairs.
        lr: the learning rate, >= 0.
        betas: (beta1, beta2), each in [0, 1): how slowly the two moments forget.
        eps: keeps the division finite, >= 0.
        weight_decay: lambda, >= 0: the gradient of an L2 penalty lambda/2 |w|². It passes through
            the moments; this is not AdamW.
        amsgrad: whether to divide by the largest second moment so far.
        maximize: whether to go up the gradient instead of down.

    Raises:
        ArgumentError: no parameters or impossible options.

    Source: Kingma and Ba, Adam, 2015, https://arxiv.org/abs/1412.6980; amsgrad: Reddi, Kale and
        Kumar, On the convergence of Adam and beyond, 2018, https://openreview.net/forum?id=ryQu7f-RZ;
        https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html
    """

    options: ClassVar[tuple[str, ...]] = ("betas", "eps", "weight_decay", "amsgrad", "maximize")
    never_negative = ("exp_avg_sq", "max_exp_avg_sq")
    multi_tensor = True

    def __init__(
        self,
        params: Iterable[Iterable[Tensor]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr)
        self.betas = _betas(self._where, betas)
        self.eps = number(self._where, "eps", eps, minimum=0)
        self.weight_decay = number(self._where, "weight_decay", weight_decay, minimum=0)
        self.amsgrad = amsgrad
        self.maximize = maximize

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        """Take one step."""
        if self.maximize:
            gradient = gradient.neg()
        if self.weight_decay:
            gradient = gradient.add(value, alpha=self.weight_decay)  # g + lambda w
        self.adapted_step(value, gradient, state)

    def adapted_step(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        """Take the step for g as it is, without a decay: all but the formula's first line."""
        beta1, beta2 = self.betas
        correction1 = 1 - beta1**self.steps
        correction2 = 1 - beta2**self.steps

        first, second = state["exp_avg"], state["exp_avg_sq"]
        first.lerp_(gradient, 1 - beta1)  # m
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)  # v
        if self.amsgrad:
            second = state["max_exp_avg_sq"].clamp_min_(second)  # u
        scale = second.sqrt().div_(correction2**0.5).add_(self.eps)
        value.addcdiv_(first, scale, value=-self.lr / correction1)

    def state_names(self) -> tuple[str, ...]:
        """m and v, with amsgrad also u, by their names in PyTorch."""
        return ("exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if self.amsgrad else ()))


def _betas(where: str, betas: tuple[float, float]) -> tuple[float, float]:
    if (
        isinstance(betas, (tuple, list))
        and len(betas) == 2
        and all(is_number(beta, minimum=0) and beta < 1 for beta in betas)
    ):
        return float(betas[0]), float(betas[1])
    raise ArgumentError(f"{where}: betas is {betas!r}. Use two numbers >= 0 and < 1.")
