from __future__ import annotations

import re

import pytest

from zoo.plugins.discovery import discover
from zoo.plugins.records import KINDS
from zoo.plugins.registry import load_registry
from zoo.plugins.suggestions import suggest
from zoo.plugins.synonyms import OTHERS

LAYERS = (
    *("conv2d", "conv_transpose2d", "linear", "nearest_upsampling"),
    *("relu", "sigmoid", "upsampling"),
)
KEYS = ("bias", "bias_init", "in_channels", "init", "kernel_size", "out_channels", "padding")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("con2d", "conv2d"),
        ("conv2", "conv2d"),
        ("Conv2d", "conv2d"),
        ("conv_2d", "conv2d"),
        ("conv 2d", "conv2d"),
        ("CONV-2D", "conv2d"),
        ("ConvTranspose2d", "conv_transpose2d"),
        ("transposed_conv2d", "conv_transpose2d"),
        ("nn.ReLU", "relu"),
        ("torch.nn.ReLU", "relu"),
        ("reul", "relu"),
        ("Upsample", "upsampling"),
        ("NearestUpsampling", "nearest_upsampling"),
    ],
)
def test_a_name_that_is_nearly_a_layers(word: str, meant: str) -> None:
    assert suggest(word, LAYERS) == meant


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("ibas", "bias"),  # the same letters
        ("kernal_size", "kernel_size"),
        ("kernel", "kernel_size"),
        ("out_channel", "out_channels"),
        ("input_channels", "in_channels"),
        ("pading", "padding"),
    ],
)
def test_a_key_that_is_nearly_a_known_one(word: str, meant: str) -> None:
    assert suggest(word, KEYS) == meant


def test_two_letters_exchanged_in_a_short_name() -> None:
    assert suggest("sdg", ["adam", "sgd"]) == "sgd"


@pytest.mark.parametrize("word", ["", "x", "--", "nn.", "é", "dropout", "tanh", "BatchNorm2d"])
def test_nothing_is_suggested_for_a_hopeless_word(word: str) -> None:
    assert suggest(word, LAYERS) is None


def test_nothing_is_suggested_where_there_is_nothing() -> None:
    assert suggest("relu", []) is None


@pytest.mark.parametrize("candidates", [("step_a", "step_b"), ("step_b", "step_a")])
def test_the_order_of_the_candidates_decides_nothing(candidates: tuple[str, ...]) -> None:
    assert suggest("step_c", candidates) == suggest("step_c", reversed(candidates))
    assert suggest("Step_A", candidates) == "step_a"


def test_a_name_that_is_given_is_given_back() -> None:
    assert [suggest(name, LAYERS) for name in LAYERS] == list(LAYERS)


def test_a_word_of_any_length_is_no_trouble() -> None:
    assert suggest("conv2d" * 100_000, LAYERS) is None


@pytest.mark.parametrize(
    ("word", "among", "meant"),
    [
        ("learning_rate", ("betas", "eps", "lr"), "lr"),
        ("CosineAnnealingLR", ("constant", "cosine", "one_cycle"), "cosine"),
        ("mae", ("l1", "mse"), "l1"),  # and not what is written alike
        ("n2n", ("clean", "noisy"), "noisy"),
        ("filters", KEYS, "out_channels"),
        ("filters", ("bias", "init"), None),  # nothing there is called that
    ],
)
def test_a_name_that_others_use(word: str, among: tuple[str, ...], meant: str | None) -> None:
    assert suggest(word, among) == meant


def test_each_synonym_is_of_one_thing_and_no_name_of_another() -> None:
    every = [other for others in OTHERS.values() for other in others.split()]
    assert len(every) == len(set(every))
    registry = load_registry(discover({"ZOO_PLUGINS": ""}))
    names = {name for record in KINDS for name in registry.names(record.kind)}
    plain = {re.sub(r"\W|_", "", name) for name in names}
    assert not plain & set(every)
