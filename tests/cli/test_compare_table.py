"""What ``zoo compare`` prints of figures that are not those of every day."""

from __future__ import annotations

import math

import pytest

from zoo.cli.compare_table import print_comparisons
from zoo.torch_backend.comparison import Comparison, epochs_of

LONG = "a_network_with_a_name_that_is_as_long_as_names_of_networks_may_well_be"
Line = dict[str, float | None]


def line(psnr: float | None, loss: float, seconds: float) -> Line:
    return {"epoch": 1, "val_psnr": psnr, "val_loss": loss, "seconds": seconds}


def compared(name: str, own: Line, other: Line, psnr: float = 30.0) -> Comparison:
    epochs = epochs_of({"zoo": [own], "torch": [other]})
    best = {"zoo": psnr, "torch": psnr}
    return Comparison(name, 1_234_567, epochs, best, {"zoo": "a/zoo", "torch": "a/torch"})


def printed(capsys: pytest.CaptureFixture[str], *comparisons: Comparison) -> list[str]:
    print_comparisons(comparisons)
    return capsys.readouterr().out.splitlines()


def test_long_times_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    own, other = line(20.25, 0.1, 123_456.7), line(20.25, 0.1, 98_765.4)
    lines = printed(capsys, compared("resnet_small", own, other))
    assert max(map(len, lines)) <= 80
    text = " ".join(lines)
    for value in ("123456.7", "98765.4", "1.25", "20.250 dB", "+0.0e+00 dB", "1,234,567"):
        assert value in text


def test_a_long_name_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    own = line(20.25, 0.1, 1)
    rows = [row for row in printed(capsys, compared(LONG, own, own)) if row.startswith(LONG)]
    assert [row.split()[1:3] for row in rows] == [["30.00", "dB"]]


def test_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes it for a terminal
    monkeypatch.setenv("COLUMNS", "80")
    own, other = line(20.25, 0.1, 123_456.7), line(20.25, 0.1, 98_765.4)
    lines = printed(capsys, compared(LONG, own, other))
    table = lines
    assert max(map(len, table)) <= 80
    of_name = [row[:12].strip() for row in table]
    letters = "".join(of_name[of_name.index("architecture") + 1 :])
    assert letters.startswith(LONG)


def test_far_apart(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, compared("net", line(21.5, 0.1, 1), line(20.0, 0.1, 1)))
    assert (
        "net: zoo and torch.nn differ by 1.5e+00 dB. zoo bench compares their steps from the same "
        "weights: where these agree, rounding has grown from step to step, as it does where steps "
        "are too large."
    ) in lines
    near = printed(capsys, compared("net", line(20.05, 0.1, 1), line(20.0, 0.1, 1)))
    assert not any("zoo bench" in line for line in near)


def test_losses_where_there_is_no_psnr(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, compared("net", line(None, 0.5, 1), line(None, 0.25, 1)))
    assert lines[1].split() == ["loss", "loss", "seconds", "seconds"]
    assert lines[3].split() == ["1", "0.5", "0.25", "+1.0e+02", "%", "1.0", "1.0"]


def test_infinite(capsys: pytest.CaptureFixture[str]) -> None:
    perfect = line(math.inf, 0.0, 1)
    lines = printed(capsys, compared("net", perfect, perfect, math.inf))
    assert lines[3].split()[:7] == ["1", "inf", "dB", "inf", "dB", "+0.0e+00", "dB"]
