from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import onnx
import pytest
import torch

from tests.export.conftest import TINY
from zoo.errors import ComparisonError, PluginError, UsageError, WriteError
from zoo.export import torch_file
from zoo.export.agreement import compare, examples
from zoo.export.files import export
from zoo.export.graph import Graph
from zoo.export.runtime import Session
from zoo.export.target import Target
from zoo.export.trained import Trained

GREY = TINY.replace("channels = 3", "channels = 1").replace("out_channels = 3", "out_channels = 1")


def left(folder: Path) -> list[str]:
    """The names of all that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_three_sizes_are_compared_one_of_them_odd(tiny: Trained) -> None:
    sizes = [tuple(image.shape[2:]) for image in examples(tiny)]
    assert len(set(sizes)) == 3
    assert any(height % 2 and width % 2 for height, width in sizes)


def test_onnx_says_where_it_is_from(tiny: Trained, tmp_path: Path) -> None:
    export(replace(tiny, licence="CC0-1.0"), Target(tmp_path / "a.onnx", "onnx"))
    assert left(tmp_path) == ["a.onnx"]
    model = onnx.load(tmp_path / "a.onnx")
    said = {each.key: each.value for each in model.metadata_props}
    assert said.pop("zoo_version")
    assert said == {
        "name": "tiny",
        "description": "For these tests.",
        "model": "run",
        "licence": "CC0-1.0",
        "trained_with": '{"zoo": "0.1.0"}',
        "metrics": '{"epoch": 1, "step": 5, "train_loss": 0.1, "val_loss": 0.1, "val_psnr": 30.5, '
        '"lr": 0.001, "seconds": 1.0}',
        "channels": "3",
        "value_range": "[0, 1]",
        "sizes": "heights and widths that are a multiple of 2",
        "receptive_field": "5x5",
        "architecture": tiny.architecture.text,
    }
    (given,) = model.graph.input
    dims = given.type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in dims] == ["batch", 3, "height", "width"]


@pytest.mark.parametrize("tile", [8, 9])
def test_a_tile_makes_the_shape_static(tiny: Trained, tmp_path: Path, tile: int) -> None:
    said = export(tiny, Target(tmp_path / "a.onnx", "onnx", tile))
    assert said[0] == f"ONNX, opset 18, images 1x3x{tile}x{tile}, values in [0, 1]"
    model = onnx.load(tmp_path / "a.onnx")
    for end in (*model.graph.input, *model.graph.output):
        assert [dim.dim_value for dim in end.type.tensor_type.shape.dim] == [1, 3, tile, tile]


@pytest.mark.parametrize("text", [TINY, GREY], ids=["colour", "grey"])
def test_darktable(make: Callable[..., Trained], tmp_path: Path, text: str) -> None:
    said = export(make(text), Target(tmp_path / "My Photo.dtmodel", "dtmodel", 32))
    assert said[0] == "denoise-my-photo for darktable: ONNX, opset 20, 1x3x32x32"
    with zipfile.ZipFile(tmp_path / "My Photo.dtmodel") as container:
        assert container.namelist() == [
            "denoise-my-photo/config.json",
            "denoise-my-photo/model.onnx",
        ]
        config = json.loads(container.read("denoise-my-photo/config.json"))
        session = Session(container.read("denoise-my-photo/model.onnx"))
    assert config.pop("model_card") == {
        "long_description": "For these tests.",
        "scope": "single-image denoising",
        "notes": "trained with zoo 0.1.0; PSNR 30.50 dB on the pictures held out in training",
    }
    assert config == {
        "id": "denoise-my-photo",
        "name": "denoise my photo",
        "description": "For these tests.",
        "task": "denoise",
        "arch": "tiny",
        "backend": "onnx",
        "version": "1.0",
        "tiling": True,
        "attributes": {"input_sizes": [32]},
    }
    assert session(torch.rand(1, 3, 32, 32)).shape == (1, 3, 32, 32)


def test_darktable_has_images_of_three_channels(
    make: Callable[..., Trained], tmp_path: Path
) -> None:
    two = TINY.replace("channels = 3", "channels = 2")
    with pytest.raises(UsageError) as caught:
        export(make(two), Target(tmp_path / "a.dtmodel", "dtmodel"))
    assert str(caught.value) == (
        "a.dtmodel: the network takes 2 channels. darktable's images have 3; use a network of "
        "3 channels, or of 1."
    )
    assert left(tmp_path) == []


def test_torch_gives_two_files_that_need_torch_only(tiny: Trained, tmp_path: Path) -> None:
    said = export(tiny, Target(tmp_path / "a-b.pt", "torch"))
    assert left(tmp_path) == ["a-b.pt", "a_b_model.py"]
    assert said[0] == "a_b_model.py has the network, and needs torch only"
    assert said[1].startswith("both in a process without zoo, against zoo: largest difference ")


def test_a_source_that_needs_more_than_torch_is_not_kept(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_file, "source", lambda *_: "import zoo.nn\n")
    with pytest.raises(ComparisonError) as caught:
        export(tiny, Target(tmp_path / "a.pt", "torch"))
    assert str(caught.value) == (
        "a_model.py: fails without zoo: ImportError: zoo is not there: the file should need torch "
        "only. Nothing was kept."
    )
    assert left(tmp_path) == []


def test_a_file_that_computes_something_else_is_not_kept(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def relu(layer: object, graph: Graph, x: str) -> str:
        return graph.node("Abs", x)

    monkeypatch.setattr("zoo.export.layers.relu", relu)
    (tmp_path / "a.onnx").write_text("before")
    with pytest.raises(ComparisonError) as caught:
        export(tiny, Target(tmp_path / "a.onnx", "onnx", overwrite=True))
    message = str(caught.value)
    assert message.startswith("a.onnx: differs from the network by ")
    assert message.endswith(" for images 16x16. Allowed is 1.0e-05; nothing was kept.")
    assert left(tmp_path) == ["a.onnx"]
    assert (tmp_path / "a.onnx").read_text() == "before"


def test_a_file_that_is_not_valid_is_not_kept(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def relu(layer: object, graph: Graph, x: str) -> str:
        return graph.node("Relou", x)

    monkeypatch.setattr("zoo.export.layers.relu", relu)
    with pytest.raises(ComparisonError, match=r"^a.onnx: ONNX's checker refuses it: .*Relou"):
        export(tiny, Target(tmp_path / "a.onnx", "onnx"))
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (torch.full((1, 1, 2, 3), torch.nan), "differs from the network by nan for images 2x3. "),
        (torch.full((1, 1, 2, 3), 2e-5), "differs from the network by 2.0e-05 for images 2x3. "),
        (torch.zeros(1, 1, 2, 2), "gives images 2x2 for images 2x3. "),
    ],
)
def test_what_counts_as_different(found: torch.Tensor, message: str) -> None:
    x = torch.zeros(1, 1, 2, 3)
    with pytest.raises(ComparisonError) as caught:
        compare("a.onnx", lambda _: found, [x], [x])
    assert str(caught.value).startswith(f"a.onnx: {message}")
    assert compare("a.onnx", lambda _: x + 1e-6, [x], [x]).sizes == ("2x3",)


def test_a_network_of_one_size(make: Callable[..., Trained], tmp_path: Path) -> None:
    """A layer over all columns takes one width only."""
    layer = '[[layers]]\ntype = "linear"\nout_features = 16\n\n'
    fixed = make(TINY.replace("[optimizer]", f"{layer}[optimizer]"))
    for target in (Target(tmp_path / "a.onnx", "onnx"), Target(tmp_path / "a.pt", "torch")):
        with pytest.raises(UsageError) as caught:
            export(fixed, target)
        assert str(caught.value) == (
            f"{target.path.name}: the network gives back heights that are a multiple of 2, widths "
            "of 16 pixels only. Use --to safetensors, or --to onnx --tile N for images of one size."
        )
    export(fixed, Target(tmp_path / "a.onnx", "onnx", 16))
    with pytest.raises(UsageError) as caught:
        export(fixed, Target(tmp_path / "b.onnx", "onnx", 17))
    assert str(caught.value) == (
        "b.onnx: --tile is 17; the network gives back heights that are a multiple of 2, widths of "
        "16 pixels only."
    )
    assert left(tmp_path) == ["a.onnx"]


def test_all_files_are_replaced_or_none(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(tmp_path / "a.pt", "torch", overwrite=True)
    target.path.write_text("before")

    def write(trained: Trained, file: Path, module: Path) -> list[str]:
        file.write_text("after")
        module.write_text("after")
        target.source.mkdir()  # which no file can replace
        return []

    monkeypatch.setattr(torch_file, "write", write)
    with pytest.raises(UsageError) as caught:
        export(tiny, target)
    assert str(caught.value) == f"{target.source}: is a folder. Name a file in it."
    assert target.path.read_text() == "before"
    assert left(tmp_path) == ["a.pt", "a_model.py"]


def test_a_file_that_has_come_to_be_there_stays(
    tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(tmp_path / "a.pt", "torch")

    def write(trained: Trained, file: Path, module: Path) -> list[str]:
        file.write_text("mine")
        module.write_text("mine")
        target.source.write_text("theirs")
        return []

    monkeypatch.setattr(torch_file, "write", write)
    with pytest.raises(UsageError) as caught:
        export(tiny, target)
    assert str(caught.value) == (
        f"{target.source}: is there already. Use another name, or --overwrite."
    )
    assert left(tmp_path) == ["a_model.py"]
    assert target.source.read_text() == "theirs"


def test_a_folder_that_cannot_be_written(tiny: Trained, tmp_path: Path) -> None:
    target = Target(tmp_path / "gone" / "a.safetensors", "safetensors")
    with pytest.raises(WriteError) as caught:
        export(tiny, target)
    assert str(caught.value) == (f"{target.path}: cannot be written: No such file or directory.")


def test_a_layer_of_no_torch_reference(tiny: Trained, tmp_path: Path) -> None:
    silent = [
        replace(item, entry=replace(item.entry, torch_reference=""))
        if item.entry.name == "relu"
        else item
        for item in tiny.registry
    ]
    other = replace(tiny, registry=type(tiny.registry)(silent))
    with pytest.raises(PluginError) as caught:
        export(other, Target(tmp_path / "a.pt", "torch"))
    assert str(caught.value) == (
        f"arch.toml:14:1: layers[1]: layer 'relu' of zoo {version('zoo')} names no torch "
        "reference. Use --to safetensors, or name a function as its entry's torch_reference."
    )
    assert left(tmp_path) == []
