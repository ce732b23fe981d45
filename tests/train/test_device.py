from __future__ import annotations

import pytest
import torch

from zoo.errors import UsageError
from zoo.train.device import choose_device, device_name


@pytest.mark.parametrize("name", ["gpu", "", "CPU", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "mps"])
def test_no_such_device(name: str) -> None:
    with pytest.raises(UsageError) as error:
        choose_device(name)
    assert str(error.value) == f"--device {name}: no such device. Use auto, cpu, cuda or cuda:N."


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    assert choose_device("cpu") == torch.device("cpu")
    for cuda, words in [("13.0", "finds no GPU"), (None, "is built without CUDA")]:
        monkeypatch.setattr(torch.version, "cuda", cuda)
        for name in ("cuda", "cuda:0"):
            with pytest.raises(UsageError) as error:
                choose_device(name)
            assert str(error.value) == (
                f"--device {name}: torch {torch.__version__} {words}. Use cpu or auto."
            )


def test_with_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UsageError) as error:
        choose_device("cuda:2")
    assert str(error.value) == "--device cuda:2: there are 2 GPUs. Use cuda:0 to cuda:1."


def test_the_name_says_how_many_threads() -> None:
    assert device_name(torch.device("cpu")) == f"cpu ({torch.get_num_threads()} threads)"
