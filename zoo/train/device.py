"""Choosing the device, never silently another one than was asked for."""

from __future__ import annotations

import os

import torch

from zoo.errors import UsageError


def choose_device(name: str) -> torch.device:
    """The device that ``--device`` names.

    Args:
        name: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        UsageError: another name, or a GPU that this machine or this build of torch lacks.
    """
    where = f"--device {name}"
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, colon, index = name.partition(":")
    if kind != "cuda" or (colon and not index.isdecimal()):
        raise UsageError(f"{where}: no such device. Use auto, cpu, cuda or cuda:N.")
    if not torch.cuda.is_available():
        built = "finds no GPU" if torch.version.cuda else "is built without CUDA"
        raise UsageError(f"{where}: torch {torch.__version__} {built}. Use cpu or auto.")
    count = torch.cuda.device_count()
    if index and int(index) >= count:
        raise UsageError(f"{where}: there are {count} GPUs. Use cuda:0 to cuda:{count - 1}.")
    return torch.device(name)


def be_deterministic() -> None:
    """Have torch use only algorithms that give the same bits each time, also on a GPU.

    Where there is none for an operation, that raises a RuntimeError. To be called before a GPU is
    used.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS is started
    torch.use_deterministic_algorithms(True)


def device_name(device: torch.device) -> str:
    """The device for a person: ``cpu (2 threads)`` or ``cuda:0 (NVIDIA H200)``."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.get_num_threads()} threads)"
