"""The conformance kit: what a plugin author runs on what their plugin adds, of every kind.

Make cases for a few sets of arguments and run the checks on them: :class:`LayerCase` with
:data:`LAYER_CHECKS`, :class:`OptimizerCase` with :data:`OPTIMIZER_CHECKS`, and so on; under pytest
with :func:`parametrize_with_checks`. ``zoo plugin check NAME`` needs no cases: it takes those that
the entries declare (:class:`Case`), and makes up others from the schemas.

Autograd and ``torch.nn`` appear here, and only here, as the yardstick.
"""

from zoo.testing.cases import LayerCase
from zoo.testing.comparisons import NotApplicable
from zoo.testing.declared import Case
from zoo.testing.entries import ENTRY_CHECKS, PLUGIN_CHECKS, EntryCase, PluginCase
from zoo.testing.gradients import check_gradients, check_loss_gradient
from zoo.testing.initializers import INITIALIZER_CHECKS, InitializerCase
from zoo.testing.layers import LAYER_CHECKS, LayerCheck
from zoo.testing.losses import LOSS_CHECKS, LossCase
from zoo.testing.noises import NOISE_CHECKS, NoiseCase
from zoo.testing.optimizer_cases import OptimizerCase
from zoo.testing.optimizers import OPTIMIZER_CHECKS
from zoo.testing.pairings import PAIRING_CHECKS, PairingCase
from zoo.testing.parametrize import parametrize_with_checks
from zoo.testing.running import Outcome, cases_of, prove, run_checks
from zoo.testing.schedules import SCHEDULE_CHECKS, ScheduleCase
from zoo.testing.schemas import schema_differences
from zoo.testing.sources import SOURCE_CHECKS, SourceCase
from zoo.testing.torch_equivalent import check_against_torch, torch_equivalent
from zoo.testing.training import check_training_against_torch

__all__ = [
    "ENTRY_CHECKS",
    "INITIALIZER_CHECKS",
    "LAYER_CHECKS",
    "LOSS_CHECKS",
    "NOISE_CHECKS",
    "OPTIMIZER_CHECKS",
    "PAIRING_CHECKS",
    "PLUGIN_CHECKS",
    "SCHEDULE_CHECKS",
    "SOURCE_CHECKS",
    "Case",
    "EntryCase",
    "InitializerCase",
    "LayerCase",
    "LayerCheck",
    "LossCase",
    "NoiseCase",
    "NotApplicable",
    "OptimizerCase",
    "Outcome",
    "PairingCase",
    "PluginCase",
    "ScheduleCase",
    "SourceCase",
    "cases_of",
    "check_against_torch",
    "check_gradients",
    "check_loss_gradient",
    "check_training_against_torch",
    "parametrize_with_checks",
    "prove",
    "run_checks",
    "schema_differences",
    "torch_equivalent",
]
