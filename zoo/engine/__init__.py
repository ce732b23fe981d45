"""The engine: makes a network of textbook layers fast. Its one door is :func:`lower`.

:mod:`zoo.nn` says what each layer computes; nothing there knows that anything faster exists. What
is behind the door:

- :mod:`zoo.engine.network` replaces layers one by one, and fuses neighbours
  (:mod:`~zoo.engine.chain`);
- :mod:`zoo.engine.conv` computes convolutions as few large matrix products;
- :mod:`zoo.engine.capture` records a pass once and replays it without Python;
- :mod:`zoo.engine.parallel` computes a batch a few images at a time, on each core by itself.

A plugin's layer needs none of it. For those that register a lowering: :class:`LoweredModule` and
:class:`Elementwise`.
"""

from __future__ import annotations

from collections.abc import Callable

from zoo.engine.conv.epilogue import Addition
from zoo.engine.elementwise import Elementwise
from zoo.engine.lowered import Lowered
from zoo.engine.module import (
    LoweredModule,
    backward_adding,
    backward_weights_only,
    deferred_forward,
    forward_adding,
)
from zoo.nn.module import Module

__all__ = [
    "Addition",
    "Elementwise",
    "Lowered",
    "LoweredModule",
    "backward_adding",
    "backward_weights_only",
    "deferred_forward",
    "forward_adding",
    "lower",
]


def lower(
    model: Module, warn: Callable[[str], object] = lambda message: None, *, fast: bool = False
) -> Lowered:
    """The same network on the same parameters, faster.

    Args:
        model: any module; it stays usable, and changes of its weights, its mode and its device hold
            for both. What its layers do must follow from their input, parameters and buffers, and
            from what was set when it was lowered: after changing another attribute, lower it anew.
        warn: called once with each reason for which something falls back to a slower way.
        fast: whether convolutions in float32 on a CPU may differ from the textbook's by 1e-5 where
            outputs are of size 1, instead of 3e-6, where they then take less time. What is no
            number may spread by up to three pixels more in each of them.

    Returns:
        A module with the model's outputs, gradients and state dict. Only the order of the weights'
        axes in memory may change.
    """
    return Lowered(model, warn, fast)
