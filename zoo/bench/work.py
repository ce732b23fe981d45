"""How many operations a network takes by its definition."""

from __future__ import annotations

from zoo.architecture.infer_shapes import InferredShapes


def inference_flop(shapes: InferredShapes) -> int:
    """Floating-point operations of the forward pass of one image: two for each multiply-add."""
    return 2 * shapes.info.multiply_adds


def training_flop(shapes: InferredShapes) -> int:
    """Floating-point operations of a training step, for each image.

    The gradients with respect to a layer's weight and to its input take as many multiply-adds as
    its forward pass, so it is three times that; but nobody needs the gradient with respect to the
    images, so the first layer takes only two. Biases, activations, the loss and the update are not
    counted.
    """
    return 2 * (3 * shapes.info.multiply_adds - _of_first(shapes))


def _of_first(shapes: InferredShapes) -> int:
    """The multiply-adds of the first layer that has any, inside of others too."""
    for layer in shapes.layers:
        for body in layer.bodies.values():
            if inner := _of_first(body):
                return inner
        if layer.info.multiply_adds:
            return layer.info.multiply_adds
    return 0
