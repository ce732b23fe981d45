"""Whether each entry of a checkpoint is what it should be, before anything is done with one.

A file may have been made by hand, or by another program: its bytes are whole, and its content can
be anything that a ``torch.save`` holds. The plain part has a schema, ``schemas/checkpoint.json``;
tensors have rules of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.architecture.document import File, SourceLocation, TomlPath, literal
from zoo.architecture.problems import schema_problems
from zoo.data.record import DataRecord
from zoo.data.torch_file import has_own_memory
from zoo.errors import DataError, StateError, format_path, format_value
from zoo.nn.module import Module
from zoo.spec.schemas import read_schema

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
DEEPEST = 8  # levels of tables and lists
MOST_VALUES = 2**20  # of tables and lists, counted as often as they are named
# Of a line of the metrics, with the types of each.
METRICS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("epoch", "step"), (int,)),
    **dict.fromkeys(("train_loss", "val_loss", "lr", "seconds"), (float,)),
    "val_psnr": (float, type(None)),
}
USE_TENSOR = "Use a dense tensor of {} on the CPU, without gradient"


class _WrongError(Exception):
    """An entry is not what it should be; the message says how it should be."""

    def __init__(self, path: TomlPath, message: str) -> None:
        super().__init__(f"{format_path(path)}: {message}" if path else message)


def problem_of(content: Mapping[Any, Any]) -> str:
    """The first entry that is wrong, and what it should be, in a line; "" where none is.

    Args:
        content: all keys are there that a checkpoint has.
    """
    try:
        for path, tensors in _tables_of_tensors(content):
            for name, value in tensors.items():
                _check_tensor((*path, str(name)), value, FLOATS if len(path) > 1 else None)
        _check_generators(content)
        _check_images(content)
        _check_step(content)
        _check_plain(content)
    except _WrongError as wrong:
        return str(wrong)
    return ""


def load_weights(model: Module, weights: Mapping[str, Tensor]) -> None:
    """Copy a checkpoint's weights into the network that it is of.

    Raises:
        StateError: names, shapes or types differ; nothing is loaded.
    """
    own = model.state_dict()
    differences = [
        f"{name} is of {_dtype(weights[name])} instead of {_dtype(value)}"
        for name, value in own.items()
        if name in weights and weights[name].dtype != value.dtype
    ]
    if differences:
        raise StateError(f"{type(model).__name__}: the state differs: {'; '.join(differences)}.")
    model.load_state_dict(weights)


def _tables_of_tensors(content: Mapping[Any, Any]) -> Iterator[tuple[TomlPath, dict[Any, Any]]]:
    """The weights, and the optimizer's state of each of them."""
    yield ("model",), _table(("model",), content["model"])
    if "optimizer" not in content:
        return
    state = _table(("optimizer",), content["optimizer"]).get("state")
    if not isinstance(state, list):
        raise _WrongError(
            ("optimizer", "state"), f"is {_words(state)}. Use a list of tables of tensors."
        )
    for index, tensors in enumerate(state):
        path = ("optimizer", "state", index)
        yield path, _table(path, tensors)


def _table(path: TomlPath, value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise _WrongError(path, f"is {_words(value)}. Use a table.")
    for key in value:
        if not isinstance(key, str):
            raise _WrongError(path, f"has the key {_words(key)}. Use text.")
    return value


def _check_tensor(
    path: TomlPath, value: Any, allowed: tuple[torch.dtype, ...] | None, *, finite: bool = True
) -> None:
    """Refuse what is no plain tensor of finite numbers.

    Args:
        path: where it stands.
        value: anything.
        allowed: its types; None for floats and integers.
        finite: whether its numbers have to be finite.
    """
    what = "floats" if allowed else "floats or integers"
    use = f"{USE_TENSOR.format(what)}."
    if type(value) is not Tensor:
        raise _WrongError(path, f"is {_words(value)}. {use}")
    if value.is_quantized or value.dtype not in (allowed or FLOATS + INTEGERS):
        raise _WrongError(path, f"is of {_dtype(value)}. {use}")
    if value.layout != torch.strided or value.is_nested or value.device.type != "cpu":
        layout = "nested" if value.is_nested else str(value.layout).removeprefix("torch.")
        raise _WrongError(path, f"is a {layout} tensor on {value.device}. {use}")
    if value.requires_grad:
        raise _WrongError(path, f"requires a gradient. {use}")
    if not has_own_memory(value):
        raise _WrongError(path, "has values that share memory, or gaps. Use a contiguous tensor.")
    if finite and not value.isfinite().all():
        raise _WrongError(path, "has values that are not finite. Use finite numbers.")


def _check_generators(content: Mapping[Any, Any]) -> None:
    """Refuse states of torch's generators that are none."""
    if "rng" not in content:
        return
    states = _table(("rng",), content["rng"])
    length = torch.get_rng_state().numel()
    for name, wanted in (("torch", f"{length} bytes"), ("cuda", "bytes, or none")):
        state = states.get(name)
        if name == "cuda" and state is None:
            continue
        path = ("rng", name)
        if type(state) is not Tensor or state.dtype != torch.uint8 or state.layout != torch.strided:
            raise _WrongError(path, f"is {_words(state)}. Use a tensor of {wanted}.")
        _check_tensor(path, state, (torch.uint8,))
        if state.ndim != 1 or (name == "torch" and state.numel() != length):
            raise _WrongError(path, f"has the shape {tuple(state.shape)}. Use {wanted}.")


def _check_images(content: Mapping[Any, Any]) -> None:
    """Refuse a record of the run's images that is none."""
    if "data" in content:
        try:
            DataRecord.from_plain(content["data"])
        except DataError as error:
            raise _WrongError(("data",), str(error)) from error


def _check_step(content: Mapping[Any, Any]) -> None:
    """Refuse the tensors of a step that was not finite, in which such numbers may stand."""
    if "diverged" not in content:
        return
    step = _table(("diverged",), content["diverged"])
    batch = _table(("diverged", "batch"), step.get("batch"))
    layers = step.get("layers")
    for name in batch:
        if name not in ("x", "target", "mask"):
            raise _WrongError(("diverged", "batch", name), "is unknown. Use x, target and mask.")
    images = ["x", "target", *(["mask"] if "mask" in batch else [])]
    _check_axes(("diverged", "loss"), step.get("loss"), 0)
    _check_axes(("diverged", "figures"), step.get("figures"), 2)
    for name in images:
        path = ("diverged", "batch", name)
        _check_axes(path, batch.get(name), 4)
        if len(batch[name]) != len(batch["x"]) or not batch[name].numel():
            raise _WrongError(path, f"has {len(batch[name])} images. Use as many as x, 1 or more.")
    rows = len(layers) if isinstance(layers, list) else 0
    if len(step["figures"]) != rows:
        raise _WrongError(
            ("diverged", "figures"), f"has {len(step['figures'])} rows. Use {rows}, one a layer."
        )


def _check_axes(path: TomlPath, value: Any, count: int) -> None:
    """Refuse what is no tensor of floats, finite or not, with so many axes."""
    _check_tensor(path, value, FLOATS, finite=False)
    if value.ndim != count:
        raise _WrongError(path, f"has the shape {tuple(value.shape)}. Use {count} axes.")


def _check_plain(content: Mapping[Any, Any]) -> None:
    """Refuse values that are not as the schema says."""
    plain = _Plain().of(_without_tensors(content), ())
    root = literal(plain, SourceLocation(File("", Path(), ""), ()))
    for _, problem in schema_problems(root, read_schema("checkpoint.json")):
        raise _WrongError(problem.path, problem.message)
    if "progress" in content and len(content["metrics"]) != content["progress"]["epoch"]:
        raise _WrongError(
            ("metrics",),
            f"has {len(content['metrics'])} epochs. Use as many as progress.epoch says, "
            f"{content['progress']['epoch']}.",
        )


def _without_tensors(content: Mapping[Any, Any]) -> dict[Any, Any]:
    """Without what has been looked at, and without the infinities that may stand where they do."""
    rest = {key: value for key, value in content.items() if key not in ("model", "data")}
    tensors = {
        "optimizer": ("state",),
        "rng": ("torch", "cuda"),
        "diverged": ("batch", "figures", "loss"),
    }
    for key, checked in tensors.items():
        if isinstance(rest.get(key), dict):
            rest[key] = {name: it for name, it in rest[key].items() if name not in checked}
    progress = rest.get("progress")
    if isinstance(progress, dict) and _is_infinite(progress.get("best_psnr")):
        rest["progress"] = {**progress, "best_psnr": 0.0}
    if isinstance(rest["metrics"], list):
        usual = len(rest["metrics"]) <= MOST_VALUES and all(map(_is_usual, rest["metrics"]))
        rest["metrics"] = [] if usual else [_finite(line) for line in rest["metrics"]]
    return rest


def _is_usual(line: Any) -> bool:
    """Whether a line of the metrics is as zoo writes it; faster than by the schema."""
    return (
        type(line) is dict
        and "epoch" in line
        and all(key in METRICS and type(value) in METRICS[key] for key, value in line.items())
        and line["epoch"] >= 1
        and all(0 <= line.get(key, 0) < math.inf for key in ("step", "lr", "seconds"))
    )


def _is_infinite(value: Any) -> bool:
    return type(value) is float and math.isinf(value)


def _finite(line: Any) -> Any:
    """A line of the metrics: what is measured may be infinite, no number, or not there."""
    if not isinstance(line, dict):
        return line
    measured = {"train_loss": float, "val_loss": float, "val_psnr": float | None}
    return {
        key: 0.0 if key in measured and isinstance(value, measured[key]) else value
        for key, value in line.items()
    }


class _Plain:
    """Turns a value into one of tables, lists, text, numbers, booleans and None, or refuses it.

    One table can stand in many places: how many are looked at is bounded.
    """

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def of(self, value: Any, path: TomlPath) -> Any:
        """``value``, which stands at ``path``."""
        self._left -= 1
        if self._left < 0:
            raise _WrongError(path, "is more than a checkpoint has. Use fewer values.")
        if value is None or type(value) in (bool, int, float, str):
            return value
        if len(path) > DEEPEST:
            raise _WrongError(path, "is nested too deeply. Use a few levels.")
        if isinstance(value, dict):
            table = _table(path, value)
            return {key: self.of(item, (*path, key)) for key, item in table.items()}
        if type(value) in (list, tuple):
            return [self.of(item, (*path, index)) for index, item in enumerate(value)]
        raise _WrongError(path, f"is {_words(value)}. Use text, numbers, lists and tables of them.")


def _words(value: Any) -> str:
    """What a value is, shortly, whatever it is."""
    if isinstance(value, Tensor):
        return f"a tensor of {_dtype(value)}"
    if value is None or type(value) in (bool, int, float, str):
        return "none" if value is None else format_value(value)
    return f"a {type(value).__name__}"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
