"""One section that fails does not keep the others back."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.doctor.report import Finding, gather, problem

ADVICE = "What it is about is broken, or zoo is. Please report it, with all of this."


def works() -> Iterator[Finding]:
    yield Finding("a", "1", 1)


def breaks() -> Iterator[Finding]:
    yield Finding("b", "2")
    raise RuntimeError("no\nluck.")


def leaves() -> Iterator[Finding]:
    raise SystemExit(3)


def test_what_fails_is_a_finding() -> None:
    report = gather({"one": breaks, "two": leaves, "three": works}, fatal=["none"])
    one, two, three = report.sections
    assert one.findings == (Finding("b", "2"), problem("one", "RuntimeError: no luck", ADVICE))
    assert two.findings == (problem("two", "SystemExit: 3", ADVICE),)
    assert three.findings == (Finding("a", "1", 1),)
    assert (report.problems, report.usable) == (2, True)


def test_some_sections_are_needed() -> None:
    report = gather({"one": works, "two": breaks}, fatal=["two"])
    assert not report.usable
    assert gather({"one": works, "two": breaks}, fatal=["one"]).usable


def test_for_json() -> None:
    report = gather({"one": works}, fatal=[])
    assert report.to_dict() == {
        "usable": True,
        "problems": 0,
        "one": [{"name": "a", "state": "ok", "value": 1, "advice": "", "fatal": False}],
    }
