"""What the plugin adds to zoo. No torch.

The schemas are data files of the package ``zoo_residual.schemas``; a schema's title is the entry's
summary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import zoo
from zoo_residual.schemas import read_schema

zoo_api = ">=1,<2"


@zoo.hookimpl
def zoo_layers() -> Iterator[zoo.LayerEntry]:
    """The layers of residual networks."""
    reference = "zoo_residual.torch_references:residual"
    yield _layer("residual", "residual:Residual", reference=reference)
    yield _layer("pixel_shuffle", "pixel_shuffle:PixelShuffle")
    yield _layer("pixel_unshuffle", "pixel_unshuffle:PixelUnshuffle")
    yield _layer("batch_norm2d", "batch_norm2d:BatchNorm2d", inferred={"num_features": 0})
    yield _layer("prelu", "prelu:PReLU")
    yield _layer("gelu", "gelu:GELU", rule="zoo.spec.shape_rules:elementwise")


@zoo.hookimpl
def zoo_lowerings() -> Iterator[zoo.Lowering]:
    """How the engine computes them faster."""
    yield zoo.Lowering(
        layer="zoo_residual.residual:Residual", factory="zoo_residual.lowerings:residual"
    )
    yield zoo.Lowering(
        layer="zoo_residual.batch_norm2d:BatchNorm2d",
        factory="zoo_residual.lowerings:batch_norm2d",
    )


def _layer(
    name: str,
    factory: str,
    rule: str = "",
    reference: str = "zoo.testing.torch_references:same_name",
    inferred: Mapping[str, int] | None = None,
) -> zoo.LayerEntry:
    """A layer's entry.

    Its shape rule has the layer's name unless given; its torch reference is torch.nn's layer of the
    same name and arguments.
    """
    schema = read_schema(name)
    return zoo.LayerEntry(
        name=name,
        factory=f"zoo_residual.{factory}",
        schema=schema,
        summary=schema["title"],
        inferred=inferred or {},
        shape_rule=rule or f"zoo_residual.shape_rules:{name}",
        cases=f"zoo_residual.cases:{name.upper()}",
        torch_reference=reference,
        onnx=f"zoo_residual.onnx:{name}",
    )
