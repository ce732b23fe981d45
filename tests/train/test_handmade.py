"""Checkpoints that somebody made by hand: whole files, in which an entry is not what it should be.

Each is refused before anything is done with it, in one line that says which entry it is.
"""

from __future__ import annotations

import copy
import io
import math
import os
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.data.torch_file import sealed
from zoo.errors import CheckpointError, PluginError
from zoo.plugins.registry import Registry
from zoo.train.checkpoint import load_checkpoint
from zoo.train.session import load_trained
from zoo.train.trainer import Trainer

Change = Callable[[dict[str, Any]], object]

WEIGHT = 'model."0.weight"'
MOMENT = "optimizer.state[0].exp_avg"
EXPECTED_FLOATS = "Use a dense tensor of floats on the CPU, without gradient."
SHARED = "has values that share memory, or gaps. Use a contiguous tensor."
INFINITE = "has values that are not finite. Use finite numbers."
CALLS = "it calls 'torch Size'"  # which no dense tensor does
PLAIN = "Use text, numbers, lists and tables of them."


def put(*path: str | int, value: Any) -> Change:
    """Put a value in the place of another one."""

    def change(content: dict[str, Any]) -> None:
        *parents, last = path
        table: Any = content
        for key in parents:
            table = table[key]
        table[last] = value

    return change


def drop(*path: str | int) -> Change:
    def change(content: dict[str, Any]) -> None:
        *parents, last = path
        table: Any = content
        for key in parents:
            table = table[key]
        del table[last]

    return change


def quietly(make: Callable[[], torch.Tensor]) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of parts that are new or to be dropped
        return make()


def filled(value: float, *shape: int) -> torch.Tensor:
    tensor = torch.ones(shape)
    tensor.view(-1)[0] = value
    return tensor


def weight(value: Any) -> Change:
    return put("model", "0.weight", value=value)


def moment(value: Any) -> Change:
    return put("optimizer", "state", 0, "exp_avg", value=value)


SHAPE = (4, 3, 3, 3)
W = torch.ones(SHAPE)
A_BYTE = torch.zeros(4, dtype=torch.uint8)

TENSORS: list[tuple[str, Any, str]] = [
    ("text", "abc", 'is "abc"'),
    ("none", None, "is none"),
    ("number", 1.5, "is 1.5"),
    ("true", True, "is true"),
    ("list", [1.0], "is a list"),
    ("table", {}, "is a dict"),
    ("complex_number", 1j, "is a complex"),
    ("dtype", torch.float32, "is a dtype"),
    ("parameter", torch.nn.Parameter(W), "is a tensor of float32"),
    ("sparse", W.to_sparse(), CALLS),
    ("sparse_rows", quietly(W[0, 0].to_sparse_csr), CALLS),
    ("quantized", quietly(lambda: torch.quantize_per_tensor(W, 0.1, 0, torch.quint8)), "is of qu"),
    ("meta", W.to("meta"), "is a strided tensor on meta"),
    ("complex", W.to(torch.complex64), "is of complex64"),
    ("float8", W.to(torch.float8_e4m3fn), "is of float8_e4m3fn"),
    ("gradient", W.clone().requires_grad_(), "requires a gradient"),
]
MEMORY: list[tuple[str, Any, str]] = [
    ("expanded", torch.ones(1).expand(SHAPE), SHARED),
    ("expanded_rows", torch.ones(4, 1, 3, 3).expand(SHAPE), SHARED),
    ("overlapping", torch.ones(200).as_strided(SHAPE, (1, 1, 1, 1)), SHARED),
    ("with_gaps", torch.ones(8, 3, 3, 3)[::2], SHARED),
    ("nan", filled(math.nan, *SHAPE), INFINITE),
    ("inf", filled(math.inf, *SHAPE), INFINITE),
    ("minus_inf", filled(-math.inf, *SHAPE), INFINITE),
]
NOT_A_TABLE: list[tuple[str, Any, str]] = [
    ("text", "abc", 'is "abc"'),
    ("none", None, "is none"),
    ("number", 1, "is 1"),
    ("list", [], "is a list"),
    ("tensor", W, "is a tensor of float32"),
]
COUNT = "Use an integer >= 0."
NO_COUNTS: list[tuple[str, Any, str]] = [
    ("negative", -1, "is -1"),
    ("fraction", 1.5, "is 1.5"),
    ("whole_float", 1.0, "is 1.0"),
    ("true", True, "is true"),
    ("text", "1", 'is "1"'),
    ("none", None, "is None"),
    ("nan", math.nan, "is nan"),
    ("inf", math.inf, "is inf"),
    ("huge", 2**70, "is an integer of more than 64 bits"),
    ("list", [1], "is [1]"),
]


def cases() -> dict[str, tuple[Change, str]]:
    """By a name: what is changed, and how the message begins."""
    table: dict[str, tuple[Change, str]] = {}
    for name, value, words in TENSORS:
        of_weight, of_moment = (
            words if words == CALLS else f"{where}: {words}" for where in (WEIGHT, MOMENT)
        )
        table[f"weight_{name}"] = weight(value), of_weight
        table[f"moment_{name}"] = moment(value), of_moment
    for name, value, words in MEMORY:
        table[f"weight_{name}"] = weight(value), f"{WEIGHT}: {words}"
        table[f"moment_{name}"] = moment(value), f"{MOMENT}: {words}"
    table["moment_of_integers"] = moment(W.long()), f"{MOMENT}: is of int64. {EXPECTED_FLOATS}"
    for name, value, words in NOT_A_TABLE:
        for key in ("model", "optimizer", "rng"):
            table[f"{key}_{name}"] = put(key, value=value), f"{key}: {words}. Use a table."
        what = put("optimizer", "state", 0, value=value)
        table[f"state_{name}"] = what, f"optimizer.state[0]: {words}. Use a table."
    number = put(0, value="x")
    table["model_key"] = put("model", 0, value=W), "model: has the key 0. Use text."
    table["state_table"] = (
        put("optimizer", "state", value={}),
        "optimizer.state: is a dict. Use a list of tables of tensors.",
    )
    table["content_key"] = number, "has the key 0. Use text."
    for key in ("epoch", "step", "step_in_epoch", "samples", "best_epoch"):
        for name, value, words in NO_COUNTS:
            where = f"progress.{key}"
            table[f"{key}_{name}"] = put("progress", key, value=value), f"{where}: {words}. {COUNT}"
    for name, value, words in NO_COUNTS:
        table[f"seed_{name}"] = put("rng", "seed", value=value), f"rng.seed: {words}. {COUNT}"
    finite = "Use a finite number"
    for path, end in (
        (("progress", "seconds"), f"{finite} >= 0."),
        (("progress", "loss_sum"), f"{finite}."),
        (("optimizer", "lr"), f"{finite} >= 0."),
        (("metrics", 0, "seconds"), f"{finite} >= 0."),
        (("metrics", 0, "lr"), f"{finite} >= 0."),
    ):
        where = ".".join(map(str, path)).replace(".0", "[0]")
        for name, value, words in (
            ("nan", math.nan, "is nan"),
            ("inf", math.inf, "is inf"),
            ("text", "1", 'is "1"'),
            ("list", [1], "is [1]"),
        ):
            table[f"{where}_{name}"] = put(*path, value=value), f"{where}: {words}. {end}"
    best = "Use a number of dB, infinite ones among them."
    table["best_nan"] = (
        put("progress", "best_psnr", value=math.nan),
        f"progress.best_psnr: is nan. {best}",
    )
    table["best_text"] = (
        put("progress", "best_psnr", value="inf"),
        f'progress.best_psnr: is "inf". {best}',
    )
    table["progress_list"] = put("progress", value=[]), "progress: is []. Use a table."
    table["progress_less"] = drop("progress", "step"), "progress.step: is missing."
    table["progress_more"] = (
        put("progress", "steps", value=1),
        "progress.steps: is not a known key. Known keys: best_epoch, ",
    )
    table["more_epochs"] = (
        put("progress", "epoch", value=1000),
        "metrics: has 2 epochs. Use as many as progress.epoch says, 1000.",
    )
    for name, value, words in (
        ("none", None, "is none"),
        ("text", "abc", 'is "abc"'),
        ("floats", W, "is a tensor of float32"),
    ):
        table[f"torch_{name}"] = put("rng", "torch", value=value), f"rng.torch: {words}. Use a"
        if value is not None:
            table[f"cuda_{name}"] = put("rng", "cuda", value=value), f"rng.cuda: {words}. Use a"
    table["torch_short"] = put("rng", "torch", value=A_BYTE), "rng.torch: has the shape (4,). Use"
    table["torch_square"] = (
        put("rng", "torch", value=A_BYTE.view(2, 2)),
        "rng.torch: has the shape (2, 2). Use",
    )
    table["torch_missing"] = drop("rng", "torch"), "rng.torch: is none. Use a tensor of"
    table["optimizer_type"] = put("optimizer", "type", value=3), "optimizer.type: is 3. Use a non-"
    table["optimizer_option"] = put("optimizer", "eps", value=W), "optimizer.eps: is a tensor of "
    table["optimizer_step"] = put("optimizer", "step", value=-1), f"optimizer.step: is -1. {COUNT}"
    provider = 'Use a distribution and its version, such as "zoo 0.1.0".'
    table["plugins_list"] = put("plugins", value=[]), "plugins: is []. Use a table."
    table["plugins_number"] = (
        put("plugins", "layer relu", value=1),
        f'plugins."layer relu": is 1. {provider}',
    )
    table["plugins_word"] = (
        put("plugins", "layer relu", value="zoo"),
        f'plugins."layer relu": is "zoo". {provider}',
    )
    table["versions_text"] = put("versions", value="1"), 'versions: is "1". Use a table.'
    table["versions_none"] = (
        put("versions", "torch", value=None),
        "versions.torch: is None. Use a string.",
    )
    table["metrics_table"] = put("metrics", value={}), "metrics: is {}. Use a list of tables."
    table["metrics_numbers"] = put("metrics", value=[1, 2]), "metrics[0]: is 1. Use a table."
    table["metrics_less"] = drop("metrics", 0, "epoch"), "metrics[0].epoch: is missing."
    table["metrics_text"] = (
        put("metrics", 0, "val_psnr", value="high"),
        'metrics[0].val_psnr: is "high". Use a number.',
    )
    table["metrics_tensor"] = put("metrics", 0, "lr", value=W), "metrics[0].lr: is a tensor of "
    text = "Use the text of a resolved architecture, of at most 4,194,304 characters."
    table["architecture_number"] = put("architecture", value=1), f"architecture: is 1. {text}"
    table["architecture_empty"] = put("architecture", value=""), f'architecture: is "". {text}'
    table["architecture_huge"] = put("architecture", value="#" * 2**23), "architecture: is "
    table["started_text"] = (
        put("started_from", value="x"),
        'started_from: is "x". Use a table.',
    )
    table["started_short"] = (
        put("started_from", value={"name": "x", "sha256": "ab"}),
        'started_from.sha256: is "ab". Use 64 hexadecimal digits.',
    )
    table["foreign_tensor"] = put("more", value=W), f"more: is a tensor of float32. {PLAIN}"
    for name, value in (
        ("set", {1}),
        ("Size", torch.Size([1])),
        ("bytearray", bytearray(1)),
        ("Counter", Counter([1])),
        ("mkdir", Attack()),
    ):
        table[f"foreign_{name}"] = put("more", value=value), "it calls '"
    table["foreign_circle"] = circle, "more"
    table["foreign_laughs"] = laughs, "more"
    return table


class Attack:
    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, ("attacked",)


def circle(content: dict[str, Any]) -> None:
    """A list that holds itself."""
    content["more"] = []
    content["more"].append(content["more"])


def laughs(content: dict[str, Any]) -> None:
    """A short file of lists that stand in each other many times."""
    lists: list[Any] = [0]
    for _ in range(7):
        lists = [lists] * 20
    content["more"] = lists


CASES = cases()


@pytest.fixture(scope="module")
def content(finished: tuple[Trainer, Path]) -> dict[str, Any]:
    return load_checkpoint(finished[1] / "last.pkl")


def write(path: Path, content: dict[Any, Any]) -> Path:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(sealed(buffer.getvalue()))
    return path


@pytest.mark.filterwarnings("ignore:.*TypedStorage is deprecated", "ignore:.*Sparse CSR")
@pytest.mark.parametrize("name", CASES)
def test_an_entry_is_not_what_it_should_be(
    name: str, content: dict[str, Any], tmp_path: Path
) -> None:
    change, message = CASES[name]
    changed = copy.deepcopy(content)
    change(changed)
    path = write(tmp_path / "x.pkl", changed)
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert ". Use " in str(error.value) or ". Known keys: " in str(error.value)
    assert str(error.value).isprintable()  # one line
    assert len(str(error.value)) < len(str(path)) + 400


def test_infinite_figures_are_no_mistake(content: dict[str, Any], tmp_path: Path) -> None:
    changed = copy.deepcopy(content)
    changed["progress"]["best_psnr"] = math.inf
    changed["metrics"][0] |= {"val_loss": math.nan, "val_psnr": math.inf, "train_loss": -math.inf}
    assert load_checkpoint(write(tmp_path / "x.pkl", changed))["progress"]["best_psnr"] == math.inf


def test_what_torch_itself_saves_is_none(content: dict[str, Any], tmp_path: Path) -> None:
    changed = {**content, "model": OrderedDict(content["model"])}  # a state dict of torch.nn
    path = tmp_path / "x.pkl"
    torch.save(changed, path)  # without zoo's checksum
    assert list(load_checkpoint(path)["model"]) == list(content["model"])


WEIGHTS = [
    ("less", drop("model", "0.bias"), "0.bias is missing"),
    ("more", put("model", "9.bias", value=torch.ones(3)), "9.bias is unexpected"),
    ("shape", weight(torch.ones(4, 3, 3, 4)), "0.weight has shape (4, 3, 3, 4) instead of "),
    ("scalar", weight(torch.tensor(1.0)), "0.weight has shape () instead of (4, 3, 3, 3)"),
    ("double", weight(W.double()), "0.weight is of float64 instead of float32"),
    ("half", weight(W.half()), "0.weight is of float16 instead of float32"),
    ("bfloat16", weight(W.bfloat16()), "0.weight is of bfloat16 instead of float32"),
    ("integers", weight(W.long()), "0.weight is of int64 instead of float32"),
    ("booleans", weight(W.bool()), "0.weight is of bool instead of float32"),
    ("bytes", weight(W.byte()), "0.weight is of uint8 instead of float32"),
]


@pytest.mark.parametrize(("change", "message"), [it[1:] for it in WEIGHTS])
def test_weights_that_do_not_fit(
    change: Change, message: str, content: dict[str, Any], registry: Registry, tmp_path: Path
) -> None:
    changed = copy.deepcopy(content)
    change(changed)
    path = write(tmp_path / "x.pkl", changed)
    with pytest.raises(CheckpointError) as error:
        load_trained(path, registry)
    assert str(error.value).startswith(f"{path}: Sequential: the state differs: {message}")


SECRET = "root:x:0:0"  # what a file that is none of an architecture's begins with
ARCHITECTURES = [
    ('extends = "{secret}"\n{text}', "1:1: extends: has no place in a resolved architecture."),
    ("{text}\n[vars]\na = 1\n", "vars: has no place in a resolved architecture."),
    ("{text}\n[[blocks.a]]\ntype = 'relu'\n", "blocks: has no place in a resolved architecture."),
    ("train.epochs = 3\n{text}", ""),
    ("'layers.0.type' = 'relu'\n{text}", '1:1: "layers.0.type": is not a known key.'),
    ("no TOML", "1:4: "),
    ("\0", "1:1: The character U+0000 stands here."),
    ("a = " + "[" * 5000, ""),
    ("a." * 5000 + "a = 1", ""),
    ("format = 1", "input: is missing."),
    ("{text}\nx = 1\ny = 2\n", ""),
]


@pytest.mark.parametrize(("form", "message"), ARCHITECTURES)
def test_an_architecture_that_is_none(
    form: str, message: str, content: dict[str, Any], registry: Registry, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    text = form.replace("{text}", content["architecture"]).replace("{secret}", str(secret))
    path = write(tmp_path / "x.pkl", {**content, "architecture": text})
    with pytest.raises(CheckpointError) as error:
        load_trained(path, registry)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert SECRET not in str(error.value)
    assert str(error.value).isprintable()


def test_another_version_is_a_warning(
    content: dict[str, Any], registry: Registry, tmp_path: Path
) -> None:
    changed = copy.deepcopy(content)
    changed["plugins"]["layer relu"] = "zoo 99.0"
    changed["versions"]["zoo"] = "99.0"
    warned: list[str] = []
    path = write(tmp_path / "x.pkl", changed)
    load_trained(path, registry, warned.append)
    assert len(warned) == 1
    assert warned[0].startswith(f"{path}: made with zoo 99.0; zoo ")
    changed["plugins"]["layer relu"] = "zoo-of-others 1.0"
    with pytest.raises(PluginError):
        load_trained(write(path, changed), registry)
