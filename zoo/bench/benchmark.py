"""The benchmark: do all sides compute the same, and how long does each take?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from zoo.architecture import Architecture
from zoo.bench.agreement import MOVED, STEPS, Agreement, check_agreement, check_outputs
from zoo.bench.images import images
from zoo.bench.machine import equal_precision, machine
from zoo.bench.memory import Peak, peak_memory
from zoo.bench.report import Case, Figure, Report
from zoo.bench.timing import Call, Timed, alternate, stopwatch_of
from zoo.bench.variants import NCHW, NHWC, VARIANTS, ZOO, Sides, Variant, variants_for
from zoo.bench.work import inference_flop, training_flop
from zoo.compiler import Compiler
from zoo.errors import format_error, shorten
from zoo.inference.any_size import extended
from zoo.plugins.registry import Registry
from zoo.spec.shapes import Pair
from zoo.train.precision import check_precision

WARM_UP = 6  # calls before those that are timed; a step is recorded at the fourth
PICTURE_WARM_UP = 2  # of a picture, which has tiles enough to be recorded
LONGEST_REASON = 200  # characters of a compiler's message

Say = Callable[[str], object]
T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What to time.

    Attributes:
        training: sizes of the batches of training steps.
        inference: sizes of the batches of inference.
        rounds: samples of each call.
        with_torch: whether to time the same in torch.nn too.
        compiled: whether to time ``torch.compile`` too.
        memory: whether to measure the peak memory.
        picture: (H, W) of a picture whose inference is timed instead of all batches, beside
            torch.nn without ``torch.compile``; None for none.
        depth: bits of that picture's channels.
    """

    training: Sequence[int] = (10, 100)
    inference: Sequence[int] = (1, 10, 100)
    rounds: int = 30
    with_torch: bool = True
    compiled: bool = True
    memory: bool = True
    picture: Pair | None = None
    depth: int = 16


def benchmark(
    architecture: Architecture,
    registry: Registry,
    device: torch.device,
    plan: Plan,
    say: Say = lambda _: None,
) -> Report:
    """Time an architecture's network beside the same one in torch.nn.

    Args:
        architecture: the network, with its loss and optimizer, on images of its ``[input]``.
        registry: what it was checked with.
        device: where to compute.
        plan: what to time.
        say: is called with what is being done.

    Raises:
        ComparisonError: zoo and torch do not compute the same; nothing is timed.
        PluginError: a layer, the loss or the optimizer has no torch reference, or a wrong one.
    """
    check_precision(architecture, device)
    bench = _Bench(Compiler(architecture, registry), device, plan, say)
    with equal_precision(architecture.train.precision):
        agreement = bench.agreement() if plan.with_torch else None
        say("measuring the rate of matrix products")
        found = machine(device, architecture.train.precision)
    cases = tuple(bench.cases())
    return Report(architecture, found, agreement, cases, tuple(bench.remarks))


class _Bench:
    """A benchmark on its way.

    Attributes:
        variants: those that work, or have not been tried.
        remarks: why others do not, each once.
    """

    def __init__(self, compiler: Compiler, device: torch.device, plan: Plan, say: Say) -> None:
        self.sides = Sides(compiler, device, lambda reason: self._remark(f"zoo: {reason}"))
        self.plan, self.say = plan, say
        self.architecture = compiler.architecture
        compiled = plan.compiled and plan.picture is None
        self.variants = variants_for(device, plan.with_torch, compiled)
        self.remarks: list[str] = []

    def agreement(self) -> Agreement:
        """Compare the losses of the first steps, of networks that are not used again."""
        batch = 1 if self.plan.picture else min(self.plan.training or self.plan.inference)

        def losses(
            variant: Variant, dtype: torch.dtype = torch.float32, moved: int | None = None
        ) -> list[float]:
            self.say(f"comparing the losses of {STEPS} steps: {variant.title}, {dtype}")
            step = self.sides.step(variant, dtype, moved)
            batches = (self._images(variant, batch, index) for index in range(STEPS))
            return [float(step(x.to(dtype), target.to(dtype))) for x, target in batches]

        def in_float64() -> dict[str, list[float]]:
            return {variant.name: losses(variant, torch.float64) for variant in (ZOO, NCHW, NHWC)}

        def moved() -> list[list[float]]:
            return [losses(NCHW, moved=seed) for seed in range(MOVED)]

        precision = self.sides.precision
        found = self._of_each(losses)
        return check_agreement(self.architecture.name, found, in_float64, precision, moved)

    def cases(self) -> Iterator[Case]:
        """Time and measure all that is planned."""
        if self.plan.picture is not None:
            with equal_precision("float32"):
                yield self._picture(self.plan.picture)
            return
        for training, sizes in ((True, self.plan.training), (False, self.plan.inference)):
            for batch in sizes:
                with equal_precision(self.sides.precision if training else "float32"):
                    yield self._case(training, batch)

    def _case(self, training: bool, batch: int) -> Case:
        what = f"{'training' if training else 'inference'} with {batch} images"
        self.say(f"timing {what}")
        torch.compiler.reset()  # what was compiled before would count against its limit
        calls = self._of_each(lambda variant: self._warm_call(variant, training, batch))
        timed = alternate(calls, stopwatch_of(self.sides.device), self.plan.rounds)
        del calls
        peaks: dict[str, Peak | None] = {}
        if self.plan.memory:
            self.say(f"measuring the memory of {what}")
            peaks = {name: self._peak(VARIANTS[name], training, batch) for name in timed.seconds}
        return self._found(training, batch, timed, peaks)

    def _picture(self, size: Pair) -> Case:
        self.say(f"timing a picture of {size[0]}x{size[1]}")
        calls = self._of_each(lambda variant: self._picture_call(variant, size))
        check_outputs(self.architecture.name, {name: call() for name, call in calls.items()})
        timed = alternate(calls, stopwatch_of(self.sides.device), self.plan.rounds)
        del calls
        peaks: dict[str, Peak | None] = {}
        if self.plan.memory:
            self.say("measuring the memory of the picture")
            peaks = {name: self._peak(VARIANTS[name], False, 1, size) for name in timed.seconds}
        height, width = self.architecture.input.shape[1:]
        flop = inference_flop(self.architecture.shapes) * size[0] * size[1] // (height * width)
        figures = {
            name: Figure(seconds, 1 / seconds, flop / seconds / 1e9, *_bytes(peaks.get(name)))
            for name, seconds in timed.seconds.items()
        }
        depth = self.plan.depth
        return Case("picture", 1, flop, timed.rounds, timed.calls, figures, size, depth)

    def _picture_call(self, variant: Variant, size: Pair) -> Callable[[], torch.Tensor]:
        """What is timed; it has been called before."""
        forward, given = self.sides.picture(variant, size, self.plan.depth)
        x, _ = images((self.architecture.input.channels, *size), 1, self.sides.device)
        x = extended(x, given).contiguous(memory_format=variant.layout)
        for _ in range(PICTURE_WARM_UP):
            forward(x)
        return lambda: forward(x)[:, :, : size[0], : size[1]]

    def _found(
        self, training: bool, batch: int, timed: Timed, peaks: dict[str, Peak | None]
    ) -> Case:
        flop = (training_flop if training else inference_flop)(self.architecture.shapes) * batch
        figures = {
            name: Figure(seconds, batch / seconds, flop / seconds / 1e9, *_bytes(peaks.get(name)))
            for name, seconds in timed.seconds.items()
        }
        step = "training" if training else "inference"
        return Case(step, batch, flop, timed.rounds, timed.calls, figures)

    def _warm_call(self, variant: Variant, training: bool, batch: int) -> Call:
        """What is timed; it has been called before."""
        x, target = self._images(variant, batch)
        if training:
            step = self.sides.step(variant)
            call: Call = lambda: step(x, target)  # noqa: E731 - a def for each would say no more
        else:
            forward = self.sides.forward(variant)
            call = lambda: forward(x)  # noqa: E731
        for _ in range(WARM_UP):
            call()
        return call

    def _peak(
        self, variant: Variant, training: bool, batch: int, picture: Pair | None = None
    ) -> Peak | None:
        device = self.sides.device
        peak = peak_memory(
            self.architecture, variant, training, batch, device, picture, self.plan.depth
        )
        if isinstance(peak, Peak):
            return peak
        self._remark(f"{variant.title}: {peak}")
        return None

    def _images(
        self, variant: Variant, batch: int, index: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        shape, device = self.architecture.input.shape, self.sides.device
        return images(shape, batch, device, variant.layout, index)

    def _of_each(self, make: Callable[[Variant], T]) -> dict[str, T]:
        """What is made for each variant, by its name; one that cannot be compiled is left out."""
        made: dict[str, T] = {}
        for variant in self.variants:
            try:
                made[variant.name] = make(variant)
            except Exception as error:
                if variant.compiled is None:
                    raise
                # A machine without a C++ compiler, for one; torch raises many kinds of errors.
                self._remark(
                    f"{variant.title}: not timed: {shorten(format_error(error), LONGEST_REASON)}"
                )
        self.variants = tuple(variant for variant in self.variants if variant.name in made)
        return made

    def _remark(self, remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)


def _bytes(peak: Peak | None) -> tuple[int | None, int | None]:
    return (None, None) if peak is None else (peak.later, peak.first)
