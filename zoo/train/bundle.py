"""``diverged.pkl``: the step in which training stopped being finite, kept to be repeated.

A checkpoint of the moment before the step, which can be used as any other, with the key
``diverged``:

==================== =============================================================================
``step``, ``epoch``  of the run, each from 1
``lr``               the learning rate of the step
``device``           what it was computed on
``what``, ``when``   what was not finite first, and in which part of the step
``layer``, ``name``  the layer's name and the tensor's; "" for none
``cause``            why, in words
``loss``             a tensor without axes, float64
``layers``           ``name``, ``type``, ``file``, ``line`` and ``column`` of each layer
``figures``          (layers, 11) float64: their figures, in the order of
                     :data:`.layer_statistics.FIGURES`; NaN where there is nothing to measure
``batch``            ``x``, ``target`` and, if there is one, ``mask``: what the step was on
==================== =============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zoo.data.batch import Batch
from zoo.errors import CheckpointError, ShapeError, StateError
from zoo.plugins.registry import Registry
from zoo.train.causes import cause_of, described
from zoo.train.checkpoint import is_for_inference, load_checkpoint
from zoo.train.examination import Bad, Examination, examine
from zoo.train.layer_statistics import FIGURES
from zoo.train.named_layers import NamedLayer, named_layers
from zoo.train.random_state import set_random_state
from zoo.train.session import rebuild


@dataclass(frozen=True)
class Replay:
    """A step, repeated.

    Attributes:
        step, epoch, lr, device: as recorded.
        recorded: what was not finite when it was recorded.
        recorded_cause: and why, in words.
        layers: the network's, each where the run's own file had it.
        found: the step as it came out now.
        same: whether the same thing came out.
    """

    step: int
    epoch: int
    lr: float
    device: str
    recorded: Bad
    recorded_cause: str
    layers: tuple[NamedLayer, ...]
    found: Examination
    same: bool

    @property
    def description(self) -> str:
        """What is not finite now."""
        return described(self.found.bad, self.layers) if self.found.bad else "all is finite"

    @property
    def before(self) -> str:
        """What was not finite when it was recorded."""
        return described(self.recorded, self.layers)

    @property
    def cause(self) -> str:
        """Why, in words; of what was recorded where the same did not come out."""
        return cause_of(self.found.bad, self.found, self.step) if self.same else self.recorded_cause


def bundle_step(
    step: int,
    epoch: int,
    lr: float,
    device: str,
    bad: Bad,
    cause: str,
    found: Examination,
    layers: list[NamedLayer],
    batch: Batch,
) -> dict[str, Any]:
    """The value of ``diverged``."""
    mask = {} if batch.mask is None else {"mask": batch.mask}
    tensors = {"x": batch.x, "target": batch.target, **mask}
    figures = [[getattr(layer, name) for name in FIGURES] for layer in found.layers]
    return {
        **{"step": step, "epoch": epoch, "lr": lr, "device": device, **vars(bad), "cause": cause},
        "loss": torch.tensor(found.loss, dtype=torch.float64),
        "layers": [_plain(layer) for layer in layers],
        "figures": torch.tensor(figures, dtype=torch.float64),
        "batch": {name: it.cpu().contiguous().clone() for name, it in tensors.items()},
    }


def replay(
    path: Path, registry: Registry, device: torch.device, warn: Callable[[str], object]
) -> Replay:
    """Repeat the step in ``diverged.pkl``, layer by layer.

    Args:
        path: the file.
        registry: what is installed.
        device: where to compute.
        warn: called with a message for each plugin that has another version.

    Raises:
        CheckpointError: the file is missing, damaged, or no ``diverged.pkl``; or what is in it does
            not fit together.
        PluginError: a plugin that it needs is missing or cannot be used.
    """
    content = load_checkpoint(path)
    if "diverged" not in content or is_for_inference(content):
        raise CheckpointError(
            f"{path}: a checkpoint without a step to repeat. Use a run's diverged.pkl."
        )
    kept = content["diverged"]
    compiler, model = rebuild(path, content, registry, warn)
    model.to(device)
    layers = _as_recorded(path, kept, named_layers(compiler.architecture, model))
    batch = Batch(**kept["batch"]).to(device)
    try:
        optimizer = compiler.optimizer(model.param())
        optimizer.load_state_dict(content["optimizer"])
        set_random_state(content["rng"], device)
        state = optimizer.state_dict()
        found = examine(compiler, model.train(), state, kept["lr"], batch, layers)
    except (StateError, ShapeError, RuntimeError) as error:
        raise CheckpointError(f"{path}: does not fit together: {error}") from error
    recorded = Bad(**{name: kept[name] for name in ("what", "when", "layer", "name")})
    return Replay(
        step=kept["step"],
        epoch=kept["epoch"],
        lr=kept["lr"],
        device=kept["device"],
        recorded=recorded,
        recorded_cause=kept["cause"],
        layers=layers,
        found=found,
        same=(found.bad or Bad("step", "forward")) == recorded,
    )


def _as_recorded(
    path: Path, kept: Mapping[str, Any], layers: list[NamedLayer]
) -> tuple[NamedLayer, ...]:
    """The network's layers, where the run's own file had them."""
    own = [(layer.name, layer.type) for layer in layers]
    if own != [(layer["name"], layer["type"]) for layer in kept["layers"]]:
        raise CheckpointError(f"{path}: diverged.layers: are not the architecture's layers.")
    pairs = zip(kept["layers"], layers, strict=True)
    return tuple(NamedLayer(**plain, has_body=layer.has_body) for plain, layer in pairs)


def _plain(layer: NamedLayer) -> dict[str, Any]:
    return {key: value for key, value in vars(layer).items() if key != "has_body"}
