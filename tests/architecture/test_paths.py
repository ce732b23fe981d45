"""Paths in files and on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tomli

from zoo.architecture.paths import with_home, with_uris, written_path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


def test_the_home_folder(home: Path, tmp_path: Path) -> None:
    assert written_path("~/photos", tmp_path) == home / "photos"
    assert written_path("~", tmp_path) == home
    assert written_path("a/~/b", tmp_path) == tmp_path / "a/~/b"
    assert written_path("~nobody-of-this-name/a", tmp_path) == tmp_path / "~nobody-of-this-name/a"
    assert with_home("~/out/") == f"{home}/out/"
    assert with_home("") == ""


def test_what_is_called_so_wins(home: Path, tmp_path: Path) -> None:
    (tmp_path / "~").mkdir()
    assert written_path("~/photos", tmp_path) == tmp_path / "~/photos"
    assert with_home("~/photos") == "~/photos"
    (tmp_path / "~backup").touch()
    assert with_home("~backup") == "~backup"


@pytest.mark.parametrize("name", [b"caf\xe9 1.png", b"a%20\xff", b"\xe9\n\x1b"])
def test_bytes_that_are_no_text(name: bytes, tmp_path: Path) -> None:
    path = str(tmp_path / os.fsdecode(name))
    written = with_uris({"data": [{"path": path, "other": "~", "n": 1}]})
    text = written["data"][0]["path"]
    assert text.encode().startswith(b"file:///")
    assert tomli.loads(f'path = "{text}"')["path"] == text
    assert written["data"][0] == {"path": text, "other": "~", "n": 1}
    assert str(written_path(text, Path("elsewhere"))) == path


def test_other_paths_stay_as_they_are(tmp_path: Path) -> None:
    document = {"path": "/caf\xe9/a b", "names": ["x"], "n": 1.5}
    assert with_uris(document) == document
