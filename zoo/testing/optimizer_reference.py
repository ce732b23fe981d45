"""An optimizer beside its torch reference."""

from __future__ import annotations

from typing import Final

from zoo.testing.cases import seeded
from zoo.testing.comparisons import NotApplicable, require_close
from zoo.testing.optimizer_cases import OptimizerCase, make_pairs
from zoo.testing.torch_equivalent import UnknownClassError, installed_references

STEPS: Final = 20


def check_against_reference(case: OptimizerCase) -> None:
    """The values are those of its torch reference, where there is one."""
    pairs = make_pairs(seed=0)
    optimizer = case.build(pairs)
    leaves = [value.clone().requires_grad_() for value, _ in pairs]
    try:
        make = case.torch_reference or installed_references("optimizer").of(optimizer)
    except UnknownClassError:
        raise NotApplicable("no torch reference is named") from None
    reference = make(optimizer, leaves)
    generator = seeded(1)
    for step in range(STEPS):
        for leaf, (_, gradient) in zip(leaves, pairs, strict=True):
            leaf.grad = gradient.normal_(generator=generator).clone()
        optimizer.step()
        reference.step()
        for index, ((value, _), leaf) in enumerate(zip(pairs, leaves, strict=True)):
            where = f"{case.id}: step {step}, parameter {index} against torch.optim"
            require_close(where, value, leaf.detach(), 1e-10)
