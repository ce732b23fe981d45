"""What zoo itself provides, through the same hooks as every plugin.

The schemas are data files of the folder ``schemas``, one for each name in a folder for its
kind; a schema's title is the entry's summary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from zoo.plugins.hookspecs import hookimpl
from zoo.plugins.records import (
    Entry,
    InitializerEntry,
    LayerEntry,
    LossEntry,
    NoiseEntry,
    OptimizerEntry,
    PairingEntry,
    ScheduleEntry,
    SourceEntry,
)
from zoo.spec.schemas import read_schema

E = TypeVar("E", bound=Entry)


def _entry(record: type[E], name: str, factory: str, **fields: Any) -> E:
    schema = read_schema(f"{record.kind}/{name}.json")
    return record(name=name, factory=factory, schema=schema, summary=schema["title"], **fields)


def _layer(
    name: str, factory: str, rule: str = "", reference: str = "same_name", **fields: Any
) -> LayerEntry:
    """A layer's entry.

    Args:
        rule: of :mod:`zoo.spec.shape_rules`; the one with the layer's name unless given.
        reference: of :mod:`zoo.testing.torch_references`: torch.nn's layer of the same name and
            arguments unless given.
    """
    fields |= {"shape_rule": f"zoo.spec.shape_rules:{rule or name}"}
    fields |= {"onnx": f"zoo.export.layers:{name}"}
    return _entry(LayerEntry, name, factory, torch_reference=_reference(reference), **fields)


def _reference(name: str) -> str:
    return f"zoo.testing.torch_references:{name}"


@hookimpl
def zoo_layers() -> Iterator[LayerEntry]:
    """The layers of the five reports."""
    channels, features = {"in_channels": 0}, {"in_features": -1}
    yield _layer("conv2d", "zoo.nn:Conv2d", reference="conv2d", inferred=channels)
    yield _layer("conv_transpose2d", "zoo.nn:ConvTranspose2d", inferred=channels)
    yield _layer("upsampling", "zoo.nn:Upsampling", reference="upsampling", inferred=channels)
    yield _layer("nearest_upsampling", "zoo.nn:NearestUpsampling", reference="nearest_upsampling")
    yield _layer("linear", "zoo.nn:Linear", inferred=features)
    yield _layer("relu", "zoo.nn:ReLU", rule="elementwise")
    yield _layer("sigmoid", "zoo.nn:Sigmoid", rule="elementwise")


@hookimpl
def zoo_losses() -> Iterator[LossEntry]:
    """The losses."""
    yield _entry(LossEntry, "mse", "zoo.nn:MSE", torch_reference=_reference("mse"))
    yield _entry(LossEntry, "l1", "zoo.nn:L1", torch_reference=_reference("l1"))


@hookimpl
def zoo_optimizers() -> Iterator[OptimizerEntry]:
    """The optimizers."""
    nesterov = "zoo.spec.constraints:nesterov_momentum"
    sgd, adam = _reference("sgd"), _reference("adam")
    yield _entry(OptimizerEntry, "sgd", "zoo.optim:SGD", check=nesterov, torch_reference=sgd)
    yield _entry(OptimizerEntry, "adam", "zoo.optim:Adam", torch_reference=adam)


@hookimpl
def zoo_initializers() -> Iterator[InitializerEntry]:
    """PyTorch's default, those by fan-in and fan-out, and the plain ones."""
    limits = "zoo.spec.constraints:low_and_high"
    yield _entry(InitializerEntry, "pytorch", "zoo.init:PyTorch")
    yield _entry(InitializerEntry, "he_normal", "zoo.init:HeNormal")
    yield _entry(InitializerEntry, "he_uniform", "zoo.init:HeUniform")
    yield _entry(InitializerEntry, "xavier_normal", "zoo.init:XavierNormal")
    yield _entry(InitializerEntry, "xavier_uniform", "zoo.init:XavierUniform")
    yield _entry(InitializerEntry, "normal", "zoo.init:Normal")
    yield _entry(InitializerEntry, "uniform", "zoo.init:Uniform", check=limits)
    yield _entry(InitializerEntry, "constant", "zoo.init:Constant")
    yield _entry(InitializerEntry, "zeros", "zoo.init:Zeros")


@hookimpl
def zoo_schedules() -> Iterator[ScheduleEntry]:
    """The learning-rate schedules."""
    yield _entry(ScheduleEntry, "constant", "zoo.optim.schedules:Constant")
    yield _entry(ScheduleEntry, "cosine", "zoo.optim.schedules:Cosine")
    yield _entry(ScheduleEntry, "one_cycle", "zoo.optim.schedules:OneCycle")
    yield _entry(ScheduleEntry, "step", "zoo.optim.schedules:Step")


@hookimpl
def zoo_noises() -> Iterator[NoiseEntry]:
    """The noises of Noise2Noise and of EE-559's data."""
    ranges = "zoo.spec.constraints:ascending_ranges"
    yield _entry(NoiseEntry, "gaussian", "zoo.data.noise.gaussian:Gaussian", check=ranges)
    yield _entry(NoiseEntry, "poisson", "zoo.data.noise.poisson:Poisson", check=ranges)
    both = "zoo.data.noise.poisson_gaussian:PoissonGaussian"
    yield _entry(NoiseEntry, "poisson_gaussian", both, check=ranges)
    yield _entry(NoiseEntry, "bernoulli", "zoo.data.noise.bernoulli:Bernoulli", check=ranges)
    yield _entry(NoiseEntry, "impulse", "zoo.data.noise.impulse:Impulse", check=ranges)
    sampling = "zoo.data.noise.pixel_sampling:PixelSampling"
    yield _entry(NoiseEntry, "pixel_sampling", sampling, check=ranges)
    yield _entry(NoiseEntry, "text", "zoo.data.noise.text:Text", check=ranges)
    yield _entry(NoiseEntry, "none", "zoo.data.noise.none:NoNoise")


@hookimpl
def zoo_pairings() -> Iterator[PairingEntry]:
    """Two views of a scene, and two ways to make them out of one."""
    yield _entry(PairingEntry, "noisy", "zoo.data.pairings.views:NoisyTarget")
    yield _entry(PairingEntry, "clean", "zoo.data.pairings.views:CleanTarget")
    yield _entry(PairingEntry, "neighbors", "zoo.data.pairings.neighbors:Neighbors")
    odd = "zoo.spec.constraints:odd_size"
    blind_spot = "zoo.data.pairings.blind_spot:BlindSpot"
    yield _entry(PairingEntry, "blind_spot", blind_spot, check=odd)


@hookimpl
def zoo_sources() -> Iterator[SourceEntry]:
    """Photographs that come with scikit-image, and the user's own files."""
    yield _source("demo", "demo:Demo")
    yield _source("folder", "folder:Folder")
    yield _source("pairs", "pairs:Pairs", check="zoo.spec.constraints:folders_of_pairs")
    yield _source("pkl", "pickle_pairs:PicklePairs")
    yield _source("burst", "burst:Burst")
    yield _source("frames", "frames:Frames")


def _source(name: str, factory: str, check: str = "") -> SourceEntry:
    cases = f"zoo.testing.source_cases:{name.upper()}"
    return _entry(SourceEntry, name, f"zoo.data.sources.{factory}", check=check, cases=cases)
