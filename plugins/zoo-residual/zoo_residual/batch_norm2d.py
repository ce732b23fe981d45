"""Batch normalisation of images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.errors import ShapeError
from zoo.nn import Module, Parameter, all_gather
from zoo.spec.arguments import number, positive, positive_int
from zoo.spec.shapes import image

PIXELS = (0, 2, 3)  # all axes of (N, C, H, W) but the channels

# Squares at once on a CPU: half a MiB of float32, which stays in the cache until it is summed.
SQUARES_AT_ONCE = 2**17


class BatchNorm2d(Module):
    """Each channel shifted and scaled to mean 0 and variance 1, then by two trained numbers.

    With m and v the mean and the variance (without Bessel's correction) of a channel over the batch
    and all M of its pixels, s = 1 / sqrt(v + eps), w the weight and b the bias::

        forward:  n = (x - m) s,  y = w n + b
        backward: grad_w = sum of grad_y n,  grad_b = sum of grad_y,  over the M pixels
                  grad_x = w s (grad_y - grad_b / M - n grad_w / M)

    In training mode the running mean and variance (with Bessel's correction) follow those of the
    batches, r <- (1 - momentum) r + momentum m; in evaluation mode they take the place of m and v.
    Without running statistics m and v are always those of the batch.

    Args:
        num_features: C.
        eps: added to the variance, > 0.
        momentum: the share of the latest batch in the running statistics, 0 to 1.
        affine: whether there are w and b; else they are 1 and 0.
        track_running_stats: whether there are running statistics.

    Shapes:
        x, y: (N, C, H, W) or (C, H, W), which is a batch of one. weight, bias: (C,).
        Buffers running_mean, running_var: (C,). num_batches_tracked: (), an integer.

    Raises:
        ArgumentError: impossible arguments.
        ShapeError: x is no image of C channels; or the batch has one pixel, which has no variance,
            where the batch's is used.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
    Ioffe, Szegedy: "Batch Normalization", 2015.
    """

    uses_batch_statistics = True

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = positive_int("BatchNorm2d", "num_features", num_features)
        self.eps = positive("BatchNorm2d", "eps", eps)
        self.momentum = number("BatchNorm2d", "momentum", momentum, 0, 1)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.parameters["weight"] = Parameter(torch.ones(num_features))
            self.parameters["bias"] = Parameter(torch.zeros(num_features))
        if track_running_stats:
            self.buffers["running_mean"] = torch.zeros(num_features)
            self.buffers["running_var"] = torch.ones(num_features)
            self.buffers["num_batches_tracked"] = torch.tensor(0)

    @property
    def batch_independent(self) -> bool:  # type: ignore[override]  # a module's own is a plain attribute
        """In evaluation mode, where the running statistics take the place of the batch's."""
        return not self.training and self.track_running_stats

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W); also without N."""
        self.output_shape(x.shape[x.dim() == 4 :])
        batch = x if x.dim() == 4 else x.unsqueeze(0)
        mean, variance = self._statistics(batch)
        inverse = torch.rsqrt(variance + self.eps)  # C
        self.save(batch, mean, inverse, x.shape)
        scale, shift = self._scale_and_shift(mean, inverse)
        return torch.addcmul(_axes(shift), batch, _axes(scale)).view(x.shape)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W); also without N."""
        batch, mean, inverse, x_shape = self.saved()
        self.require_gradient_shape(grad_y, x_shape)
        grad_y = grad_y.reshape(batch.shape)
        product = (batch - _axes(mean)).mul_(grad_y)
        sums = torch.stack([inverse * product.sum(PIXELS), _sum(grad_y)])  # 2, C
        if self.affine:
            self.add_gradients(weight=sums[0], bias=sums[1])
        parts = all_gather(sums)  # of the batch; each adds its own to the parameters' gradients
        grad_weight, grad_bias = parts.sum(0)
        pixels = max(1, batch[:, 0].numel() * len(parts))
        scale = self._weighted(inverse)
        slope = -scale * inverse * grad_weight / pixels  # of x in grad_x
        shift = -scale * grad_bias / pixels - slope * mean
        # In the memory of the product: a new tensor of this size costs more than the sum.
        grad_x = torch.addcmul(_axes(shift), batch, _axes(slope), out=product)
        grad_x.addcmul_(grad_y, _axes(scale))
        return grad_x.view(x_shape)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return self.num_features, *image("BatchNorm2d", input_shape, self.num_features)

    def evaluated(self) -> tuple[Tensor, Tensor]:
        """The scale and the shift of each channel, (C,), in evaluation mode."""
        mean, variance = self.buffers["running_mean"], self.buffers["running_var"]
        return self._scale_and_shift(mean, torch.rsqrt(variance + self.eps))

    def _scale_and_shift(self, mean: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
        """Of each channel, (C,): y = scale x + shift."""
        scale = self._weighted(inverse)
        shift = -mean * scale
        return scale, shift + self.parameters["bias"].value if self.affine else shift

    def _statistics(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the variance of each channel that are used in this mode."""
        if self.track_running_stats and not self.training:
            return self.buffers["running_mean"], self.buffers["running_var"]
        pixels = batch[:, 0].numel()
        mean = _sum(batch) / max(1, pixels)
        parts = all_gather(torch.stack([mean, _sum_of_squares(batch, mean)]))  # parts, 2, C
        if pixels * len(parts) == 1:
            raise ShapeError(
                "BatchNorm2d: the batch has one pixel, which has no variance. "
                "Use more images or larger ones."
            )
        mean, squares = _of_the_whole(parts, pixels)
        pixels *= len(parts)
        variance = squares / max(1, pixels)
        if self.track_running_stats and pixels:
            self._follow(mean, variance * (pixels / (pixels - 1)))
        return mean, variance

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """The running statistics a step towards those of a batch."""
        self.buffers["num_batches_tracked"] += 1
        for name, latest in (("running_mean", mean), ("running_var", variance)):
            self.buffers[name].mul_(1 - self.momentum).add_(latest, alpha=self.momentum)

    def _weighted(self, inverse: Tensor) -> Tensor:
        """w s of each channel."""
        return inverse * self.weight if self.affine else inverse


def _of_the_whole(parts: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """The mean over a batch and the sum of squares around it, (C,) each, from those of its parts.

    Chan, Golub, LeVeque: "Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances", 1979.

    Args:
        parts: (parts, 2, C), mean and sum of squares around it.
        pixels: of each part.
    """
    means, squares = parts.unbind(1)  # parts, C
    if len(parts) == 1:
        return means[0], squares[0]
    mean = means.mean(0)
    return mean, squares.sum(0) + pixels * (means - mean).square().sum(0)


def _axes(values: Tensor) -> Tensor:
    """(C,) -> (C, 1, 1): a number for each channel of an image."""
    return values.view(-1, 1, 1)


def _sum(image: Tensor) -> Tensor:
    """The sum over the pixels of (N, C, H, W), for each channel, (C,).

    Convolutions give images whose channels lie side by side, with gaps between the lines. Line by
    line such an image is summed many times faster than over all axes at once.
    """
    if image.stride(1) != 1:
        return image.sum(PIXELS)
    lines: Tensor = image.permute(2, 0, 3, 1).sum((0, 1))  # W, C
    return lines.sum(0)


def _sum_of_squares(image: Tensor, mean: Tensor) -> Tensor:
    """The sum of (x - mean)^2 over the pixels of (N, C, H, W), for each channel, (C,)."""
    n, channels, height, width = image.shape
    rows = max(1, SQUARES_AT_ONCE // max(1, n * channels * width))
    parts = torch.split(image, rows if image.device.type == "cpu" else height, 2)
    sums = [(part - _axes(mean)).square_().sum(PIXELS) for part in parts]  # new: without gaps
    return torch.stack(sums).sum(0)
