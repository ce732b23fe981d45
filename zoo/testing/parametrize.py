"""Running the checks under pytest, which is imported only then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from zoo.testing.running import AnyCase, AnyCheck, check_name, checks_of, known_failures

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(
    cases: Iterable[AnyCase] | Mapping[str, Iterable[AnyCase]],
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """A decorator that gives a test each case with each check for cases of its kind.

    ::

        @parametrize_with_checks(CASES, expected_failures={"empty_batch": "needs an image"})
        def test_contract(case, check):
            check(case)

    A check that does not apply to a case is skipped with its reason
    (:class:`zoo.testing.NotApplicable`). The ids are ``case-check``, such as ``two-backward``. All
    cases of an installed plugin are ``zoo.testing.cases_of("zoo-swish")``.

    Args:
        cases: of any kinds; where they are in a mapping, its keys stand in front of the ids.
        expected_failures: names of checks that are known to fail on every case, each with the
            reason, beside those that a case declares itself. Each is a strict ``xfail``: where the
            check passes after all, the test fails.

    Raises:
        ValueError: a name is that of no check.
    """
    import pytest

    groups = cases if isinstance(cases, Mapping) else {"": cases}
    named = [
        (f"{group}-{case.id}" if group else case.id, case)
        for group, items in groups.items()
        for case in items
    ]
    return pytest.mark.parametrize(
        ("case", "check"),
        [
            pytest.param(
                case,
                check,
                id=f"{name}-{check_name(check)}",
                marks=[pytest.mark.xfail(reason=reason, strict=True)] if reason else [],
            )
            for name, case in named
            for check, reason in _with_reasons(case, expected_failures or {})
        ],
    )


def _with_reasons(case: AnyCase, more: Mapping[str, str]) -> Iterator[tuple[AnyCheck, str]]:
    """The checks of a case, each with the reason for which it is expected to fail, or ""."""
    expected = known_failures(case, more)
    for check in checks_of(case):
        yield check, expected.get(check_name(check), "")
