"""What the plugin adds to zoo. No torch.

The schemas are data files of the package ``zoo_unet.schemas``; a schema's title is the entry's
summary.
"""

from __future__ import annotations

from collections.abc import Iterator

import zoo
from zoo_unet.schemas import read_schema

zoo_api = ">=1,<2"

SAME_NAME = "zoo.testing.torch_references:same_name"  # of torch.nn, with the same arguments


@zoo.hookimpl
def zoo_layers() -> Iterator[zoo.LayerEntry]:
    """The layers of U-Nets."""
    elementwise = "zoo.spec.shape_rules:elementwise"
    yield _layer("leaky_relu", "leaky_relu:LeakyReLU", rule=elementwise, reference=SAME_NAME)
    yield _layer("max_pool2d", "max_pool2d:MaxPool2d")
    yield _layer("skip", "skip:Skip")
    cases = "zoo_unet.cases:REFLECT_PAD"
    yield _layer("reflect_pad", "reflect_pad:ReflectPad", cases=cases)


def _layer(
    name: str, factory: str, rule: str = "", reference: str = "", cases: str = ""
) -> zoo.LayerEntry:
    """A layer's entry; shape rule and torch reference have the layer's name unless given."""
    schema = read_schema(name)
    return zoo.LayerEntry(
        name=name,
        factory=f"zoo_unet.{factory}",
        schema=schema,
        summary=schema["title"],
        shape_rule=rule or f"zoo_unet.shape_rules:{name}",
        torch_reference=reference or f"zoo_unet.torch_references:{name}",
        onnx=f"zoo_unet.onnx:{name}",
        cases=cases,
    )


@zoo.hookimpl
def zoo_lowerings() -> Iterator[zoo.Lowering]:
    """How the engine computes them faster."""
    for layer in ("leaky_relu:LeakyReLU", "skip:Skip", "reflect_pad:ReflectPad"):
        name = layer.partition(":")[0]
        yield zoo.Lowering(layer=f"zoo_unet.{layer}", factory=f"zoo_unet.lowerings:{name}")
