"""Train image denoisers without clean images, from declarative files, with hand-written layers.

For users::

    model = zoo.load_model("architectures/n2n_small.toml", device="cpu", seed=0)
    model = zoo.load_checkpoint("runs/x/best.pkl")
    denoiser = zoo.load("runs/x")

For plugin authors: :func:`zoo.layer` and how it declares parameters (:func:`zoo.integer`,
:func:`zoo.number` and so on), :class:`zoo.LayerInfo` and :mod:`zoo.input_range` for the shape rules
of layers; :data:`zoo.hookimpl` and the records that hooks return; and the contracts of what their
factories build: :class:`zoo.Noise`, :class:`zoo.Pairing`, :class:`zoo.Schedule`, :class:`zoo.Loss`,
and what a source returns. Importing zoo imports no torch: these import it when they are asked for.
"""

from __future__ import annotations

import warnings
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from zoo.plugins.declared_layer import layer
from zoo.plugins.hookspecs import hookimpl
from zoo.plugins.lowering import Lowering
from zoo.plugins.model_entry import ModelEntry
from zoo.plugins.records import (
    InitializerEntry,
    LayerEntry,
    LossEntry,
    NoiseEntry,
    OptimizerEntry,
    PairingEntry,
    ScheduleEntry,
    SourceEntry,
)
from zoo.spec import input_range
from zoo.spec.layer_info import LayerInfo
from zoo.spec.parameters import body, boolean, choice, integer, number, parameter

if TYPE_CHECKING:
    from zoo.data.batch import Batch
    from zoo.data.crops import Crops
    from zoo.data.noise.base import Noise, Noisy
    from zoo.data.pairings.base import Pairing
    from zoo.data.sets import Bursts, ImagePairs, SingleImages
    from zoo.engine.passes import Loss
    from zoo.inference import Denoiser
    from zoo.nn.sequential import Sequential
    from zoo.optim.schedules import Schedule

# What the factories of plugins build or are given, by the module that has it.
_CONTRACTS = MappingProxyType(
    {
        "Batch": "zoo.data.batch",
        "Bursts": "zoo.data.sets",
        "Crops": "zoo.data.crops",
        "ImagePairs": "zoo.data.sets",
        "Loss": "zoo.engine.passes",
        "Noise": "zoo.data.noise.base",
        "Noisy": "zoo.data.noise.base",
        "Pairing": "zoo.data.pairings.base",
        "Schedule": "zoo.optim.schedules",
        "SingleImages": "zoo.data.sets",
    }
)

__all__ = [
    "Batch",
    "Bursts",
    "Crops",
    "ImagePairs",
    "InitializerEntry",
    "LayerEntry",
    "LayerInfo",
    "Loss",
    "LossEntry",
    "Lowering",
    "ModelEntry",
    "Noise",
    "NoiseEntry",
    "Noisy",
    "OptimizerEntry",
    "Pairing",
    "PairingEntry",
    "Schedule",
    "ScheduleEntry",
    "SingleImages",
    "SourceEntry",
    "body",
    "boolean",
    "choice",
    "hookimpl",
    "input_range",
    "integer",
    "layer",
    "load",
    "load_checkpoint",
    "load_model",
    "number",
    "parameter",
]


def __getattr__(name: str) -> Any:
    if name not in _CONTRACTS:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    return getattr(import_module(_CONTRACTS[name]), name)


def load_model(path: str | Path, device: str = "auto", seed: int = 0) -> Sequential:
    """The network of an architecture file, freshly initialised, in training mode.

    Args:
        path: the TOML file.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        seed: of the initial weights, >= 0; the file's own ``train.seed`` is not used.

    Raises:
        zoo.errors.ArchitectureError: the file has mistakes.
        zoo.errors.UsageError: there is no such device.
    """
    from zoo.architecture import read_architecture
    from zoo.plugins.registry import load_registry
    from zoo.train.device import choose_device
    from zoo.train.session import load_model as load

    registry = load_registry()
    return load(read_architecture(path, registry), registry, choose_device(device), seed)


def load(model: str | Path, device: str = "auto") -> Denoiser:
    """A trained network that takes pictures as they are; see :class:`zoo.inference.Denoiser`.

    Args:
        model: a run's folder, a checkpoint, or the name of an installed model.
        device: as for :func:`load_model`.

    Raises:
        zoo.errors.CheckpointError: there is none, it is damaged or not a checkpoint.
        zoo.errors.PluginError: a plugin that it needs is not installed; says which.
        zoo.errors.UsageError: there is no such device.
    """
    from zoo.inference import Denoiser
    from zoo.plugins.registry import load_registry
    from zoo.train.device import choose_device
    from zoo.train.find_model import find_model
    from zoo.train.session import load_trained

    registry = load_registry()
    found = find_model(model, registry)
    warn = partial(warnings.warn, stacklevel=3)
    compiler, network = load_trained(found.path, registry, warn)
    warn_of_values = partial(warnings.warn, stacklevel=4)  # at the call of the denoiser
    return Denoiser(network.to(choose_device(device)), compiler.value_range, warn_of_values)


def load_checkpoint(path: str | Path, device: str = "cpu") -> Sequential:
    """The trained network of a checkpoint, in evaluation mode.

    Args:
        path: the checkpoint, of which nothing else of the run is needed; or a run's folder: its
            ``best.pkl``, else its ``last.pkl``.
        device: as for :func:`load_model`.

    Raises:
        zoo.errors.CheckpointError: it is missing, damaged or not a checkpoint.
        zoo.errors.PluginError: a plugin that it needs is not installed; says which.
        zoo.errors.UsageError: there is no such device.
    """
    from zoo.plugins.registry import load_registry
    from zoo.train.device import choose_device
    from zoo.train.run_directory import find_checkpoint
    from zoo.train.session import load_trained

    warn = partial(warnings.warn, stacklevel=3)
    checkpoint, _ = find_checkpoint(Path(path))
    _, model = load_trained(checkpoint, load_registry(), warn)
    return model.to(choose_device(device))
