"""The benchmark as a whole: what it refuses, what it leaves out, and what it reports."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.bench import benchmark as module
from zoo.bench.benchmark import Plan, benchmark
from zoo.bench.memory import Peak
from zoo.bench.report import Case, Figure, Report
from zoo.bench.variants import AUTOTUNED, COMPILED, NCHW, NHWC, ZOO, variants_for
from zoo.compiler import Compiler
from zoo.errors import ComparisonError
from zoo.plugins.registry import Registry

CONVOLUTION = '{ type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1 }'
LAYERS = f'{CONVOLUTION}, {{ type = "relu" }}, {CONVOLUTION}, {{ type = "sigmoid" }}'
WITH_SWISH = LAYERS.replace("relu", "swish")
CPU = torch.device("cpu")
QUICK = Plan(training=(2,), inference=(1, 3), rounds=1, compiled=False, memory=False)


def run(compiler: Compiler, plan: Plan = QUICK, say: Callable[[str], Any] = str) -> Report:
    return benchmark(compiler.architecture, compiler.registry, CPU, plan, say)


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been timed, which takes no time here."""
    timed: list[str] = []

    def alternate(calls: dict[str, Callable[[], object]], *_: object) -> Any:
        timed.extend(calls)
        return module.Timed(dict.fromkeys(calls, 0.25), 1, 1)

    monkeypatch.setattr(module, "alternate", alternate)
    monkeypatch.setattr(module, "machine", lambda *_: {})
    return timed


def test_every_figure(compiled: Callable[..., Compiler]) -> None:
    said: list[str] = []
    report = run(compiled(LAYERS), say=said.append)
    assert [(case.step, case.batch_size) for case in report.cases] == [
        ("training", 2),
        ("inference", 1),
        ("inference", 3),
    ]
    multiply_adds = 3 * 3 * 9 * 64  # of each of the two convolutions
    assert [case.flop for case in report.cases] == [
        2 * 2 * 5 * multiply_adds,
        2 * 2 * multiply_adds,
        3 * 2 * 2 * multiply_adds,
    ]
    for case in report.cases:
        assert list(case.figures) == ["zoo", "nchw", "channels_last"]
        for figure in case.figures.values():
            assert figure.images_per_second == case.batch_size / figure.seconds
            assert figure.gflops == case.flop / figure.seconds / 1e9
            assert figure.peak_bytes is None
    assert report.agreement is not None
    assert max(report.agreement.differences.values()) < 1e-5
    assert report.remarks == ()
    assert said[0] == "comparing the losses of 20 steps: zoo, torch.float32"
    assert said[-1] == "timing inference with 3 images"


def test_json(compiled: Callable[..., Compiler]) -> None:
    content = json.loads(json.dumps(run(compiled(LAYERS, precision="bfloat16")).to_dict()))
    assert content.keys() == {"architecture", "machine", "agreement", "cases", "remarks"}
    assert content["architecture"] == {
        "name": "net",
        "file": "net.toml",
        "input": [3, 8, 8],
        "parameters": 168,
        "multiply_adds": 2 * 3 * 3 * 9 * 64,
        "loss": "mse",
        "optimizer": "sgd",
    }
    machine = content["machine"]
    assert machine.keys() == {
        *("versions", "platform", "device", "threads", "processes", "cuda"),
        *("precision", "cpu", "kernels", "matmul_gflops"),
    }
    assert (machine["precision"], machine["threads"]) == ("bfloat16", 1)
    assert machine["versions"]["torch"] == torch.__version__
    assert machine["matmul_gflops"] > 0
    agreement = content["agreement"]
    assert agreement.keys() == {"steps", "bound", "differences", "rounding", "float64"}
    assert (agreement["steps"], agreement["bound"]) == (20, 2e-2)
    assert agreement["differences"].keys() == {"nchw", "channels_last"}
    for case in content["cases"]:
        assert case.keys() == {
            *("step", "batch_size", "size", "depth", "flop", "rounds", "calls", "variants"),
            *("best", "ratio", "memory_ratio"),
        }
        assert case["variants"].keys() == {"zoo", "nchw", "channels_last"}
        for variant in case["variants"].values():
            assert variant.keys() == {
                *("seconds", "images_per_second", "gflops", "peak_bytes", "first_peak_bytes")
            }


def test_the_ratios_are_those_to_the_best_of_torch() -> None:
    figures = {
        "zoo": Figure(0.3, 1, 1, 60),
        "nchw": Figure(0.5, 1, 1, 80),
        "channels_last": Figure(0.4, 1, 1, 100),
        "compile": Figure(0.6, 1, 1, None),
    }
    case = Case("training", 1, 1, 1, 1, figures)
    assert (case.best, case.ratio) == ("channels_last", pytest.approx(0.75))
    assert case.memory_ratio == 0.75  # to the least, which is another's
    alone = Case("training", 1, 1, 1, 1, {"zoo": figures["zoo"]})
    assert (alone.best, alone.ratio, alone.memory_ratio) == (None, None, None)


def test_which_variants() -> None:
    gpu = torch.device("cuda")
    assert variants_for(CPU, True, True) == (ZOO, NCHW, NHWC, COMPILED)
    assert variants_for(gpu, True, True) == (ZOO, NCHW, NHWC, COMPILED, AUTOTUNED)
    assert variants_for(gpu, True, False) == (ZOO, NCHW, NHWC)
    assert variants_for(gpu, False, True) == (ZOO,)


def test_zoo_alone(compiled: Callable[..., Compiler], swish: Callable[[Any], Registry]) -> None:
    compiler = compiled(WITH_SWISH, registry=swish(None))
    plan = Plan(training=(2,), inference=(), rounds=1, with_torch=False, memory=False)
    report = run(compiler, plan)
    assert report.agreement is None
    (case,) = report.cases
    assert list(case.figures) == ["zoo"]


class WrongGradient(torch.nn.Module):
    """A ReLU that lets the gradient pass where its input is negative, too."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (torch.relu(x) - x).detach()


@pytest.mark.parametrize(
    ("reference", "step"),
    [(lambda *_: torch.nn.LeakyReLU(0.5), "1"), (lambda *_: WrongGradient(), "[2-9]")],
)
@pytest.mark.parametrize("optimizer", ['{ type = "sgd", lr = 1.0 }', '{ type = "adam" }'])
def test_a_wrong_reference_is_not_timed(
    optimizer: str,
    reference: Any,
    step: str,
    compiled: Callable[..., Compiler],
    swish: Callable[[Any], Registry],
    untimed: list[str],
) -> None:
    compiler = compiled(WITH_SWISH, optimizer, registry=swish(reference))
    with pytest.raises(ComparisonError) as caught:
        run(compiler)
    assert re.fullmatch(
        rf"net: the loss of step {step}\d? is \d\.\d+ with zoo and \d\.\d+ with torch\.nn, a "
        r"relative difference of \d\.\de-0\d\. Up to 1\.0e-05 is rounding; what does not compute "
        r"the same is not timed\.",
        str(caught.value),
    )
    assert untimed == []


def test_the_right_reference_is_timed(
    compiled: Callable[..., Compiler], swish: Callable[[Any], Registry], untimed: list[str]
) -> None:
    run(compiled(WITH_SWISH, registry=swish(lambda *_: torch.nn.ReLU())))
    assert untimed == ["zoo", "nchw", "channels_last"] * 3


def test_what_cannot_be_compiled_is_left_out(
    compiled: Callable[..., Compiler], untimed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_compiler(*_: object, **__: object) -> Callable[..., object]:
        def fail(*_: object) -> None:
            raise RuntimeError("\nno C++ compiler\nwas found")

        return fail

    monkeypatch.setattr(torch, "compile", no_compiler)
    report = run(compiled(LAYERS), Plan(training=(2,), inference=(1,), rounds=1, memory=False))
    assert untimed == ["zoo", "nchw", "channels_last"] * 2
    assert report.remarks == ("torch.compile: not timed: RuntimeError: no C++ compiler was found",)


def test_what_is_compiled_is_compared_and_timed(
    compiled: Callable[..., Compiler], untimed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[Any] = []

    def identity(reference: torch.nn.Module, *, mode: str, dynamic: bool) -> torch.nn.Module:
        modes.append((mode, dynamic))
        return reference

    monkeypatch.setattr(torch, "compile", identity)
    report = run(compiled(LAYERS), Plan(training=(2,), inference=(1,), rounds=1, memory=False))
    assert untimed == ["zoo", "nchw", "channels_last", "compile"] * 2
    assert modes == [("default", False)] * 3  # to compare, for training, and for inference
    assert report.agreement is not None
    assert list(report.agreement.differences) == ["nchw", "channels_last", "compile"]


def test_the_memory_is_measured_for_each(
    compiled: Callable[..., Compiler], untimed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def peak(
        spec: Any, variant: Any, training: bool, batch: int, device: Any, picture: Any, depth: int
    ) -> Peak | str:
        asked.append((variant.name, training, batch, str(device), picture))
        peaks: dict[str, Peak | str] = {"zoo": Peak(8, 3), "nchw": Peak(5, 4)}
        return peaks.get(variant.name, "no memory is measured: why")

    monkeypatch.setattr(module, "peak_memory", peak)
    plan = Plan(training=(2,), inference=(1,), rounds=1, compiled=False)
    report = run(compiled(LAYERS), plan)
    names = ("zoo", "nchw", "channels_last")
    assert asked == [
        *((name, True, 2, "cpu", None) for name in names),
        *((name, False, 1, "cpu", None) for name in names),
    ]
    assert [case.memory_ratio for case in report.cases] == [0.75, 0.75]
    for case in report.cases:
        assert [figure.first_peak_bytes for figure in case.figures.values()] == [8, 5, None]
    assert report.remarks == ("torch.nn channels_last: no memory is measured: why",)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_on_a_gpu(compiled: Callable[..., Compiler]) -> None:
    compiler = compiled(LAYERS)
    device = torch.device("cuda")
    report = benchmark(compiler.architecture, compiler.registry, device, QUICK)
    assert report.machine["precision"] == "float32"
    assert not torch.backends.cudnn.benchmark  # as before
    assert all(case.ratio for case in report.cases)
