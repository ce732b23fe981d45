"""The translation of a network into stock torch.nn modules."""

from __future__ import annotations

import pytest
import torch

from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Linear,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    Upsampling,
)
from zoo.testing import torch_equivalent


def every_layer() -> Sequential:
    return Sequential(
        Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, bias=False),
        Conv2d(4, 4, (2, 3), padding="same"),
        ReLU(),
        Sequential(ConvTranspose2d(4, 2, 3, 2, 1, 1, 2, True, 1), Sigmoid()),
        Upsampling(2, 3, (3, 1), padding=1, scale_factor=(1, 2)),
        NearestUpsampling((3, 1)),
        Linear(5, 2, bias=False),
    )


def test_modules_and_arguments() -> None:
    assert repr(torch_equivalent(every_layer())) == (
        "Sequential(\n"
        "  (0): Conv2d(2, 4, kernel_size=(3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2),"
        " groups=2, bias=False)\n"
        "  (1): Conv2d(4, 4, kernel_size=(2, 3), stride=(1, 1), padding=same)\n"
        "  (2): ReLU()\n"
        "  (3): Sequential(\n"
        "    (0): ConvTranspose2d(4, 2, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1),"
        " output_padding=(1, 1), groups=2)\n"
        "    (1): Sigmoid()\n"
        "  )\n"
        "  (4): Sequential(\n"
        "    (0): Upsample(scale_factor=(1.0, 2.0), mode='nearest')\n"
        "    (1): Conv2d(2, 3, kernel_size=(3, 1), stride=(1, 1), padding=(1, 1))\n"
        "  )\n"
        "  (5): Upsample(scale_factor=(3.0, 1.0), mode='nearest')\n"
        "  (6): Linear(in_features=5, out_features=2, bias=False)\n"
        ")"
    )


def test_state_dicts_fit_strictly_both_ways() -> None:
    model = every_layer()
    equivalent = torch_equivalent(model)
    names = ["0.weight", "1.weight", "1.bias", "3.0.weight", "3.0.bias", "4.1.weight", "4.1.bias"]
    assert list(model.state_dict()) == list(equivalent.state_dict()) == [*names, "6.weight"]

    other = every_layer()
    equivalent.load_state_dict(other.state_dict(), strict=True)
    model.load_state_dict(equivalent.state_dict())
    for name, value in other.state_dict().items():
        assert value.equal(model.state_dict()[name])


def test_values_dtype_and_mode_are_the_models() -> None:
    model = every_layer().to(torch.float64).eval()
    equivalent = torch_equivalent(model)
    assert not equivalent.training
    for name, value in equivalent.state_dict().items():
        assert value.dtype == torch.float64
        assert value.equal(model.state_dict()[name])
        assert value.data_ptr() != model.state_dict()[name].data_ptr()


def test_an_unknown_layer_is_named() -> None:
    class Swish(ReLU):
        """A subclass computes something else."""

    with pytest.raises(TypeError) as caught:
        torch_equivalent(Sequential(Swish()))
    assert str(caught.value) == (
        "torch_equivalent: no equivalent of Swish is known. Use Conv2d, ConvTranspose2d, Linear, "
        "NearestUpsampling, ReLU, Sequential, Sigmoid, Upsampling."
    )
