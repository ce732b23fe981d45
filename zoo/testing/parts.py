"""A batch computed in parts: what layers say of that, and whether it is so."""

from __future__ import annotations

from functools import partial
from operator import itemgetter

import torch
from torch import Tensor

from zoo.engine.parallel.sharded import replica
from zoo.engine.parallel.thread_group import Rank, ThreadGroup
from zoo.engine.parallel.threads import ThreadPool
from zoo.nn import Module
from zoo.testing.cases import LayerCase
from zoo.testing.comparisons import (
    NotApplicable,
    named_copies,
    require,
    require_all_close,
    require_close,
)
from zoo.testing.gradients import INPUT

OUTPUT = "the output"
PARTS = 2


def check_batch_independent(case: LayerCase) -> None:
    """In a mode in which a layer is ``batch_independent``, it is; and it changes no buffer."""
    modes = [mode for mode in (True, False) if _is_independent(case.module().train(mode))]
    if not modes:
        raise NotApplicable("batch_independent is False")
    require(
        True not in modes or not case.mixes_batch,
        f"{case.id}: batch_independent is True, but its case says that it mixes the batch.",
    )
    for mode in modes:
        where = f"{case.id}: batch_independent is True in {'training' if mode else 'evaluation'}"
        module, x = case.module(), case.input()
        module.forward(x)  # what has buffers now has others than a new layer
        module.train(mode)
        before = named_copies(module.state_dict())
        y = module.forward(x)
        require_all_close(f"{where}; after forward", module.state_dict(), before, 0)
        for item in range(len(x)):
            one = slice(item, item + 1)
            require_close(f"{where}; item {item} alone", module.forward(x[one]), y[one])


def _is_independent(module: Module) -> bool:
    return all(part.batch_independent for part in module.modules())


def check_uses_batch_statistics(case: LayerCase) -> None:
    """A layer with ``uses_batch_statistics`` computes a batch in two parts as it does the whole."""
    module = case.module()
    if not any(part.uses_batch_statistics for part in module.modules()):
        raise NotApplicable("uses_batch_statistics is False")
    require(
        all(part.uses_batch_statistics or part.batch_independent for part in module.modules()),
        f"{case.id}: uses_batch_statistics is True, but a part of it has neither that nor "
        "batch_independent.",
    )
    x = torch.cat([case.input(), case.input().flip(-1).mul(-2)])
    y = module.forward(x)
    grad_y = torch.cat([case.grad_y(), case.grad_y().flip(-1)])
    expected = _gradients(module, y, module.backward(grad_y))
    after = named_copies(module.state_dict())

    first = case.module()
    models = [first, replica(first)]
    group = ThreadGroup(PARTS)
    passes = [
        partial(_pass, rank, model, images, gradients)
        for rank, model, images, gradients in zip(
            group.ranks, models, x.chunk(PARTS), grad_y.chunk(PARTS), strict=True
        )
    ]
    found = ThreadPool(PARTS).run(passes)
    joined = {name: torch.cat([part[name] for part in found]) for name in (OUTPUT, INPUT)}
    for name in dict(module.named_parameters()):
        joined[name] = torch.stack([*map(itemgetter(name), found)]).sum(0)
    require_all_close(f"{case.id}: in parts that gather", joined, expected)
    for model in models:
        require_all_close(f"{case.id}: after a pass in parts", model.state_dict(), after)


def _pass(rank: Rank, module: Module, x: Tensor, grad_y: Tensor) -> dict[str, Tensor]:
    """What one part of a batch gives."""

    def there_and_back() -> dict[str, Tensor]:
        y = module.forward(x)
        return _gradients(module, y, module.backward(grad_y))

    return rank.with_collectives(there_and_back)()


def _gradients(module: Module, y: Tensor, grad_x: Tensor) -> dict[str, Tensor]:
    """All results of a pass."""
    own = {name: parameter.gradient.clone() for name, parameter in module.named_parameters()}
    return {OUTPUT: y, INPUT: grad_x, **own}
