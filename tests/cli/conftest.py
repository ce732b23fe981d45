from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tiny import NO_BETTER, TINY
from zoo.cli import main

# A plugin whose layer passes everything through. It makes sure that autograd is off, and sends its
# own process the signal PROBE_SIGNAL in the training step PROBE_STEP.
PROBE = """
import os

import torch

import zoo
from zoo.nn import Module


@zoo.hookimpl
def zoo_layers():
    schema = {"type": "object", "additionalProperties": False, "properties": {}}
    yield zoo.LayerEntry(
        name="probe",
        factory="zoo_probe:Probe",
        schema=schema,
        summary="For these tests.",
        shape_rule="zoo.spec.shape_rules:elementwise",
    )


class Probe(Module):
    steps = 0
    seen = []

    def __deepcopy__(self, memo):
        other = type(self)()  # with which the layers' figures are measured: takes no steps
        other.steps, other.seen = 10**6, []
        return other

    def forward(self, x):
        self.seen.append((self.training, torch.is_grad_enabled() or x.requires_grad))
        if self.training:
            self.steps += 1
            if self.steps == int(os.environ.get("PROBE_STEP", 0)):
                os.kill(os.getpid(), int(os.environ["PROBE_SIGNAL"]))
        return x

    def backward(self, grad_y):
        self.seen.append(("backward", torch.is_grad_enabled() or grad_y.requires_grad))
        return grad_y

    def output_shape(self, input_shape):
        return tuple(input_shape)
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str
    outcome: str = ""  # the warning of a result that is no better than its noisy input

    @classmethod
    def of(cls, code: int, out: str, err: str) -> Result:
        """The tests train for a moment: what is said about that is not part of ``err`` here."""
        lines = err.splitlines(keepends=True)
        outcome = [line for line in lines if line.startswith(NO_BETTER)]
        rest = [line for line in lines if line not in outcome]
        return cls(code, out, "".join(rest), "".join(outcome))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``tiny.toml``, ``probed.toml`` with a probe in it, and ``photos``."""
    base = tmp_path_factory.mktemp("base")
    (base / "tiny.toml").write_text(TINY)
    probed = TINY.replace("[optimizer]", '[[layers]]\ntype = "probe"\n\n[optimizer]')
    (base / "probed.toml").write_text(probed.replace('"tiny"', '"probed"'))
    (base / "photos").mkdir()
    draws = np.random.default_rng(0)
    for index in range(5):
        coarse = Image.fromarray(draws.integers(256, size=(5, 6, 3), dtype=np.uint8))
        coarse.resize((26, 20)).save(base / "photos" / f"{index}.png")
    return base


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from in which the distribution ``zoo-probe`` is installed."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "zoo_probe.py").write_text(PROBE)
    info = folder / "zoo_probe-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-probe\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nprobe = zoo_probe\n")
    return folder


@pytest.fixture
def cli(
    tmp_path: Path,
    plugins: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Result]]:
    """``cli("run", ...)``: zoo's command line in this process, in ``tmp_path``, without a GPU."""
    if request.node.get_closest_marker("cuda") is None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(plugins))
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")
    for name in ("COLUMNS", "ZOO_DEBUG", "ZOO_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-probe")

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        code = stop.value.code
        assert isinstance(code, int)
        return Result.of(code, *capsys.readouterr())

    yield run
    sys.modules.pop("zoo_probe", None)


@pytest.fixture(scope="session")
def process(plugins: Path) -> Callable[..., Result]:
    """``process("run", ..., cwd=...)``: the same in a process of its own."""

    def run(*arguments: str | Path, cwd: Path, **environment: str) -> Result:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ZOO_") and name != "COLUMNS"
        }
        own = {
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(plugins), os.environ.get("PYTHONPATH")])
            ),
            "OMP_NUM_THREADS": "1",
            "ZOO_PLUGINS": "zoo-probe",
            "CUDA_VISIBLE_DEVICES": "",
        }
        result = subprocess.run(
            [sys.executable, "-m", "zoo", *map(str, arguments)],
            cwd=cwd,
            env=kept | own | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Result.of(result.returncode, result.stdout, result.stderr)

    return run


@dataclass(frozen=True)
class Run:
    path: Path
    result: Result


@pytest.fixture(scope="session")
def finished(
    base: Path, process: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """A whole ``zoo run tiny.toml``, with what it printed; only to be read."""
    folder = tmp_path_factory.mktemp("finished")
    result = process("run", base / "tiny.toml", "--out", "run", cwd=folder)
    return Run(folder / "run", result)
