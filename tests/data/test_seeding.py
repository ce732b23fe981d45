"""Generators that depend on nothing but a key."""

from __future__ import annotations

import itertools

import pytest
import torch

from zoo.data.seeding import generator

KEYS = [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (0, 1, 2), (0, 2, 1), (2**70,), (7, 2**40)]


def draw(seed: int, *key: int) -> torch.Tensor:
    return torch.rand(1000, generator=generator(seed, *key))


def test_draws_that_must_never_change() -> None:
    # a run that is resumed after zoo was upgraded goes on with the same draws
    assert generator(0).initial_seed() == 7896617691693857887
    assert generator(1, 2, 3).initial_seed() == 5464283449182725445


@pytest.mark.parametrize("key", KEYS)
def test_the_same_key_draws_the_same(key: tuple[int, ...]) -> None:
    assert torch.equal(draw(*key), draw(*key))


def test_different_keys_draw_independently() -> None:
    draws = {key: draw(*key) for key in KEYS}
    for first, second in itertools.combinations(KEYS, 2):
        both = torch.stack([draws[first], draws[second]])
        assert abs(torch.corrcoef(both)[0, 1]) < 0.15, (first, second)  # 4.7 standard deviations


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    draw(3, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_it_is_of_the_cpu() -> None:
    assert generator(0).device == torch.device("cpu")
