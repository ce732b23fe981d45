"""The contract of every optimizer: ``update`` says the formula; the base class does the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from zoo.errors import ArgumentError, StateError, first_of
from zoo.optim.tensor_list import TensorList
from zoo.spec.arguments import number


class Optimizer:
    """Base of all optimizers; changes the values of parameters by their gradients.

    An optimizer keeps its options in attributes of the names in ``options``, implements
    ``update`` and, if it remembers tensors from step to step, ``state_names``. State tensors are
    made in the first step, as zeros with the dtype, device and strides of the parameter's value.
    They follow its strides when these change, but not a later ``Module.to``.

    ``update`` is written for one parameter. If it calls only methods of tensors that a
    :class:`TensorList` has too, and changes its state in place, the class can say
    ``multi_tensor = True``: then ``step`` calls it once with all parameters, a handful of
    operations in a step instead of a handful for each parameter, and on a GPU a handful of kernels.
    A subclass with an ``update`` of its own has to say so again.

    ``never_negative`` names the state tensors that hold means or sums of squares: a state with
    negative values in one of them belongs to no run, and is refused.

    Args:
        params: (value, gradient) pairs of tensors, such as ``model.param()``. A
            :class:`zoo.nn.Parameter` is unpacked anew in each step, because ``Module.to`` replaces
            its tensors.
        lr: the learning rate, >= 0.

    Attributes:
        lr: the learning rate of the next step; a schedule may set it.
        steps: how many steps have been taken.
        state: for each parameter, its state tensors by name.

    Raises:
        ArgumentError: no parameters, something that is not a pair, or an impossible option.
    """

    options: ClassVar[tuple[str, ...]] = ()
    never_negative: ClassVar[tuple[str, ...]] = ()
    multi_tensor = False

    def __init__(self, params: Iterable[Iterable[Tensor]], lr: float) -> None:
        self._where = type(self).__name__
        self._params = _pairs(self._where, params)
        self.lr = number(self._where, "lr", lr, minimum=0)
        self.steps = 0
        self.state: list[dict[str, Tensor]] = [{} for _ in self._params]
        self._strides: list[tuple[int, ...]] = []  # of the values, when the state was laid out

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "update" in vars(cls) and "multi_tensor" not in vars(cls):
            cls.multi_tensor = False  # what it inherits holds for another update

    # What an optimizer implements.

    def update(self, value: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        """Change ``value`` in place; ``gradient`` must stay as it is.

        Args:
            value: the parameter's value; with ``multi_tensor`` a :class:`TensorList` of all values.
            gradient: its gradient, of the same shape; or the list of all gradients.
            state: its state tensors, or lists of all, by the names in ``state_names``; to be
                changed in place. They are zeros in the first step, in which ``self.steps`` is 1.
        """
        raise NotImplementedError(f"{type(self).__name__}.update")

    def state_names(self) -> tuple[str, ...]:
        """The names of the state tensors that each parameter has after the first step."""
        return ()

    # What everybody uses.

    @torch.no_grad()
    def step(self) -> None:
        """Update all parameters once."""
        self.steps += 1
        values, gradients = zip(*self._params, strict=True)
        if self.steps == 1:
            self.state = [self._zeros(value) for value in values]
        self._lay_out_state(values)
        if self.multi_tensor:
            all_state = {
                name: TensorList(state[name] for state in self.state) for name in self.state_names()
            }
            self.update(TensorList(values), TensorList(gradients), all_state)  # type: ignore[arg-type]  # they have a tensor's methods
        else:
            for value, gradient, state in zip(values, gradients, self.state, strict=True):
                self.update(value, gradient, state)

    @torch.no_grad()
    def zero_grad(self) -> None:
        """Fill all gradients with zeros; those of a Parameter by its ``zero_gradient``."""
        plain = []
        for pair in self._params:
            if zero := getattr(pair, "zero_gradient", None):
                zero()
            else:
                _, gradient = pair
                plain.append(gradient)
        if plain:
            torch._foreach_zero_(plain)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: plain values, and the state tensors, which are not copied.

        Keys: ``type``, ``lr``, each option, ``step`` (how many were taken) and ``state`` (one dict
        of tensors for each parameter). ``torch.load(weights_only=True)`` reads it.
        """
        return {
            "type": type(self).__name__,
            "lr": float(self.lr),
            **{name: getattr(self, name) for name in self.options},
            "step": self.steps,
            "state": [dict(state) for state in self.state],
        }

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``, of an optimizer of the same type, options and parameter shapes.

        The learning rate is taken from ``state``. The tensors are copied.

        Raises:
            StateError: it belongs to another optimizer or other parameters; nothing is loaded.
        """
        if differences := self._differences(state):
            what = first_of(differences, 6, "; ")
            raise StateError(f"{self._where}: the state differs: {what}.")
        self.lr = state["lr"]
        self.steps = state["step"]
        self.state = [
            {name: torch.empty_like(value).copy_(tensor) for name, tensor in tensors.items()}
            for (value, _), tensors in zip(self._params, state["state"], strict=True)
        ]
        self._strides = []

    def _zeros(self, value: Tensor) -> dict[str, Tensor]:
        return {name: torch.zeros_like(value) for name in self.state_names()}

    def _lay_out_state(self, values: Sequence[Tensor]) -> None:
        """Give the state the strides of values that have others than in the step before.

        Operations on tensors of different strides are several times slower.
        """
        strides = [value.stride() for value in values]
        if strides != self._strides:
            for value, state in zip(values, self.state, strict=True):
                for name, tensor in state.items():
                    if tensor.stride() != value.stride():
                        state[name] = torch.empty_like(value).copy_(tensor)
            self._strides = strides

    def _differences(self, state: Mapping[str, Any]) -> list[str]:
        """How ``state`` differs from what this optimizer's own state looks like."""
        own = self.state_dict()
        if "type" in state and state["type"] != own["type"]:
            return [f"type is {state['type']!r} instead of {own['type']!r}"]
        if differences := _different_names(own, state):
            return differences
        differences = [
            f"{name} is {state[name]!r} instead of {own[name]!r}"
            for name in self.options
            if state[name] != own[name]
        ]
        differences += [
            f"{name} is of type {type(state[name]).__name__} instead of {type(own[name]).__name__}"
            for name in ("lr", "step", "state")
            if type(state[name]) is not type(own[name])
        ]
        return differences or self._different_tensors(state["state"], stepped=state["step"] > 0)

    def _different_tensors(self, state: list[dict[str, Any]], stepped: bool) -> list[str]:
        """How the tensors of each parameter differ from those it has after ``stepped``."""
        if len(state) != len(self._params):
            return [f"it is of {len(state)} parameters instead of {len(self._params)}"]
        names = self.state_names() if stepped else ()
        differences: list[str] = []
        for index, ((value, _), tensors) in enumerate(zip(self._params, state, strict=True)):
            where = f"state[{index}]."
            differences += _different_names(names, tensors, where) or [
                f"{where}{name} has shape {tuple(tensor.shape)} instead of {tuple(value.shape)}"
                for name, tensor in tensors.items()
                if tensor.shape != value.shape
            ]
            differences += [
                f"{where}{name} has values below 0"
                for name in self.never_negative
                if name in tensors and bool((tensors[name] < 0).any())
            ]
        return differences


def _pairs(where: str, params: Iterable[Iterable[Tensor]]) -> list[Iterable[Tensor]]:
    pairs = list(params)
    if not pairs:
        raise ArgumentError(f"{where}: params is empty. Give at least one (value, gradient) pair.")
    for index, pair in enumerate(pairs):
        if not _is_pair(pair):
            raise ArgumentError(
                f"{where}: params[{index}] is a {type(pair).__name__}, not a (value, gradient) "
                "pair. Use pairs of tensors of one shape, as model.param() gives."
            )
    return pairs


def _is_pair(pair: Any) -> bool:
    # A tensor is refused by name: one of two rows would unpack into a pair without complaint.
    if isinstance(pair, Tensor) or not isinstance(pair, Iterable):
        return False
    tensors = list(pair)
    return (
        len(tensors) == 2
        and all(isinstance(tensor, Tensor) for tensor in tensors)
        and tensors[0].shape == tensors[1].shape
    )


def _different_names(own: Iterable[str], other: Iterable[str], where: str = "") -> list[str]:
    own, other = list(own), list(other)
    missing = [f"{where}{name} is missing" for name in own if name not in other]
    return missing + [f"{where}{name} is unexpected" for name in other if name not in own]
