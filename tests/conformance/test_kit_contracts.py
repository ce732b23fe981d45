"""What is not what its kind asks for is refused when it is built, and by the kit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.architecture import parse_architecture
from zoo.compiler import Compiler
from zoo.errors import PluginError
from zoo.testing.running import installed, prove

FOG = """
import zoo

SCHEMA = {
    "type": "object",
    "properties": {"sigma": {"type": "number", "default": 0.5, "description": "Of the fog."}},
    "additionalProperties": False,
}


@zoo.hookimpl
def zoo_noises():
    yield zoo.NoiseEntry(name="fog", factory="zoo_fog:make", schema=SCHEMA, summary="Fog")


def make(sigma: float = 0.5):
    class Fog(BASE):
        pass

    return Fog()
"""
ARCHITECTURE = """
format = 1
name = "fog"
input = { channels = 3, height = 8, width = 8 }
data = { source = "demo", noise = "fog" }
[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 1
"""


@pytest.mark.parametrize(
    ("base", "checked", "run"),
    [
        (
            "zoo.Noise",
            "fog(): cannot be made: TypeError: Can't instantiate abstract class Fog",
            "noise 'fog' of zoo-fog 1.0: cannot be made: TypeError: Can't instantiate abstract "
            "class Fog",
        ),
        (
            "object",
            "fog(): Fog has no draw. Write draw(crops, generator).",
            "noise 'fog' of zoo-fog 1.0: a Fog is no zoo.Noise. Derive it from that.",
        ),
    ],
)
def test_a_noise_without_draw(
    base: str, checked: str, run: str, install: Callable[..., None]
) -> None:
    install("zoo-fog", FOG.replace("BASE", base))
    failed = [each.message for each in prove("zoo-fog") if each.state == "failed"]
    assert [message for message in failed if message.startswith(checked)]
    registry = installed("zoo-fog")
    architecture = parse_architecture(ARCHITECTURE, registry, "fog.toml", Path())
    assert architecture.data.noise is not None
    with pytest.raises(PluginError) as caught:
        Compiler(architecture, registry).build(architecture.data.noise)
    assert str(caught.value).startswith(run)


LOSS = FOG.replace("zoo_noises", "zoo_losses").replace("NoiseEntry", "LossEntry")


def test_a_loss_without_backward(install: Callable[..., None]) -> None:
    install("zoo-fog", LOSS.replace("(BASE):\n        pass", ":\n        forward = max"))
    registry = installed("zoo-fog")
    text = ARCHITECTURE.replace(', noise = "fog"', "").replace("data =", 'loss = "fog"\ndata =')
    compiler = Compiler(parse_architecture(text, registry, "fog.toml", Path()), registry)
    with pytest.raises(PluginError) as caught:
        compiler.loss()
    assert str(caught.value) == (
        "loss 'fog' of zoo-fog 1.0: a Fog has no backward. Write it: see zoo.Loss."
    )
