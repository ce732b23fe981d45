"""An optimizer of torch.optim in the place of zoo's: the same learning rate, the same state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.errors import PluginError
from zoo.optim.optimizer import Optimizer

Make = Callable[[Sequence[torch.nn.Parameter]], torch.optim.Optimizer]
COUNT = "step"  # under which torch.optim keeps how many steps were taken, if it does


class TorchOptimizer:
    """Updates the parameters with ``torch.optim``, and is otherwise the optimizer of zoo.

    Its state is that of zoo's optimizer, whose tensors have torch's names: a checkpoint holds the
    same, and is looked at as carefully.

    Args:
        own: zoo's optimizer, which takes no step.
        make: makes torch's for parameters.
        parameters: of the network in torch.nn, in the order of the own optimizer's.
        name: of the entry, for messages.

    Raises:
        PluginError: torch's keeps other tensors than zoo's.
    """

    def __init__(
        self, own: Optimizer, make: Make, parameters: Sequence[torch.nn.Parameter], name: str
    ) -> None:
        self._own = own
        self._parameters = parameters
        self._counts = COUNT in _kept(own, make, parameters, name)
        self.reference = make(parameters)

    @property
    def lr(self) -> float:
        """The learning rate of the next step; a schedule may set it."""
        return self._own.lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self._own.lr = lr

    @property
    def steps(self) -> int:
        """How many steps have been taken."""
        return self._own.steps

    def step(self) -> None:
        """Update all parameters once."""
        for group in self.reference.param_groups:
            group["lr"] = self.lr
        self.reference.step()
        self._own.steps += 1

    def zero_grad(self) -> None:
        """Leave all gradients out."""
        self.reference.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """As zoo's optimizer gives it, with torch's tensors, which are not copied."""
        names = self._own.state_names() if self.steps else ()
        states = (self.reference.state[parameter] for parameter in self._parameters)
        return {
            **self._own.state_dict(),
            "state": [{name: state[name] for name in names} for state in states],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``, which is refused as zoo's optimizer refuses it.

        Raises:
            StateError: it belongs to another optimizer or other parameters; nothing is loaded.
        """
        self._own.load_state_dict(state)
        state_of = self._own.state if self.steps else []
        groups = self.reference.state_dict()["param_groups"]
        self.reference.load_state_dict(
            {
                "state": {index: self._counted(it) for index, it in enumerate(state_of)},
                "param_groups": groups,
            }
        )

    def _counted(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What torch keeps of one parameter: each has a count of its own, which it adds to."""
        count = {COUNT: torch.tensor(float(self.steps))} if self._counts else {}
        return {**state, **count}


def _kept(
    own: Optimizer, make: Make, parameters: Iterable[torch.nn.Parameter], name: str
) -> set[str]:
    """The names of what torch's optimizer keeps of each parameter, found in a step of zeros.

    Raises:
        PluginError: they, or the shapes, are not those of zoo's.
    """
    zeros = [torch.nn.Parameter(torch.zeros_like(parameter)) for parameter in parameters]
    for parameter in zeros:
        parameter.grad = torch.zeros_like(parameter)
    reference = make(zeros)
    reference.step()
    kept: set[str] = set()
    for parameter in zeros:
        state = {key: it for key, it in reference.state[parameter].items() if it is not None}
        shapes = {key: getattr(it, "shape", None) for key, it in state.items() if key != COUNT}
        if shapes != dict.fromkeys(own.state_names(), parameter.shape):
            raise PluginError(
                f"{name}: its torch reference keeps {_words(shapes)} of each parameter; the "
                f"optimizer keeps {_words(own.state_names())}. Give the state the names and shapes "
                "of torch.optim's."
            )
        kept |= state.keys()
    return kept


def _words(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
