"""What a run says it ran on."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import torch
from torch.torch_version import TorchVersion

from zoo.train.environment import environment, versions
from zoo.version import VERSION


def test_the_versions_are_those_that_are_installed() -> None:
    found = versions()
    assert list(found) == ["zoo", "python", "numpy", "scikit-image", "pillow", "torch"]
    assert found["zoo"] == VERSION
    assert found["numpy"] == version("numpy")


@pytest.mark.parametrize("label", ["", "+cpu", "+cu130"])
def test_the_label_of_torchs_build_is_kept(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata of a CUDA build from PyPI lack it."""
    monkeypatch.setattr(torch, "__version__", TorchVersion(f"2.99.0{label}"))
    assert versions()["torch"] == f"2.99.0{label}"
    assert type(versions()["torch"]) is str  # a checkpoint holds plain values only
    assert environment(torch.device("cpu"))["versions"] == versions()
