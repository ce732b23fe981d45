"""What a case of the kit was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.architecture.infer_shapes import InferredLayer
from zoo.testing.cases import LayerCase
from zoo.testing.declared import Case
from zoo.testing.initializers import InitializerCase
from zoo.testing.losses import LossCase
from zoo.testing.noises import NoiseCase
from zoo.testing.optimizer_cases import OptimizerCase
from zoo.testing.pairings import PairingCase
from zoo.testing.schedules import ScheduleCase
from zoo.testing.sources import SourceCase

KitCase = (
    LayerCase
    | OptimizerCase
    | InitializerCase
    | LossCase
    | NoiseCase
    | PairingCase
    | ScheduleCase
    | SourceCase
)


@dataclass(frozen=True)
class Made:
    """A case of the kit, and what it was made from.

    Attributes:
        source: with its input found.
        table: as in a file, with ``type`` and bodies.
        inferred: for a layer, what it makes of its input.
    """

    source: Case
    table: Mapping[str, Any]
    case: KitCase
    inferred: InferredLayer | None = None
