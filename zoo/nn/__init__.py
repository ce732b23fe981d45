"""Hand-written layers: each with its forward and its backward pass, in plain tensor operations.

No autograd, no ``torch.nn`` module and no library convolution. Arguments, defaults, shapes and
results are those of the layers of the same names in ``torch.nn``. Start reading with
:mod:`zoo.nn.linear` and :mod:`zoo.nn.conv2d`.
"""

from zoo.nn.all_gather import all_gather
from zoo.nn.conv2d import Conv2d
from zoo.nn.conv_transpose2d import ConvTranspose2d, TransposeConv2d
from zoo.nn.l1 import L1
from zoo.nn.linear import Linear
from zoo.nn.memory_format import empty_preserving_format
from zoo.nn.module import Module
from zoo.nn.mse import MSE
from zoo.nn.nearest_upsampling import NearestUpsampling
from zoo.nn.parameter import Parameter
from zoo.nn.relu import ReLU
from zoo.nn.sequential import Sequential
from zoo.nn.sigmoid import Sigmoid
from zoo.nn.upsampling import Upsampling

__all__ = [
    "L1",
    "MSE",
    "Conv2d",
    "ConvTranspose2d",
    "Linear",
    "Module",
    "NearestUpsampling",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "TransposeConv2d",
    "Upsampling",
    "all_gather",
    "empty_preserving_format",
]
