"""What a compiled kernel does to each number before it is written: it costs no pass over memory."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from zoo.engine.compiled.call import Argument


@dataclass(frozen=True)
class Activation:
    """v stays where it is positive, and is slope v elsewhere.

    Attributes:
        slope: 0 for ReLU.
        output: None, or an activation's output (N, C, H, W), channels side by side: then v stays
            where that is positive, and is slope v elsewhere. So v becomes the gradient of the
            activation's input.
    """

    slope: float
    output: Tensor | None = None


@dataclass(frozen=True)
class Addition:
    """v becomes ``to`` + scale v.

    Attributes:
        to: (N, C, H, W), the shape of what is computed.
        scale: any number.
    """

    to: Tensor
    scale: float = 1.0

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a kernel can add to it an image of that shape: its channels are side by side."""
        return tuple(self.to.shape) == shape and self.to.stride(1) == 1


Epilogue = Activation | Addition


def arguments(epilogue: Epilogue | None) -> tuple[Argument, ...]:
    """How kernels are told of it: which, a number, and an image."""
    if epilogue is None:
        return 0, 0.0, None, 0, 0, 0
    if isinstance(epilogue, Addition):
        return 3, float(epilogue.scale), *image_arguments(epilogue.to)[:4]
    if epilogue.output is None:
        return 1, float(epilogue.slope), None, 0, 0, 0
    return 2, float(epilogue.slope), *image_arguments(epilogue.output)[:4]


def image_arguments(image: Tensor) -> tuple[Argument, ...]:
    """How kernels are given one: address, distances in bytes, height and width."""
    n, channel, row, pixel = image.stride()
    assert channel == 1 or image.shape[1] == 1
    size = image.itemsize
    return image, n * size, row * size, pixel * size, image.shape[2], image.shape[3]
