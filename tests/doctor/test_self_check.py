"""The check finds an engine that computes something else than the textbook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.doctor import self_check as module
from zoo.doctor.report import Finding, problem
from zoo.doctor.self_check import TOLERANCE, self_check


@pytest.fixture(autouse=True)
def no_gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("cuda") is None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_it_passes_here() -> None:
    compiled, *findings = self_check()
    assert compiled.name == "kernels, cpu"
    assert compiled.text.startswith("compiled, vectors of ")
    assert [finding.name for finding in findings] == ["convolutions, cpu", "strides, cpu"]
    for finding in findings:
        assert finding.state == "ok"
        assert finding.value <= TOLERANCE["cpu"]


def test_wrong_inference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    lower = module.lower

    def wrong(model: Any) -> Callable[[Tensor], Tensor]:
        fast = lower(model)
        return lambda x: fast(x) * 1.01

    monkeypatch.setattr(module, "lower", wrong)
    _, first, second = self_check()
    assert (first.state, first.fatal, second.fatal) == ("problem", True, True)
    assert first.text == (
        "inference and 5 training steps differ from the textbook's by 1e-02, which is no rounding"
    )


def test_wrong_training_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy:
        def __init__(self, *arguments: Any) -> None:
            pass

        def __call__(self, x: Tensor, target: Tensor) -> None:
            pass

    monkeypatch.setattr(module, "TrainStep", Lazy)
    assert [finding.fatal for finding in self_check()] == [False, True, True]


def test_outputs_that_are_no_numbers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    lower = module.lower
    monkeypatch.setattr(module, "lower", lambda model: lambda x: lower(model)(x) * float("nan"))
    assert [finding.fatal for finding in self_check()] == [False, True, True]


def test_what_keeps_a_cpu_from_compiled_kernels_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.kernels, "problem", lambda: "no numba")
    assert module._compiled() == Finding(
        "kernels, cpu", "no numba", None, "absent", "zoo works without, slower."
    )


def test_kernels_that_do_not_work_are_no_reason_to_give_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reasons = {torch.float32: "", torch.bfloat16: "Triton is not installed"}
    monkeypatch.setattr(module, "kernel_problem", lambda device, dtype: reasons[dtype])
    assert list(module._kernels(torch.device("cuda"))) == [
        Finding("kernels, float32", "work"),
        problem(
            "kernels, bfloat16",
            "Triton is not installed",
            "zoo works without, slower. Install Triton and a C compiler, or a newer driver.",
        ),
    ]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_on_a_gpu() -> None:
    findings = list(self_check())
    names = [finding.name for finding in findings]
    assert names[2:] == [
        *("kernels, float32", "kernels, bfloat16"),
        *("convolutions, cuda", "strides, cuda"),
    ]
    assert {finding.state for finding in findings} == {"ok"}
