"""Short forms of data sources, in the file and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.architecture.check import check_source
from zoo.architecture.sources import expand_source
from zoo.cli.options import source_table
from zoo.errors import ArchitectureError
from zoo.plugins.registry import Registry

SUFFIXES = {"suffixes": ["_a", "_b"], "second_is_clean": False}


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("demo", {"type": "demo"}),
        ("photos", {"type": "folder", "path": "photos"}),
        ("demo/", {"type": "folder", "path": "demo/"}),
        ("./demo", {"type": "folder", "path": "./demo"}),
        ("train.pkl", {"type": "pkl", "path": "train.pkl"}),
        ("train.pt", {"type": "pkl", "path": "train.pt"}),
        ("data/TRAIN.PKL", {"type": "pkl", "path": "data/TRAIN.PKL"}),
        ("pairs:shots", {"type": "pairs", "folder": "shots"}),
        ("a,b", {"type": "pairs", "first": "a", "second": "b"}),
        ("a,b,c", {"type": "folder", "path": "a,b,c"}),
        ("", {"type": "folder", "path": ""}),
    ],
)
def test_what_a_short_form_stands_for(text: str, table: dict[str, str]) -> None:
    assert expand_source(text, ["demo", "folder", "pairs", "pkl"]) == table


def test_a_folder_of_the_whole_name_wins(tmp_path: Path) -> None:
    for name in ("photos, Rome 2024", "a", "b,c", "pairs:x", "old.pkl", "demo"):
        (tmp_path / name).mkdir()

    def expand(text: str) -> dict[str, Any]:
        return expand_source(text, ["demo"], tmp_path)

    for name in ("photos, Rome 2024", "photos, Rome 2024/", "pairs:x", "old.pkl", "b,c", "./demo"):
        assert expand(name) == {"type": "folder", "path": name}
        assert expand(str(tmp_path / name)) == {"type": "folder", "path": str(tmp_path / name)}
    assert expand("demo") == {"type": "demo"}
    assert expand("a,b,c") == {"type": "pairs", "first": "a", "second": "b,c"}
    assert expand("b,c,a") == {"type": "pairs", "first": "b,c", "second": "a"}
    assert expand("a,c") == {"type": "pairs", "first": "a", "second": "c"}
    assert expand("a,b,d") == {"type": "folder", "path": "a,b,d"}


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("demo", {"type": "demo"}),
        ("photos", {"type": "folder", "path": "/home/photos"}),
        ("../photos", {"type": "folder", "path": "/photos"}),
        ("/photos", {"type": "folder", "path": "/photos"}),
        ("x.pkl", {"type": "pkl", "path": "/home/x.pkl", "second_is_clean": False}),
        ("pairs:shots", {"type": "pairs", "folder": "/home/shots", **SUFFIXES}),
        ("a,/b", {"type": "pairs", "first": "/home/a", "second": "/b", **SUFFIXES}),
        (
            '{ type = "pkl", path = "x.pkl", second_is_clean = true }',
            {"type": "pkl", "path": "/home/x.pkl", "second_is_clean": True},
        ),
    ],
)
def test_the_resolved_table(text: str, table: dict[str, Any], registry: Registry) -> None:
    assert check_source(text, registry, f"--data {text}", Path("/home")) == table


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", '--data : path: is "". Use a non-empty string.'),
        ("folder", "--data folder: path: is missing. Use a non-empty string."),
        ("pairs:", '--data pairs:: folder: is "". Use a non-empty string.'),
        ("a,", '--data a,: second: is "". Use a non-empty string.'),
        (
            "{ type = 3",
            "--data { type = 3: is not a TOML table. Write it as in a file: "
            '{ type = "pkl", path = "a.pkl" }',
        ),
        (
            '{ type = "pkl", pat = "a" }',
            '--data { type = "pkl", pat = "a" }: pat: is not a known key. Known keys: path, '
            "second_is_clean. Did you mean path?\n"
            '--data { type = "pkl", pat = "a" }: path: is missing. Use a non-empty string.',
        ),
    ],
)
def test_what_is_no_source(text: str, message: str, registry: Registry) -> None:
    with pytest.raises(ArchitectureError) as caught:
        check_source(text, registry, f"--data {text}", Path("/home"))
    assert str(caught.value) == message


def test_the_command_line_is_relative_to_the_working_folder(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert source_table(registry, "photos") == {
        "type": "folder",
        "path": str(tmp_path.resolve() / "photos"),
    }


def test_a_folder_whose_name_is_in_braces(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "{2024}").mkdir()
    table = check_source("{2024}", registry, "--data {2024}", tmp_path)
    assert table == {"type": "folder", "path": str(tmp_path / "{2024}")}
