"""The hooks a plugin can implement.

Each returns an iterable of records (:mod:`zoo.plugins.records`), at any time and without importing
torch. A plugin is a module, or another object, that the distribution names in the entry-point group
``zoo``, with functions marked ``@zoo.hookimpl``::

    import zoo

    zoo_api = ">=1,<2"

    @zoo.hookimpl
    def zoo_layers():
        yield zoo.LayerEntry(
            name="swish",
            factory="zoo_swish.layer:Swish",
            schema={"type": "object", "properties": {}, "additionalProperties": False},
            summary="x times its sigmoid",
            shape_rule="zoo.spec.shape_rules:elementwise",
        )

A layer that is declared with :func:`zoo.layer` in the plugin's module needs no hook.

``zoo_api`` says which versions of this interface (:data:`API_VERSION`) the plugin is written for;
it is read before the module is imported. The built-ins enter in the same way, from
:mod:`zoo.plugins.builtins`.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

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

# The version of all this: 1.1 after an addition, 2.0 after a change that plugins have to follow.
API_VERSION = "1.3"  # 1.1: zoo_models; 1.2: zoo_pairings; 1.3: zoo.Noise and other contracts

hookspec = pluggy.HookspecMarker("zoo")
hookimpl = pluggy.HookimplMarker("zoo")


@hookspec
def zoo_layers() -> Iterable[LayerEntry]:  # type: ignore[empty-body]  # a specification
    """Layers, for ``[[layers]]``: the factory builds a :class:`zoo.nn.Module`."""


@hookspec
def zoo_losses() -> Iterable[LossEntry]:  # type: ignore[empty-body]  # a specification
    """Losses, for ``loss``: ``forward(y, target) -> L`` and ``backward() -> grad_y``.

    A loss whose ``forward`` also takes ``mask`` can be used with noises that leave out pixels.
    """


@hookspec
def zoo_optimizers() -> Iterable[OptimizerEntry]:  # type: ignore[empty-body]  # a specification
    """Optimizers, for ``optimizer``: the factory builds a :class:`zoo.optim.Optimizer`."""


@hookspec
def zoo_initializers() -> Iterable[InitializerEntry]:  # type: ignore[empty-body]  # a specification
    """Initializers, for a layer's ``init``: the factory builds a :class:`zoo.init.Initializer`."""


@hookspec
def zoo_schedules() -> Iterable[ScheduleEntry]:  # type: ignore[empty-body]  # a specification
    """Learning-rate schedules, for ``train.schedule`` (:class:`zoo.Schedule`)."""


@hookspec
def zoo_noises() -> Iterable[NoiseEntry]:  # type: ignore[empty-body]  # a specification
    """Noises, for ``data.noise``: the factory builds a :class:`zoo.Noise`."""


@hookspec
def zoo_pairings() -> Iterable[PairingEntry]:  # type: ignore[empty-body]  # a specification
    """Pairings, for ``data.target``: the factory builds a :class:`zoo.Pairing`."""


@hookspec
def zoo_sources() -> Iterable[SourceEntry]:  # type: ignore[empty-body]  # a specification
    """Data sources, for ``data.source``: the factory returns pictures, pairs or bursts.

    It is called with the parameters and ``channels``, and returns
    :class:`zoo.SingleImages`, :class:`zoo.ImagePairs` or :class:`zoo.Bursts`.
    """


@hookspec
def zoo_models() -> Iterable[ModelEntry]:  # type: ignore[empty-body]  # a specification
    """Trained models, for ``zoo denoise NAME`` and wherever else a trained model is named."""


@hookspec
def zoo_lowerings() -> Iterable[Lowering]:  # type: ignore[empty-body]  # a specification
    """How the engine computes the plugin's layers faster (:mod:`zoo.engine`); none is needed."""
