"""Which sizes a network gives back, found by trying."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zoo.spec.sizes import LARGEST_STEP, SizeRule, size_rule


@pytest.mark.parametrize(
    ("gives_back", "rule", "words"),
    [
        (lambda n: True, SizeRule(1, 1), "of any size"),
        (lambda n: n >= 7, SizeRule(7, 1), "from 7 pixels on"),
        (lambda n: n % 4 == 0, SizeRule(4, 4), "that are a multiple of 4"),
        (lambda n: n % 4 == 0 and n >= 12, SizeRule(12, 4),
         "that are a multiple of 4, from 12 pixels on"),
        (lambda n: n % 4 == 3, SizeRule(3, 4), "of 3 pixels plus a multiple of 4"),
        (lambda n: n in (1, 3) or n % 8 == 0, SizeRule(8, 8), "that are a multiple of 8"),
        (lambda n: n % LARGEST_STEP == 0, SizeRule(LARGEST_STEP, LARGEST_STEP),
         "that are a multiple of 256"),
        (lambda n: n == 32, SizeRule(32, 0), "of 32 pixels only"),
        (lambda n: n == 1, SizeRule(1, 0), "of 1 pixel only"),
        (lambda n: n == 5000, SizeRule(5000, 0), "of 5000 pixels only"),
    ],
)  # fmt: skip
def test_the_rule_behind_sizes(
    gives_back: Callable[[int], bool], rule: SizeRule, words: str
) -> None:
    size = 5000 if rule.first == 5000 else 32
    assert size_rule(gives_back, size) == rule
    assert rule.words == words


@pytest.mark.parametrize("gives_back", [lambda n: False, lambda n: n % 6 in (1, 3)])
def test_no_rule(gives_back: Callable[[int], bool]) -> None:
    assert size_rule(gives_back, 32) is None


@pytest.mark.parametrize("rule", [SizeRule(1, 1), SizeRule(7, 1), SizeRule(12, 4), SizeRule(3, 4)])
def test_the_next_size(rule: SizeRule) -> None:
    sizes = [rule.first + k * rule.step for k in range(40)]
    for size in range(1, 33):
        assert rule.next(size) == min(n for n in sizes if n >= size)


def test_the_next_size_of_one() -> None:
    assert SizeRule(32, 0).next(31) == SizeRule(32, 0).next(32) == 32
    assert SizeRule(32, 0).next(33) is None
