"""Why a step was not finite, and what to do about it, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from zoo.train.examination import Bad, Examination
from zoo.train.named_layers import NamedLayer

# Pictures lie in [0, 1], and weights of networks that train are seldom above 10.
NO_PICTURE = 1e4
NO_WEIGHT = 1e3
NO_SIGNAL = 1e6  # in a network that trains, outputs and gradients are far below

WORDS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("step", "forward"): "the step is not finite, though each layer by itself is",
        ("input", "before"): "the input of the batch has values that are not finite",
        ("target", "before"): "the target of the batch has values that are not finite",
        ("weight", "before"): "its {name} is not finite",
        ("buffer", "before"): "its buffer {name} is not finite",
        ("optimizer state", "before"): "the optimizer's state of its {name} is not finite",
        ("output", "forward"): "its output is not finite, the first that is not",
        ("buffer", "forward"): "its buffer {name} is not finite, though all outputs are",
        ("loss", "forward"): "the loss is not finite, though the network's output is",
        ("loss gradient", "backward"): "the loss's gradient is not finite, though the loss is",
        ("gradient", "backward"): "the gradient that its backward gives is not finite, the first",
        ("weight gradient", "backward"): "the gradient of its {name} is not finite, the first",
        ("weight", "update"): "its {name} is not finite after the update, though its gradient is",
        ("optimizer state", "update"): "the optimizer's state of its {name} is not finite",
    }
)


def described(bad: Bad, layers: Sequence[NamedLayer]) -> str:
    """What is not finite, and where: ``layer 0 (conv2d, net.toml:6:1): its output is ...``."""
    text = WORDS[bad.what, bad.when].format(name=bad.name.removeprefix(f"{bad.layer}."))
    layer = next((layer for layer in layers if layer.name == bad.layer), None)
    return f"{layer}: {text}" if layer else text


def cause_of(bad: Bad | None, found: Examination | None, step: int) -> str:
    """Why, and what to do.

    Args:
        bad: what is not finite.
        found: the step; None where no step is at fault.
        step: its number, from 1.
    """
    lower = "Use a smaller learning rate."
    if bad is None or bad.what == "step":
        return f"Sums of very large values overflow in some order only. {lower}"
    if bad.what in ("input", "target"):
        return "The images or their noise are at fault, not the network: see zoo data check."
    if bad.when == "before" or found is None:
        if step > 1 and found is None:
            return "It was changed between two steps, or the weights to start from have it."
        return "It is so from the start: use another initializer or other weights."
    if found.most_input > NO_PICTURE:
        return (
            f"The batch has a value of {found.most_input:.3g}, and pictures lie in [0, 1]: the "
            "images or their noise are at fault. See zoo data check, and data.range."
        )
    if found.most_weight > NO_WEIGHT:
        if step == 1:
            return (
                f"The largest weight is {found.most_weight:.3g} from the start. "
                "Use another initializer."
            )
        grown = f"The largest weight has grown to {found.most_weight:.3g}"
        return f"{grown}: steps are too large. {lower}"
    if bad.when == "update":
        return f"The optimizer's step leaves the range of numbers. {lower}"
    if bad.what in ("loss", "loss gradient"):
        return f"The loss overflows, or has no value there. Use another loss. Or: {lower}"
    return _of_layer(bad, found, lower)


def _of_layer(bad: Bad, found: Examination, lower: str) -> str:
    """Of an output or gradient that a layer gives: whether what it is given is at fault."""
    position = next(i for i, layer in enumerate(found.layers) if layer.name == bad.layer)
    if bad.when == "forward":
        outputs = [max(abs(it.min), abs(it.max)) for it in found.layers[:position]]
        given, words = max([found.most_input, *outputs]), "what it is given is at most"
    else:
        given, words = found.layers[position].gradient, "the gradient that it is given is about"
    if given < NO_SIGNAL:
        return (
            f"Its own {bad.when} makes it: {words} {given:.3g}, and weights are at most "
            f"{found.most_weight:.3g}. Check the layer: zoo plugin check."
        )
    return f"Values grow from layer to layer: {words} {given:.3g}. {lower}"
