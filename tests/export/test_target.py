from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zoo.errors import UsageError
from zoo.export.target import choose_target


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("a.pt", None, "torch"),
        ("a.PTH", None, "torch"),
        ("a.onnx", None, "onnx"),
        ("a.safetensors", None, "safetensors"),
        ("a.dtmodel", None, "dtmodel"),
        ("a.bin", "onnx", "onnx"),
        ("a.onnx", "safetensors", "safetensors"),
    ],
)
def test_the_format_is_that_of_the_ending_or_named(
    tmp_path: Path, name: str, to: str | None, expected: str
) -> None:
    assert choose_target(tmp_path / name, to, None, overwrite=False).format == expected


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.pt", "a_model.py"),
        ("photo-small.pt", "photo_small_model.py"),
        ("3 d.x.pt", "_3_d_x_model.py"),
        ("torch.pt", "torch_model.py"),
    ],
)
def test_the_source_beside_a_state_dict_can_be_imported(
    tmp_path: Path, name: str, source: str
) -> None:
    target = choose_target(tmp_path / name, None, None, overwrite=False)
    assert target.files == (tmp_path / name, tmp_path / source)
    assert Path(source).stem.isidentifier()


@pytest.mark.parametrize(
    ("name", "to", "tile", "message"),
    [
        (
            "a.h5",
            None,
            None,
            "{}: ends in .h5. Use .pt, .pth, .onnx, .safetensors, .dtmodel, or name the format "
            "with --to.",
        ),
        (
            "a",
            None,
            None,
            "{}: has no ending. Use .pt, .pth, .onnx, .safetensors, .dtmodel, or name the format "
            "with --to.",
        ),
        ("a.pt", None, 8, "--tile 8: is not for torch. Use it for onnx or dtmodel."),
        ("folder", "onnx", None, "{}: is a folder. Name a file in it."),
        ("there.onnx", None, None, "{}: is there already. Use another name, or --overwrite."),
    ],
)
def test_what_cannot_be_written(
    tmp_path: Path, name: str, to: str | None, tile: int | None, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.onnx").touch()
    with pytest.raises(UsageError) as caught:
        choose_target(tmp_path / name, to, tile, overwrite=False)
    assert str(caught.value) == message.format(tmp_path / name)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        choose_target(tmp_path / "b" / "a.onnx", None, None, overwrite=True)
    assert str(caught.value) == (
        f"{tmp_path / 'b' / 'a.onnx'}: there is no folder {tmp_path / 'b'}. Make it first."
    )


def test_the_source_beside_it_is_not_overwritten_either(tmp_path: Path) -> None:
    (tmp_path / "a_model.py").touch()
    with pytest.raises(UsageError) as caught:
        choose_target(tmp_path / "a.pt", None, None, overwrite=False)
    assert str(caught.value) == (
        f"{tmp_path / 'a_model.py'}: is there already. Use another name, or --overwrite."
    )
    assert choose_target(tmp_path / "a.pt", None, None, overwrite=True).overwrite


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("a.onnx", "onnx", "onnx"),
        ("a.dtmodel", "onnxruntime", "onnx"),
        ("a.safetensors", "safetensors", "safetensors"),
    ],
)
def test_a_missing_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr("zoo.optional.find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        choose_target(tmp_path / name, None, None, overwrite=False)
    assert str(caught.value) == (
        f"zoo export: needs {library}, which is not installed. "
        f"Install it with: pip install 'zoo[{extra}]'."
    )
