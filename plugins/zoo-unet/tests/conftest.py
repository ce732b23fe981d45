"""What several tests of the plugin use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest
import torch

from zoo.cli import main


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The tensors of tests are tiny: several threads would mostly wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    """Tests that draw from torch's global generator draw the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """``zoo("check", ...)``: what the command line prints, with this plugin alone."""
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-unet")

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main()
        return "".join(capsys.readouterr())

    return run
