"""The record of a trained model, and that its file is the one that was published."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import CheckpointError, PluginError
from zoo.plugins.discovery import Provider
from zoo.plugins.model_entry import ModelEntry
from zoo.plugins.registry import InstalledModel, Registry


def model(name: str = "photo-small", **fields: Any) -> ModelEntry:
    given = {"file": "zoo:a/b.pkl", "sha256": "0" * 64, "card": "zoo:b.toml", "summary": "s"}
    return ModelEntry(name=name, **{**given, **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        *(
            (
                {"name": name},
                f"name is {name!r}. Write it as lower-case letters and digits in words joined by "
                "hyphens.",
            )
            for name in ("Photo", "photo_small", "photo-", "2photo", "", 3, "a/b")
        ),
        ({"file": "b.pkl"}, "file is 'b.pkl'. Write it as 'package:path/in/it'."),
        ({"file": "zoo:/b.pkl"}, "file is 'zoo:/b.pkl'. Write it as 'package:path/in/it'."),
        ({"card": None}, "card is None. Write it as 'package:path/in/it'."),
        (
            {"sha256": "AB" * 32},
            f"sha256 is {'AB' * 32!r}. Write it as 64 hexadecimal digits, in lower case.",
        ),
        ({"summary": "a\nb"}, "summary is 'a\\nb'. Write it as one line of text."),
        ({"summary": ""}, "summary is ''. Write it as one line of text."),
    ],
)
def test_broken_records(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError) as caught:
        model(**fields)
    assert str(caught.value) == f"model {fields.get('name', 'photo-small')!r}: {message}"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package ``zoo_t_files`` that can be imported."""
    folder = tmp_path / "zoo_t_files"
    (folder / "weights").mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_the_file_is_verified(package: Path) -> None:
    path = package / "weights" / "photo.pkl"
    path.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    entry = model(file="zoo_t_files:weights/photo.pkl", sha256=digest)
    assert entry.verified_path() == path
    path.write_bytes(b"others")
    with pytest.raises(CheckpointError) as caught:
        entry.verified_path()
    found = hashlib.sha256(b"others").hexdigest()
    assert str(caught.value) == (
        f"model 'photo-small': {path}: damaged or replaced: its sha256 begins with {found[:12]} "
        f"instead of {digest[:12]}. Install again what has zoo_t_files."
    )
    path.unlink()
    with pytest.raises(CheckpointError) as caught:
        entry.verified_path()
    assert str(caught.value) == (
        f"model 'photo-small': {path}: cannot be read: No such file or directory. "
        "Install again what has zoo_t_files."
    )


def test_a_package_that_is_not_there() -> None:
    with pytest.raises(PluginError) as caught:
        model(file="zoo_t_none:photo.pkl").verified_path()
    assert str(caught.value) == (
        "model 'photo-small': cannot import 'zoo_t_none': ModuleNotFoundError: No module named "
        "'zoo_t_none'."
    )


def test_models_of_a_registry() -> None:
    one, two = Provider("zoo-one", "1.0", "m"), Provider("zoo-two", "2.0", "m")
    small, twice = model("photo-small"), model("photo")
    registry = Registry(
        [],
        models=[
            InstalledModel(small, one),
            InstalledModel(twice, two),
            InstalledModel(twice, one),
        ],
    )
    assert [(each.entry.name, each.provider) for each in registry.models] == [
        ("photo", one),
        ("photo", two),
        ("photo-small", one),
    ]
    assert list(registry) == []  # nothing that a file can name
    assert registry.model("photo-small").entry is small
    assert registry.model("zoo-two:photo").provider == two
    for name in ("none", "zoo-two:photo-small"):
        with pytest.raises(KeyError):
            registry.model(name)
    with pytest.raises(PluginError) as caught:
        registry.model("photo")
    assert str(caught.value) == (
        "model 'photo': provided by zoo-one 1.0 and zoo-two 2.0. "
        "Choose with zoo-one:photo or zoo-two:photo."
    )
