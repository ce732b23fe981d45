"""``parametrize_with_checks`` in a run of pytest, and expected failures without it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conformance.test_kit_optimizers import NoEps
from zoo.nn import ReLU
from zoo.optim import SGD, Adam
from zoo.spec.shape_rules import elementwise
from zoo.testing import (
    LayerCase,
    OptimizerCase,
    cases_of,
    parametrize_with_checks,
    run_checks,
)

BUILT_INS = [case for case in cases_of("zoo") if not isinstance(case, LayerCase)]


@parametrize_with_checks(BUILT_INS)
def test_built_ins_other_than_layers(case: object, check: Callable[[object], None]) -> None:
    check(case)


def test_the_built_ins_are_all_there() -> None:
    kinds = {type(case).__name__ for case in BUILT_INS}
    assert kinds == {
        *("PluginCase", "EntryCase", "OptimizerCase", "InitializerCase", "LossCase"),
        *("NoiseCase", "PairingCase", "ScheduleCase", "SourceCase"),
    }
    assert len(BUILT_INS) > 60


def test_ids_are_readable_and_expected_failures_are_strict() -> None:
    relu = LayerCase(ReLU, (2, 3), "relu", elementwise)
    sgd = OptimizerCase(
        partial(SGD, momentum=0.9), "momentum", expected_failures={"schedule": "why"}
    )
    mark = parametrize_with_checks({"mine": [relu], "": [sgd]}).mark
    names, parameters = mark.args
    assert names == ("case", "check")
    ids = [each.id for each in parameters]
    assert ids[:2] == ["mine-relu-output_shape", "mine-relu-shape_rule"]
    assert ids[-1] == "momentum-against_reference"
    assert len(set(ids)) == len(ids)
    (marked,) = (each for each in parameters if each.marks)
    assert marked.id == "momentum-schedule"
    (xfail,) = marked.marks
    assert (xfail.name, xfail.kwargs) == ("xfail", {"reason": "why", "strict": True})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shedule", "sgd: expected_failures has no check 'shedule'. Did you mean schedule?"),
        (
            "x",
            "sgd: expected_failures has no check 'x'. Use one of: "
            "follows_the_gradient, same_tensors, tensors_of_a_parameter, deterministic, "
            "each_parameter_alone, all_at_once, state_round_trip, state_of_others, "
            "options, no_learning_rate, schedule, refuses_nonsense, dtypes, strides, "
            "zero_gradient, constant_gradient, large_gradient, against_reference.",
        ),
    ],
)
def test_an_expected_failure_of_no_check(name: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parametrize_with_checks([OptimizerCase(SGD, "sgd")], {name: "why"})
    assert str(caught.value) == message


TEST = """
from functools import partial
from zoo.nn import ReLU
from zoo.spec.shape_rules import elementwise
from zoo.testing import LayerCase, parametrize_with_checks
from tests.conformance.test_kit import AlwaysSaves, Scale, scale

LAYERS = Scale, AlwaysSaves
CASES = [LayerCase(partial(layer, 3), (2, 3), layer.__name__, scale) for layer in LAYERS]

@parametrize_with_checks(CASES, expected_failures={"evaluation_saves_nothing": "known"})
def test_contract(case, check):
    check(case)
"""


@pytest.mark.slow
def test_a_run_of_pytest(tmp_path: Path) -> None:
    """Scale is right, so that a failure which is expected of it is itself one."""
    path = tmp_path / "test_scale.py"
    path.write_text(TEST)
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfxs", "-p", "no:cacheprovider", str(path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = result.stdout.splitlines()
    assert result.returncode == 1
    assert any("test_contract[AlwaysSaves-evaluation_saves_nothing] - known" in it for it in lines)
    assert any("test_contract[Scale-evaluation_saves_nothing]" in line for line in lines)
    assert "[XPASS(strict)] known" in result.stdout
    assert " 1 failed, " in f" {lines[-1]}"
    assert ", 1 xfailed" in lines[-1]
    # Two layers, and of each what does not apply to it, with the reason.
    for reason in ("no torch reference is named", "uses_batch_statistics is False"):
        assert any(it.startswith("SKIPPED [2] ") and it.endswith(reason) for it in lines)


# Without pytest.


class Own(Adam):
    """A subclass may compute something else than its base."""


def states(case: OptimizerCase) -> dict[str, str]:
    return {outcome.check: outcome.state for outcome in run_checks("optimizer", case)}


def test_outcomes() -> None:
    right = states(OptimizerCase(Adam, "adam"))
    assert set(right.values()) == {"passed"}
    (unknown,) = (each for each in run_checks("own", OptimizerCase(Own, "own")) if each.message)
    assert (unknown.check, unknown.state, unknown.message) == (
        "against_reference",
        "skipped",
        "no torch reference is named",
    )
    wrong = OptimizerCase(partial(NoEps, lr=0.01), "adam")
    assert {name for name, state in states(wrong).items() if state == "failed"} == {"zero_gradient"}
    known = OptimizerCase(wrong.build, "adam", expected_failures={"zero_gradient": "no eps"})
    (outcome,) = (each for each in run_checks("adam", known) if each.state == "expected")
    assert (outcome.check, outcome.state, outcome.message) == (
        "zero_gradient",
        "expected",
        "no eps",
    )


def test_an_expected_failure_that_does_not_come() -> None:
    case = OptimizerCase(Adam, "adam", expected_failures={"zero_gradient": "no eps"})
    (outcome,) = (each for each in run_checks("adam", case) if each.state == "failed")
    assert outcome.message == "adam: is said to fail (no eps) and passes."


def test_what_a_check_raises_is_a_failure() -> None:
    def build(pairs: object, lr: float = 1e-3) -> SGD:
        raise KeyError("momentum")

    outcomes = list(run_checks("sgd", OptimizerCase(build, "sgd")))
    assert {outcome.state for outcome in outcomes if outcome.check != "against_reference"} == {
        "failed"
    }
    assert outcomes[0].message == "sgd: KeyError: 'momentum'"


def test_the_kit_does_not_import_pytest() -> None:
    code = "import sys, zoo.testing; print('pytest' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
