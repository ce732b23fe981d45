"""Kernels that do not work on a GPU are found out, and done without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from zoo.engine.conv import selftest
from zoo.engine.conv.triton_conv import TritonConv

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def not_tried_yet() -> Iterator[None]:
    selftest.problem.cache_clear()
    yield
    selftest.problem.cache_clear()


@pytest.mark.usefixtures("interpreted")
def test_the_kernels_compute_what_the_products_do() -> None:
    assert selftest.difference(CPU, torch.float32) == ""


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("dtype", selftest.DTYPES, ids=str)
def test_the_kernels_compute_what_the_products_do_on_a_gpu(dtype: torch.dtype) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    assert selftest.difference(torch.device("cuda"), dtype) == ""


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("wrong", ["fprop", "dgrad"])
def test_a_wrong_result_is_told(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = getattr(TritonConv, wrong)

    def slightly_wrong(*args: object, **options: object) -> Tensor:
        result: Tensor = right(*args, **options)
        result[0, 0, 0, 0] += 10
        return result

    monkeypatch.setattr(TritonConv, wrong, slightly_wrong)
    name = "the convolution" if wrong == "fprop" else "the transposed convolution"
    assert selftest.problem(CPU, torch.float32) == f"{name} is wrong by 1.0e+01"


def test_a_compiler_that_fails_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_compiler(*_: object) -> str:
        raise RuntimeError("Failed to find C compiler.\nPlease specify one with CC.")

    monkeypatch.setattr(selftest, "find_spec", lambda name: name)
    monkeypatch.setattr(selftest, "difference", no_compiler)
    assert selftest.problem(CPU, torch.float32) == "RuntimeError: Failed to find C compiler."


def test_no_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "find_spec", lambda name: None)
    assert selftest.problem(CPU, torch.float32) == "Triton is not installed"


def test_a_processor_has_none() -> None:
    assert not selftest.has_kernels(torch.zeros(1, 1, 3, 3))
