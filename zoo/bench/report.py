"""What a benchmark found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.architecture import Architecture
from zoo.bench.agreement import STEPS, Agreement
from zoo.bench.variants import ZOO
from zoo.spec.shapes import Pair


@dataclass(frozen=True)
class Figure:
    """The time and the memory of one variant.

    Attributes:
        seconds: of a call, the median.
        images_per_second: how many images that makes.
        gflops: 10^9 operations a second, of those that the network takes by its definition
            (:mod:`zoo.bench.work`). A form that needs fewer of them may pass the machine's rate.
        peak_bytes: memory at its peak (:mod:`zoo.bench.memory`); None where it was not measured.
        first_peak_bytes: the same of the first calls, of which zoo records one.
    """

    seconds: float
    images_per_second: float
    gflops: float
    peak_bytes: int | None
    first_peak_bytes: int | None = None


@dataclass(frozen=True)
class Case:
    """A training step or inference with batches of one size.

    Attributes:
        step: ``"training"``, ``"inference"``, or ``"picture"``: inference of one, tile by tile.
        batch_size: images in a batch.
        flop: operations of a call by definition.
        rounds, calls: how many samples were taken of each variant, and of how many calls each.
        figures: by the variant's name.
        size: (H, W) of a picture; None for images of the architecture's input.
        depth: bits of a picture's channels; None for images of the architecture's input.
    """

    step: str
    batch_size: int
    flop: int
    rounds: int
    calls: int
    figures: Mapping[str, Figure]
    size: Pair | None = None
    depth: int | None = None

    @property
    def best(self) -> str | None:
        """The fastest variant of torch; None where none was timed."""
        others = [name for name in self.figures if name != ZOO.name]
        return min(others, key=lambda name: self.figures[name].seconds, default=None)

    @property
    def ratio(self) -> float | None:
        """zoo's time over that of the fastest variant of torch."""
        return (
            self.figures[ZOO.name].seconds / self.figures[self.best].seconds if self.best else None
        )

    @property
    def memory_ratio(self) -> float | None:
        """zoo's peak memory over the least of any variant of torch."""
        own = self.figures[ZOO.name].peak_bytes
        others = [
            figure.peak_bytes
            for name, figure in self.figures.items()
            if name != ZOO.name and figure.peak_bytes
        ]
        return own / min(others) if others and own is not None else None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "step": self.step,
            "batch_size": self.batch_size,
            "size": self.size and list(self.size),
            "depth": self.depth,
            "flop": self.flop,
            "rounds": self.rounds,
            "calls": self.calls,
            "variants": {name: dict(vars(figure)) for name, figure in self.figures.items()},
            "best": self.best,
            "ratio": self.ratio,
            "memory_ratio": self.memory_ratio,
        }


@dataclass(frozen=True)
class Report:
    """A whole benchmark.

    Attributes:
        architecture: what was timed.
        machine: where (:func:`zoo.bench.machine.machine`).
        agreement: of the losses; None where zoo was timed alone.
        cases: what was timed.
        remarks: what could not be timed or measured, and why.
    """

    architecture: Architecture
    machine: Mapping[str, Any]
    agreement: Agreement | None
    cases: Sequence[Case]
    remarks: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """For ``zoo bench --json``; README explains the keys."""
        info, agreed = self.architecture.shapes.info, self.agreement
        return {
            "architecture": {
                "name": self.architecture.name,
                "file": self.architecture.file,
                "input": list(self.architecture.input.shape),
                "parameters": info.parameters,
                "multiply_adds": info.multiply_adds,
                "loss": self.architecture.loss.type,
                "optimizer": self.architecture.optimizer.type,
            },
            "machine": dict(self.machine),
            "agreement": agreed
            and {
                "steps": STEPS,
                "bound": agreed.bound,
                "differences": dict(agreed.differences),
                "rounding": agreed.rounding,
                "float64": agreed.float64,
            },
            "cases": [case.to_dict() for case in self.cases],
            "remarks": list(self.remarks),
        }
