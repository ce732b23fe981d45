"""Initial values that keep lengths and angles."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.errors import ArgumentError
from zoo.spec.arguments import number


@dataclass(frozen=True)
class Orthogonal:
    """Orthogonal rows or columns, drawn uniformly from all such matrices.

    The weight W is seen as a matrix with a row for each output (Cout, Cin kh kw)::

        W Wᵀ = gain² 1 if it has no more rows than columns, else Wᵀ W = gain² 1

    Such a matrix changes neither lengths nor angles, but for what it drops, so that a deep chain of
    them neither grows nor shrinks a signal in any direction. It comes from the QR decomposition of
    a matrix of normal numbers; that Q is uniform only with the signs of the diagonal of R made
    positive. Values are those of ``torch.nn.init.orthogonal_``.

    Args:
        gain: factor of all values.

    Raises:
        ArgumentError: the gain is not a finite number, or the value has fewer than two axes.

    Source: Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning in
        deep linear neural networks, 2014, https://arxiv.org/abs/1312.6120; Mezzadri, How to
        generate random matrices from the classical compact groups, 2007,
        https://arxiv.org/abs/math-ph/0609050, section 5;
        https://docs.pytorch.org/docs/stable/nn.init.html
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        number("Orthogonal", "gain", self.gain)

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; the fans are not used."""
        if value.dim() < 2:
            raise ArgumentError(
                f"Orthogonal: a value of shape {tuple(value.shape)} is no matrix. "
                "Use another initializer for biases."
            )
        rows = len(value)
        columns = value.numel() // max(rows, 1)
        drawn = value.new_empty(rows, columns).normal_(generator=generator)
        tall = drawn if rows >= columns else drawn.t()
        q, r = torch.linalg.qr(tall)
        q = q * r.diagonal().sign()
        value.copy_((q if rows >= columns else q.t()).reshape(value.shape)).mul_(self.gain)
