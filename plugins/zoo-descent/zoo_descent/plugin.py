"""What the plugin adds to zoo. No torch.

The schemas are data files of the package ``zoo_descent.schemas``; a schema's title is the entry's
summary.
"""

from __future__ import annotations

from collections.abc import Iterator

import zoo
from zoo_descent.schemas import read_schema

zoo_api = ">=1,<2"


@zoo.hookimpl
def zoo_optimizers() -> Iterator[zoo.OptimizerEntry]:
    """Adam with decoupled weight decay, and RMSprop."""
    for name, factory in (("adamw", "adamw:AdamW"), ("rmsprop", "rmsprop:RMSprop")):
        schema = read_schema(name)
        yield zoo.OptimizerEntry(
            name=name,
            factory=f"zoo_descent.{factory}",
            schema=schema,
            summary=schema["title"],
            cases=f"zoo_descent.cases:{name.upper()}",
            torch_reference=f"zoo_descent.torch_references:{name}",
        )


@zoo.hookimpl
def zoo_initializers() -> Iterator[zoo.InitializerEntry]:
    """Orthogonal matrices, and normal values between two limits."""
    orthogonal, truncated = read_schema("orthogonal"), read_schema("truncated_normal")
    yield zoo.InitializerEntry(
        name="orthogonal",
        factory="zoo_descent.orthogonal:Orthogonal",
        schema=orthogonal,
        summary=orthogonal["title"],
        cases="zoo_descent.cases:ORTHOGONAL",
    )
    yield zoo.InitializerEntry(
        name="truncated_normal",
        factory="zoo_descent.truncated_normal:TruncatedNormal",
        schema=truncated,
        summary=truncated["title"],
        check="zoo_descent.arguments:limits",
        cases="zoo_descent.cases:TRUNCATED_NORMAL",
    )
