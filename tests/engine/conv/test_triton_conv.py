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
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.draws import draws
from tests.engine.conv.grid_maps import DTYPE, numbers
from tests.engine.conv.products import CHECKS, assert_close, check_random_maps
from tests.engine.conv.test_convolution import LAYERS, Layer, check_plan, drawn, pairs, plan
from tests.engine.shipped import compiler
from zoo.engine import lower
from zoo.engine.conv import plans, triton_conv
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.triton_conv import TritonConv, kernels
from zoo.engine.parallel import sharded
from zoo.nn import Module
from zoo.train.session import initial_model

pytestmark = pytest.mark.usefixtures("interpreted")

FEW = draws(8)


@pytest.mark.parametrize("examples", [8, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("product", CHECKS)
def test_random_maps(product: str, examples: int) -> None:
    check_random_maps(TritonConv, product, examples)


def test_several_tiles_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels, channels and taps that fill more than one tile, and a gradient in several parts."""
    monkeypatch.setattr(triton_conv, "PIXELS_OF_PART", 32)
    rows, columns = Axis(5, 9, 2, (-1, 0, 1)), Axis(7, 13, 2, (0, 1))
    case = numbers(TritonConv(rows, columns, 2, 65, 17))
    for product in ("fprop", "dgrad", "wgrad", "upsampled_dgrad"):
        CHECKS[product](case)


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_plans_give_the_textbooks_results(kind: type[Layer]) -> None:
    seen = set()

    @FEW
    @given(LAYERS[kind], pairs(1, 9), st.integers(1, 3))
    def check(options: dict[str, Any], size: tuple[int, int], n: int) -> None:
        layer, x = drawn(kind, options, size, n)
        chosen = plan(layer, x, triton=True)
        seen.add(type(chosen.kernel))
        check_plan(layer, chosen, x)

    check()
    assert TritonConv in seen


@pytest.mark.parametrize("name", ["n2n_small", pytest.param("r1", marks=pytest.mark.slow)])
def test_networks_are_the_textbooks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = compiler(name, monkeypatch)
    model, loss = initial_model(network, 0).to(DTYPE), network.loss()
    x, target = torch.rand(2, 1, *network.architecture.input.shape, dtype=DTYPE)

    def passes(used: Module) -> list[Tensor]:
        model.zero_grad()
        value = loss.forward(used.forward(x), target)
        grad_x = used.backward(loss.backward())
        return [value, grad_x, *(gradient.clone() for _, gradient in model.param())]

    expected = passes(model)
    monkeypatch.setattr(plans, "has_kernels", lambda weight: True)
    fast = lower(model)
    for found, right in zip(passes(fast), expected, strict=True):
        assert_close(found, right)
    model.eval()
    assert_close(fast.forward(x), model.forward(x))


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
    fast, loss = lower(model), network.loss()
    x, target = torch.rand(2, 10, *network.architecture.input.shape)
    own = dict.fromkeys((name for name in vars(kernels()) if name.endswith("_kernel")), launches)
    monkeypatch.setattr(plans, "has_kernels", lambda weight: True)
    step = fast.training_step(loss, lambda: None, capture=False)
    monkeypatch.setattr(sharded, "MIN_SHARDED_BYTES", 2**40)  # the batch as a whole, as on a GPU
    monkeypatch.setattr(triton_conv, "kernels", lambda: SimpleNamespace(tl=kernels().tl, **own))
    step(x, target)  # on a CPU the first one finds out how much memory an image takes
    launches.count = 0
    with launches:
        step(x, target)
    assert launches.count <= most


PROGRAM = Path(__file__).with_name("compile_kernels.py")
SHARED_MEMORY = 64 * 2**10  # that a kernel may take on any GPU since 2018


@pytest.mark.slow
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
