"""Layers and containers that the engine does not know, with all that a plugin's might do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.nn import Module, Parameter, ReLU, all_gather


class SameShape(Module):
    """Its output has the shape of its input."""

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return tuple(input_shape)


class Scale(SameShape):
    """y = w x + b, the number b a buffer; says that each image stands alone."""

    batch_independent = True

    def __init__(self) -> None:
        super().__init__()
        self.parameters["weight"] = Parameter(torch.full((), 0.9))
        self.buffers["bias"] = torch.full((), 0.1)

    def forward(self, x: Tensor) -> Tensor:
        self.save(x)
        return self.weight * x + self.buffers["bias"]

    def backward(self, grad_y: Tensor) -> Tensor:
        (x,) = self.saved()
        self.require_gradient_shape(grad_y, x.shape)
        self.add_gradients(weight=(grad_y * x).sum())
        return self.weight * grad_y


class Doubled(ReLU):
    """A subclass of a layer that the engine knows, with passes of its own and no fact stated."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(2 * grad_y)


class MeanOfBatch(SameShape):
    """Subtracts the mean of the batch, of which it states nothing."""

    def forward(self, x: Tensor) -> Tensor:
        self.save(x.shape)
        return x - x.mean(0, keepdim=True)

    def backward(self, grad_y: Tensor) -> Tensor:
        (x_shape,) = self.saved()
        self.require_gradient_shape(grad_y, x_shape)
        return grad_y - grad_y.mean(0, keepdim=True)


def mean_of_batch(x: Tensor) -> Tensor:
    """That of all parts of the batch, which have one size."""
    return all_gather(x.mean(tuple(range(x.dim())))).mean(0)


class Centred(SameShape):
    """Subtracts the mean over images and pixels: in evaluation mode that of the batches before.

    Counts the batches, too.
    """

    uses_batch_statistics = True

    def __init__(self) -> None:
        super().__init__()
        self.parameters["weight"] = Parameter(torch.ones(()))
        self.buffers["mean"] = torch.zeros(())
        self.buffers["batches"] = torch.tensor(0)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.buffers["mean"]
        if self.training:
            mean = mean_of_batch(x)
            self.buffers["mean"].mul_(0.5).add_(mean, alpha=0.5)
            self.buffers["batches"] += 1
        self.save(x - mean)
        return self.weight * (x - mean)

    def backward(self, grad_y: Tensor) -> Tensor:
        (centred,) = self.saved()
        self.require_gradient_shape(grad_y, centred.shape)
        self.add_gradients(weight=(grad_y * centred).sum(tuple(range(grad_y.dim()))))
        return self.weight * (grad_y - mean_of_batch(grad_y))


class AlwaysCentred(SameShape):
    """Subtracts the batch's mean in evaluation mode, too."""

    uses_batch_statistics = True

    def forward(self, x: Tensor) -> Tensor:
        self.save(x.shape)
        return x - mean_of_batch(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        (x_shape,) = self.saved()
        self.require_gradient_shape(grad_y, x_shape)
        return grad_y - mean_of_batch(grad_y)


class ReadsANumber(SameShape):
    """Divides by a number that it reads, so it cannot be recorded; also mixes the batch."""

    def forward(self, x: Tensor) -> Tensor:
        self.save(x.abs().mean().item() + 1)
        return x / self.saved()[0] if self.training else x / (x.abs().mean().item() + 1)

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y / self.saved()[0]  # as if the number were none of x's


class Counts(SameShape):
    """Counts its calls in a number of Python, and computes with it."""

    batch_independent = False

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.save(1 / self.calls)
        return x * (1 / self.calls)

    def backward(self, grad_y: Tensor) -> Tensor:
        (factor,) = self.saved()
        return grad_y * factor


class Noisy(SameShape):
    """Adds numbers drawn from torch's global generator."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn(x.shape, dtype=x.dtype)  # not "like" x: that is in memory's order

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y


class Residual(Module):
    """y = x + body(x), the body an attribute."""

    batch_independent = True

    def __init__(self, body: Module) -> None:
        super().__init__()
        self.body = body
        self.children = {"body": body}

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body.forward(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y + self.body.backward(grad_y)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return self.body.output_shape(input_shape)


class Concat(Module):
    """The channels of each branch's output, the branches in a list and, for backward, in a dict."""

    batch_independent = True

    def __init__(self, *branches: Module) -> None:
        super().__init__()
        self.branches = list(branches)
        self.by_name = {f"branch{index}": branch for index, branch in enumerate(branches)}
        self.children = dict(self.by_name)

    def forward(self, x: Tensor) -> Tensor:
        parts = [branch.forward(x) for branch in self.branches]
        self.save([part.shape[-3] for part in parts])
        return torch.cat(parts, dim=-3)

    def backward(self, grad_y: Tensor) -> Tensor:
        (channels,) = self.saved()
        parts = grad_y.split(channels, dim=-3)
        pairs = zip(self.by_name.values(), parts, strict=True)
        return torch.stack([branch.backward(part) for branch, part in pairs]).sum(0)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        shapes = [branch.output_shape(input_shape) for branch in self.branches]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])


class Silent(Residual):
    """A container that states nothing about the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)
