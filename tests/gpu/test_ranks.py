"""Two processes, a GPU each, train as one process does; needs two GPUs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are no two CUDA devices"),
]

ARCHITECTURE = Path(__file__).parents[2] / "architectures" / "n2n_small.toml"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def test_two_devices(tmp_path: Path) -> None:
    options = ("--epochs", "1", "--device", "cuda", "--set", "data.samples_per_epoch=800")
    for name, launcher in (("one", ()), ("two", TORCHRUN)):
        command = [*launcher, "-m", "zoo", "run", ARCHITECTURE, "--out", name, *options]
        subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=tmp_path,
            env={**os.environ, "ZOO_PLUGINS": ""},
            check=True,
            timeout=140,
        )
    one, two = (
        json.loads((tmp_path / name / "metrics.jsonl").read_text()) for name in ("one", "two")
    )
    assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-3)
    assert two["val_psnr"] == pytest.approx(one["val_psnr"], abs=0.05)
