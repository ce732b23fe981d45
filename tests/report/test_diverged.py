from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from zoo.report.diverged import Diverged, read_diverged

KEPT = {
    **{"step": 7, "epoch": 2, "lr": 0.5, "device": "cpu", "what": "output", "when": "forward"},
    **{"layer": "2", "name": "", "cause": "Use a smaller learning rate."},
    "layers": [{"name": "2", "type": "conv2d", "file": "a.toml", "line": 3, "column": 1}],
    "loss": torch.tensor(1.0, dtype=torch.float64),
}


def written(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def test_what_it_says(tmp_path: Path) -> None:
    state = {"0.weight": torch.zeros(2, 2), "1.bias": torch.ones(3)}
    path = written(tmp_path / "diverged.pkl", {"format": 1, "model": state, "diverged": KEPT})
    found = read_diverged(path)
    assert found == Diverged(7, 2, 0.5, "2 (conv2d)", "output", "Use a smaller learning rate.")
    assert found.sentence == (
        "The run diverged at step 7 (epoch 2, lr 0.5): layer 2 (conv2d): its output is not finite, "
        "the first that is not. Use a smaller learning rate."
    )


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "diverged.pkl"
    assert read_diverged(path) is None
    path.write_bytes(b"nothing")
    assert read_diverged(path) == Diverged()
    assert read_diverged(written(path, {"format": 1})) == Diverged()
    odd = read_diverged(written(path, {"diverged": {"step": "<b>", "layers": 3}}))
    assert odd is not None
    assert odd.sentence == Diverged().sentence == "The run diverged: see diverged.pkl."


class Command:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


def test_no_code_in_it_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "run"
    for content in (Command(marker), {"diverged": Command(marker)}, {"diverged": KEPT}):
        path = tmp_path / "diverged.pkl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
        read_diverged(path)
    assert not marker.exists()


def test_what_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "diverged.pkl"
    far = b"\x80\x02}r" + (2**31 - 1).to_bytes(4, "little") + b"."  # a memo of 16 GB
    large = b"\x80\x05\x96" + (2**34).to_bytes(8, "little") + b"."
    for content in (far, large, bytes(2**23)):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", content)
        assert read_diverged(path) == Diverged()
