"""The conformance kit: what a plugin author runs on their own layers and losses.

Make :class:`LayerCase` records for a few sets of arguments and run :data:`LAYER_CHECKS` on them.
Autograd and ``torch.nn`` appear here, and only here, as the yardstick.
"""

from zoo.testing.cases import LayerCase
from zoo.testing.gradients import check_gradients, check_loss_gradient
from zoo.testing.layers import LAYER_CHECKS, LayerCheck
from zoo.testing.torch_equivalent import check_against_torch, torch_equivalent
from zoo.testing.training import check_training_against_torch

__all__ = [
    "LAYER_CHECKS",
    "LayerCase",
    "LayerCheck",
    "check_against_torch",
    "check_gradients",
    "check_loss_gradient",
    "check_training_against_torch",
    "torch_equivalent",
]
