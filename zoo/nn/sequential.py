"""A chain of modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from zoo.errors import ShapeError
from zoo.nn.module import Module


class Sequential(Module):
    """The composition of its modules, each fed with the output of the one before.

    forward:  y = f_n( ... f_2(f_1(x)))
    backward: grad_x = J_1^T ... J_{n-1}^T J_n^T grad_y, last module first (the chain rule),
              where J_i is the derivative (Jacobian) of module i at its input

    Children are named ``"0"``, ``"1"``, ... as in ``torch.nn.Sequential``, and so are the keys of
    the state dict. The empty chain is the identity.

    Args:
        modules: the modules in the order in which they are applied.

    Raises:
        TypeError: an argument is no module of zoo.nn.
        ShapeError: (all methods) a module refuses its input; the message names its position.
    """

    batch_independent = True

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        for position, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: argument {position} is {_not_a_module(module)}")
        self.children = {str(position): module for position, module in enumerate(modules)}

    def forward(self, x: Tensor) -> Tensor:
        """Apply the modules in order."""
        for position, module in enumerate(self):
            try:
                x = module.forward(x)
            except ShapeError as error:
                raise at_position(position, error) from None
        return x

    def backward(self, grad_y: Tensor) -> Tensor:
        """Go back through the modules in reverse order."""
        for module in reversed(self.children.values()):
            grad_y = module.backward(grad_y)
        return grad_y

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape after the last module."""
        shape = tuple(input_shape)
        for position, module in enumerate(self):
            try:
                shape = module.output_shape(shape)
            except ShapeError as error:
                raise at_position(position, error) from None
        return shape

    def __len__(self) -> int:
        return len(self.children)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.children.values())

    def __getitem__(self, position: int) -> Module:
        return list(self)[position]

    def __repr__(self) -> str:
        lines = [f"  {name}: {child!r}" for name, child in self.children.items()]
        return "\n".join(["Sequential(", *(line.replace("\n", "\n  ") for line in lines), ")"])


def at_position(position: int, error: ShapeError) -> ShapeError:
    """The error of a module with its position in the chain in front."""
    return ShapeError(f"module {position}: {error}")


def _not_a_module(argument: object) -> str:
    """What it is instead, and what to write."""
    kind = type(argument)
    if isinstance(argument, (list, tuple)):
        return (
            f"a {kind.__name__}. Give each module as an argument of its own: Sequential(*modules)."
        )
    if isinstance(argument, type):
        return f"the class {argument.__name__}. Make a module of it first."
    if any(base.__module__ == "torch.nn.modules.module" for base in kind.__mro__):
        return (
            f"a torch.nn.{kind.__name__}, which has no hand-written backward. "
            "Use a layer of zoo.nn or of a plugin."
        )
    return f"a {kind.__name__}. Give modules of zoo.nn."
