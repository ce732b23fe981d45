"""The contract of a trained model that a plugin brings along, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from zoo.describe.model_card import read_card
from zoo.engine import lower
from zoo.plugins.registry import InstalledModel, Registry
from zoo.testing.cases import normal
from zoo.testing.comparisons import require
from zoo.train.session import load_trained


@dataclass(frozen=True)
class ModelCase:
    """A trained model.

    Attributes:
        installed: the model and who provides it.
        registry: has what its network is made of.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    installed: InstalledModel
    registry: Registry
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of the model in reports and messages."""
        return f"model {self.installed.entry.name}"


ModelCheck = Callable[[ModelCase], None]


def check_file(case: ModelCase) -> None:
    """The file is there, and the one whose sum the record has."""
    case.installed.entry.verified_path()


def check_card(case: ModelCase) -> None:
    """There is a card with the fields of one."""
    read_card(case.installed.entry)


def check_network(case: ModelCase) -> None:
    """The network is rebuilt, has the channels that the card says, and gives back finite images."""
    entry = case.installed.entry
    compiler, network = load_trained(entry.verified_path(), case.registry)
    shape = compiler.architecture.input.shape
    channels = read_card(entry).channels
    require(
        channels == shape[0],
        f"{case.id}: its card says {channels} channels, and the network has {shape[0]}. "
        "Correct the card.",
    )
    x = normal((1, *shape), 1, next(value for value, _ in network.param()).dtype)
    y = lower(network)(x)
    require(
        y.shape == x.shape and bool(y.isfinite().all()),
        f"{case.id}: gives {tuple(y.shape)} for {tuple(x.shape)}, or values that are no numbers.",
    )


MODEL_CHECKS: Final[Sequence[ModelCheck]] = (check_file, check_card, check_network)
