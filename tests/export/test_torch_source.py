from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

from tests.export.conftest import TINY
from zoo.errors import PluginError
from zoo.export.torch_source import expression, source
from zoo.export.trained import Trained
from zoo.spec.sizes import SizeRule
from zoo.testing import torch_equivalent


class Twice(nn.Module):
    def __init__(self, body: nn.Module, times: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.body, self.times = body, times


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.ReLU(), "nn.ReLU()"),
        (nn.Conv2d(3, 4, 5), "nn.Conv2d(3, 4, 5)"),
        (
            nn.Conv2d(4, 4, (3, 1), padding="same", groups=2, bias=False),
            "nn.Conv2d(4, 4, (3, 1), padding='same', groups=2, bias=False)",
        ),
        (
            nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=(1, 0)),
            "nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=(1, 0))",
        ),
        (nn.LeakyReLU(0.1), "nn.LeakyReLU(negative_slope=0.1)"),
        (nn.BatchNorm2d(8, eps=0.1), "nn.BatchNorm2d(8, eps=0.1)"),
        (nn.MaxPool2d(2), "nn.MaxPool2d(2, stride=2)"),
        (nn.GELU("tanh"), "nn.GELU(approximate='tanh')"),
        (nn.PixelShuffle(2), "nn.PixelShuffle(2)"),
        (nn.PReLU(3), "nn.PReLU(num_parameters=3)"),
        (nn.Linear(3, 4, bias=False), "nn.Linear(3, 4, bias=False)"),
        (nn.Sequential(), "nn.Sequential()"),
        (nn.Sequential(nn.ReLU()), "nn.Sequential(\n    nn.ReLU(),\n)"),
        (Twice(nn.ReLU(), (2, 2)), "Twice(nn.ReLU(), times=(2, 2))"),
    ],
)
def test_a_module_is_written_as_it_is_made(module: nn.Module, text: str) -> None:
    assert expression(module, {}) == text
    again = eval(text, {"nn": nn, "Twice": Twice})
    assert {name: value.shape for name, value in again.state_dict().items()} == {
        name: value.shape for name, value in module.state_dict().items()
    }


def test_a_class_that_torch_has_not_is_copied_once() -> None:
    classes: dict[str, str] = {}
    expression(nn.Sequential(Twice(nn.ReLU()), Twice(nn.ReLU())), classes)
    assert list(classes) == ["Twice"]
    assert classes["Twice"].startswith("class Twice(nn.Module):\n    def __init__(self")


def test_classes_that_cannot_be_copied() -> None:
    made: dict[str, Any] = {"nn": nn}
    exec("class Made(nn.Module): pass", made)  # of no file
    made["Made"].__module__ = "builtins"
    with pytest.raises(PluginError) as caught:
        expression(made["Made"](), {})
    assert str(caught.value) == (
        "builtins.Made: the source of this torch reference is not there. Use --to safetensors."
    )
    with pytest.raises(PluginError) as caught:
        expression(Twice(nn.ReLU()), {"Twice": "class Twice: ..."})
    assert str(caught.value) == (
        f"{__name__}.Twice: two torch references have this name. Rename one."
    )


def run(trained: Trained, sizes: tuple[SizeRule, SizeRule]) -> Mapping[str, Any]:
    text = source(trained, torch_equivalent(trained.network), "m", 'a"b.pt', sizes)
    made: dict[str, Any] = {}
    exec(text, made)
    assert ast.get_docstring(ast.parse(text)) is not None
    return made


def test_whatever_is_said_of_a_network_the_source_is_right(make: Callable[..., Trained]) -> None:
    words = r"'''a \\ \"\"\" b'''"
    said = make(TINY.replace('"For these tests."', words))
    rules = said.size_rules("m.py")
    denoiser = run(said, rules)["Denoiser"]()
    denoiser.load_state_dict(said.network.state_dict(), strict=True)
    x = torch.rand(2, 3, 5, 1)
    with torch.no_grad():
        assert denoiser(x).shape == x.shape


def test_a_network_of_any_size_pads_nothing(tiny: Trained) -> None:
    made = run(tiny, (SizeRule(1, 1), SizeRule(1, 1)))
    assert "extended" not in made
    assert made["Denoiser"].forward is nn.Sequential.forward
