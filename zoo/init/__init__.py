"""Initializers: how the weights and biases of a layer are first filled.

Each is a small frozen record called as ``initializer(value, fan_in=..., fan_out=...,
generator=...)``, which overwrites ``value`` in place; :class:`Initializer` is the contract.
"""

from zoo.init.base import Initializer, Unfilled, fans
from zoo.init.he import HeNormal, HeUniform
from zoo.init.plain import Constant, Normal, Uniform, Zeros
from zoo.init.pytorch import PYTORCH, PyTorch
from zoo.init.xavier import XavierNormal, XavierUniform

__all__ = [
    "PYTORCH",
    "Constant",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "Normal",
    "PyTorch",
    "Unfilled",
    "Uniform",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
    "fans",
]
