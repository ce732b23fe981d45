"""The GPU's kernels: what they compute, by Triton's interpreter, and that they compile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.engine.conv.grid_maps import DTYPE, Map, maps, numbers
from tests.engine.conv.products import (
    assert_close,
    check_upsampled_dgrad,
    check_upsampled_fprop,
    check_dgrad,
    check_fprop,
    check_wgrad,
)
from tests.engine.conv.test_operators import LAYERS, TEXTBOOK, operator, pairs, results
from tests.engine.shipped import compiler
from zoo.errors import ArgumentError, ShapeError
from zoo.nn import Conv2d, ConvTranspose2d, Upsampling
from zoo.nn.convolution import Convolution
from zoo.engine.conv import convolution, triton_conv
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.triton_conv import TritonConv, kernels, is_supported
from zoo.engine.conv.convolution import TransposedConv, StridedConv
from zoo.train.session import initial_model
from zoo.train.step import _Passes

pytestmark = pytest.mark.usefixtures("interpreted")

FEW = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the kernels keep nothing
)


def served(case: Map) -> Map:
    assume(is_supported(case.kernel.rows, case.kernel.columns, [1]))
    return case


@FEW
@given(maps(TritonConv).map(served))
def test_reduce(case: Map) -> None:
    check_fprop(case)


@FEW
@given(maps(TritonConv).map(served))
def test_expand(case: Map) -> None:
    check_dgrad(case)


@FEW
@given(maps(TritonConv).map(served))
def test_weight_gradient(case: Map) -> None:
    check_wgrad(case)


@FEW
@given(maps(TritonConv, upsampled=True).map(served))
def test_reduce_of_sums(case: Map) -> None:
    check_upsampled_fprop(case)


@FEW
@given(maps(TritonConv, upsampled=True).map(served))
def test_expand_to_sums(case: Map) -> None:
    check_upsampled_dgrad(case)


@FEW
@given(maps(TritonConv, upsampled=True).map(served))
def test_weight_gradient_of_sums(case: Map) -> None:
    check_wgrad(case, upsampled=True)


def test_several_tiles_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels, channels and taps that fill more than one tile, and a gradient in several parts."""
    monkeypatch.setattr(triton_conv, "PIXELS_OF_PART", 32)
    rows, columns = Axis(5, 9, 2, (-1, 0, 1)), Axis(7, 13, 2, (0, 1))
    case = numbers(TritonConv(rows, columns, 2, 65, 17))
    for check in (check_fprop, check_dgrad, check_wgrad, check_upsampled_dgrad):
        check(case)


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_layers_give_the_textbooks_results(
    kind: type[Conv2d | ConvTranspose2d | Upsampling], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, "has_kernels", lambda weight: True)
    seen = set()

    @FEW
    @given(LAYERS[kind], pairs(1, 9), st.integers(1, 3))
    def check(options: dict[str, Any], size: tuple[int, int], n: int) -> None:
        generator = torch.Generator().manual_seed(0)
        try:
            layer: Convolution = kind(**options, generator=generator).to(DTYPE)
            shape = layer.output_shape((options["in_channels"], *size))
        except (ArgumentError, ShapeError):
            assume(False)
        x = torch.randn(n, options["in_channels"], *size, dtype=DTYPE, generator=generator)
        grad_y = torch.randn(n, *shape, dtype=DTYPE, generator=generator)
        ours = operator(layer, x, TEXTBOOK)
        if isinstance(ours, StridedConv | TransposedConv):
            seen.add(type(ours.kernel))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(operators, "has_kernels", lambda weight: False)
            textbook = operator(layer, x, TEXTBOOK)
        expected = results(layer, textbook, x, grad_y)
        for mine, textbooks in zip(results(layer, ours, x, grad_y), expected, strict=True):
            assert_close(mine, textbooks)

    check()
    assert TritonConv in seen


@pytest.mark.parametrize("name", ["n2n_small", "r1"])
def test_networks_train_as_without_kernels(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = compiler(name, monkeypatch)
    model, loss = initial_model(network, 0).to(DTYPE), network.loss()
    x, target = torch.rand(2, 1, *network.architecture.input.shape, dtype=DTYPE)

    def passes() -> list[Tensor]:
        model.zero_grad()
        value = loss.forward(model.forward(x), target)
        grad_x = model.backward(loss.backward())
        return [value, grad_x, *(gradient.clone() for _, gradient in model.param())]

    expected = passes()
    monkeypatch.setattr(operators, "has_kernels", lambda weight: True)
    for found, right in zip(passes(), expected, strict=True):
        assert_close(found, right)
    model.eval()
    evaluated = model.forward(x)
    monkeypatch.setattr(operators, "has_kernels", lambda weight: False)
    assert_close(evaluated, model.forward(x))


class Launches(TorchDispatchMode):
    """Counts what a GPU would be asked to start: operators that neither view nor only allocate."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func._schema.name.partition("::")[2]
        self.count += not (func.is_view or name in {"empty", "empty_like", "new_empty", "detach"})
        return func(*args, **kwargs or {})

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        """In a kernel's place."""
        return self._launch

    def _launch(self, *arguments: object, **constants: object) -> None:
        self.count += 1


# As counted in forward, loss and backward; with matrix products those of n2n_small are 166. A GPU
# takes some microseconds for each, which is most of the time of a small batch.
@pytest.mark.parametrize(("name", "most"), [("n2n_small", 41), ("r1", 37), ("r5", 41)])
def test_a_step_is_few_kernels(name: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, launches = compiler(name, monkeypatch), Launches()
    model = initial_model(network, 0)
    passes = _Passes(model, network.loss(), model.zero_grad)
    x, target = torch.rand(2, 10, *network.architecture.input.shape)
    own = dict.fromkeys((name for name in vars(kernels()) if name.endswith("_kernel")), launches)
    monkeypatch.setattr(operators, "has_kernels", lambda weight: True)
    monkeypatch.setattr(triton_conv, "kernels", lambda: SimpleNamespace(tl=kernels().tl, **own))
    with torch.no_grad(), launches:
        passes.of_batch(x, target)
    assert launches.count <= most


PROGRAM = Path(__file__).with_name("compile_kernels.py")
SHARED_MEMORY = 64 * 2**10  # that a kernel may take on any GPU since 2018


def test_kernels_compile_for_gpus_that_are_not_here(tmp_path: Path) -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, str(PROGRAM), "80", "90"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    compiled = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(compiled) == 4 * 3 * 2  # kernels, precisions, GPUs
    for needs in compiled:
        assert needs["code"] > 0, needs
        assert needs["shared"] <= SHARED_MEMORY, needs
