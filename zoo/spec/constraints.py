"""Parameters that do not go together, which a JSON Schema cannot say. No torch.

An architecture is refused for them before anything is built, and the constructors call them too.
Those of this form can be named as the ``check`` of an entry (:class:`zoo.plugins.records.Entry`),
also by a plugin::

    def check(where: str, parameters: Mapping[str, Any]) -> None

``parameters`` are of the types that the entry's schema asks for, with defaults filled in; ``where``
is what to call the entry in the message. A check raises :class:`zoo.errors.ArgumentError`. What
goes wrong only with an input of some shape is in the layers' shape rules instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.errors import ArgumentError


def low_and_high(where: str, parameters: Mapping[str, Any]) -> None:
    """``low`` is not above ``high``."""
    low, high = parameters["low"], parameters["high"]
    if low > high:
        raise ArgumentError(
            f"{where}: low is {low!r} and high is {high!r}. Use low <= high.", "low"
        )


def ascending_ranges(where: str, parameters: Mapping[str, Any]) -> None:
    """Every parameter that is a list of two numbers, [low, high], has them in ascending order."""
    for name, value in parameters.items():
        if isinstance(value, (list, tuple)) and value[0] > value[1]:
            raise ArgumentError(
                f"{where}: {name} is {value!r}. Write the smaller number first.", name
            )


def odd_size(where: str, parameters: Mapping[str, Any]) -> None:
    """``size`` has a pixel in its middle."""
    if parameters["size"] % 2 == 0:
        raise ArgumentError(f"{where}: size is {parameters['size']}. Use an odd number.", "size")


def nesterov_momentum(where: str, parameters: Mapping[str, Any]) -> None:
    """With ``nesterov`` there is a ``momentum`` and no ``dampening``."""
    momentum, dampening = parameters["momentum"], parameters["dampening"]
    if parameters["nesterov"] and (momentum == 0 or dampening != 0):
        raise ArgumentError(
            f"{where}: nesterov is on with momentum {momentum} and dampening {dampening}. "
            "Use a momentum > 0 and no dampening with it.",
            "nesterov",
        )


def folders_of_pairs(where: str, parameters: Mapping[str, Any]) -> None:
    """There are ``first`` and ``second``, or ``folder`` alone with ``suffixes`` to tell apart.

    A folder that is None is not there.
    """
    names = ("first", "second", "folder")
    given = [name for name in names if parameters.get(name) is not None]
    if given == ["folder"]:
        _check_suffixes(where, parameters["suffixes"])
    elif given != ["first", "second"]:
        raise ArgumentError(
            f"{where}: {' and '.join(given) or 'no folder'} given. "
            "Give first and second, or folder alone.",
            given[0] if len(given) == 1 else "",
        )


def square_crops(where: str, parameters: Mapping[str, Any], height: int, width: int) -> None:
    """Augmentation that turns crops (``transpose``, ``rotate``) needs square ones."""
    turning = [name for name in ("transpose", "rotate") if parameters[name]]
    if turning and height != width:
        raise ArgumentError(
            f"{where}: {turning[0]} turns crops of {height} x {width} into {width} x {height}. "
            "Use square crops, or only flip.",
            turning[0],
        )


def _check_suffixes(where: str, suffixes: Sequence[str]) -> None:
    texts = list(suffixes)
    if (
        len(texts) != 2
        or not all(isinstance(text, str) and text for text in texts)
        or texts[0].endswith(texts[1])
        or texts[1].endswith(texts[0])
    ):
        raise ArgumentError(
            f"{where}: suffixes are {texts}. "
            "Give two texts, neither of which ends in the other, such as _a and _b.",
            "suffixes",
        )
