"""A chain of modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from zoo.errors import ShapeError
from zoo.nn.chain import Chain
from zoo.nn.module import Module


class Sequential(Module):
    """The composition of its modules, each fed with the output of the one before.

    forward:  y = f_n( ... f_2(f_1(x)))
    backward: grad_x = f_1'( ... f_{n-1}'(f_n'(grad_y))), last module first (the chain rule)

    Children are named ``"0"``, ``"1"``, ... as in ``torch.nn.Sequential``, and so are the keys of
    the state dict. The empty chain is the identity. Neighbours that can share work do
    (:mod:`zoo.nn.chain`); results are those of the modules by themselves.

    Attributes:
        frees: whether ``backward`` drops what each module kept as soon as it has gone through it,
            so that it can go back once after each forward; training needs no more, and less memory.

    Args:
        modules: the modules in the order in which they are applied.

    Raises:
        ShapeError: (all methods) a module refuses its input; the message names its position.
    """

    per_image = True

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        self.children = {str(position): module for position, module in enumerate(modules)}
        self.frees = False

    def forward(self, x: Tensor) -> Tensor:
        """Apply the modules in order."""
        chain = Chain(list(self))
        y = chain.forward(x)
        self.save(chain)
        return y

    def backward(self, grad_y: Tensor) -> Tensor:
        """Go back through the modules in reverse order."""
        (chain,) = self.saved()
        grad_x: Tensor = chain.backward(grad_y, input_gradient=True, free=self.frees)
        return grad_x

    def backward_parameters(self, grad_y: Tensor) -> None:
        """``backward`` without the gradient of the first module's input."""
        (chain,) = self.saved()
        chain.backward(grad_y, input_gradient=False, free=self.frees)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape after the last module."""
        shape = tuple(input_shape)
        for position, module in enumerate(self):
            try:
                shape = module.output_shape(shape)
            except ShapeError as error:
                raise ShapeError(f"module {position}: {error}") from None
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
