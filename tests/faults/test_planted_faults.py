"""A green check means something: a fault in any product that is shipped is found by the kit.

In each backward pass, loss and optimizer, and in what they call, one factor, addend, sign, scale,
transposition, accumulation or gradient at a time is left out or changed.
"""

from __future__ import annotations

import ast
import inspect
import random
import textwrap
from collections.abc import Iterator

import pytest
import torch

from tests.faults.equivalent import EQUIVALENT
from tests.faults.mutations import Mutant
from tests.faults.targets import Target, targets

SAMPLE = 3  # of each target, in the default run

TARGETS = targets()
each_target = pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@each_target
def test_a_sample_of_faults_is_found(target: Target) -> None:
    faults = [each for each in target.mutants() if each.name not in EQUIVALENT and _ends(each)]
    chosen = random.Random(target.name).sample(faults, min(SAMPLE, len(faults)))
    assert [fault.name for fault in chosen if target.found_by(fault) is None] == []


@pytest.mark.soak
@each_target
def test_every_fault_is_found(target: Target) -> None:
    faults = target.mutants()
    missed = {fault.name for fault in faults if target.found_by(fault) is None}
    assert missed == {fault.name for fault in faults if fault.name in EQUIVALENT}


@pytest.mark.soak
def test_every_equivalent_fault_is_one_of_what_is_shipped() -> None:
    names = {fault.name for target in TARGETS for fault in target.mutants()}
    assert set(EQUIVALENT) <= names
    assert all(EQUIVALENT.values())


def _ends(fault: Mutant) -> bool:
    """Whether the fault cannot be a loop without an end."""
    source = textwrap.dedent(inspect.getsource(fault.function))
    return not any(isinstance(node, ast.While) for node in ast.walk(ast.parse(source)))
