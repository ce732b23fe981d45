from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo.errors import DataError
from zoo.pictures.folders import find_pictures

ENDINGS = ".png, .jpg, .jpeg, .jpe, .jfif, .tif, .tiff, .bmp, .webp"


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder: Path, out: Path | None = None) -> tuple[list[str], str]:
    """The pictures, and what was left out."""
    result = find_pictures(folder, out)
    count = f"{len(result.pictures)} picture file{'s' * (len(result.pictures) > 1)}"
    names = [path.relative_to(folder).as_posix() for path in result.pictures]
    return names, result.remark.removeprefix(f"{folder}: {count}; left out: ")


def test_pictures_are_found_in_the_order_of_their_relative_paths(tmp_path: Path) -> None:
    touch(tmp_path, "b.PNG", "a/z.jpeg", "a.tif", "c.webp", "d.jfif", "D.JPE")
    assert found(tmp_path) == (["D.JPE", "a.tif", "a/z.jpeg", "b.PNG", "c.webp", "d.jfif"], "")


def test_what_is_left_out_is_counted_by_its_reason(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", ".hidden.png", ".git/x.png", "notes.txt", "b/c.TXT", "raw.cr2", "none")
    touch(tmp_path, *(f"{number}.gif" for number in range(5)))
    assert found(tmp_path) == (
        ["a.png"],
        "1 .cr2 (raw.cr2); 5 .gif (0.gif, 1.gif, 2.gif and 2 more); 2 .txt (b/c.TXT, notes.txt); "
        "2 hidden (.git, .hidden.png); 1 without a suffix (none)",
    )


def test_what_other_programs_leave_beside_pictures(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "@eaDir/a.png/SYNO_THUMB_M.jpg", "b/@eaDir/c.jpg")
    touch(
        tmp_path,
        ".thumbnails/a.png",
        "._a.png",
        "Thumbs.db",
        ".DS_Store",
        "__MACOSX/a.png",
        "b/#recycle/old.png",
    )
    assert found(tmp_path) == (
        ["a.png"],
        "8 of other programs (.DS_Store, ._a.png, .thumbnails and 5 more)",
    )


def test_the_folders_of_runs_and_outputs_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "runs/x/architecture.toml", "runs/x/environment.json")
    touch(tmp_path, "runs/x/examples.png", "moved/architecture.toml", "moved/best.pkl")
    touch(tmp_path, "moved/examples.png", "mine/architecture.toml", "mine/b.png")
    touch(tmp_path, "a.denoised.png", "c.denoised.ome.tif", "e/f.noisy.png", "e/f.clean.png")
    touch(tmp_path, "e/f.denoised.png", "e/g.noisy.png", "e/g.second.png", "noisy.png")
    assert found(tmp_path) == (
        ["a.png", "e/g.noisy.png", "e/g.second.png", "mine/b.png", "noisy.png"],
        "1 .toml (mine/architecture.toml); "
        "5 of zoo's outputs (a.denoised.png, c.denoised.ome.tif, e/f.clean.png and 2 more); "
        "2 of zoo's runs (moved, runs/x)",
    )


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    photos, other = tmp_path / "photos", tmp_path / "other"
    touch(photos, "a.png", "deep/b.png")
    touch(other, "c.png", "more/d.png")
    (photos / "a link").symlink_to(other)
    (photos / "deep/again").symlink_to(other / "more")
    (photos / "itself").symlink_to(photos / "deep")  # found under its own name
    (photos / "deep/cycle").symlink_to(photos)
    (other / "back").symlink_to(photos)
    (photos / "above").symlink_to(tmp_path)
    (photos / "nowhere.png").symlink_to("gone.png")  # is refused when it is read
    (photos / "loop").symlink_to("loop")
    (photos / "e.png").symlink_to(other / "c.png")
    assert found(photos) == (
        ["a link/c.png", "a link/more/d.png", "a.png", "deep/b.png", "e.png", "nowhere.png"],
        "1 linked to a folder above (above); "
        "4 there already, or the output folder (deep/again, deep/cycle, itself and 1 more); "
        "1 without a suffix (loop)",
    )
    (tmp_path / "link").symlink_to(photos)
    assert len(found(tmp_path / "link")[0]) == 6


def test_the_folder_of_outputs_is_left_out_unless_it_is_the_folder_itself(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "out/b.png")
    (tmp_path / "link").symlink_to("out")
    assert found(tmp_path, tmp_path / "out") == (
        ["a.png"],
        "2 there already, or the output folder (out, link)",
    )
    assert found(tmp_path, tmp_path)[0] == ["a.png", "out/b.png"]
    assert found(tmp_path, tmp_path / "new")[0] == ["a.png", "out/b.png"]


def test_a_folder_under_a_hidden_folder_is_searched(tmp_path: Path) -> None:
    touch(tmp_path, ".cache/@eaDir/a.bmp")
    assert found(tmp_path / ".cache/@eaDir") == (["a.bmp"], "")


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    touch(tmp_path, "file.png", "empty/notes.txt", "run/architecture.toml", "run/last.pkl")
    no_pictures = f"has no picture files. Their names end in {ENDINGS}."
    cases = {
        "missing": "no such folder. Give a folder of images.",
        "file.png": "not a folder. Give a folder of images.",
        "empty": f"{no_pictures} Left out: 1 .txt (notes.txt).",
        "run": f"{no_pictures} Left out: 1 of zoo's runs (.).",
    }
    for name, expected in cases.items():
        with pytest.raises(DataError) as caught:
            find_pictures(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}: {expected}"


def test_an_unreadable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)  # root may read any folder, so chmod would not do
    with pytest.raises(DataError) as caught:
        find_pictures(tmp_path)
    assert str(caught.value) == f"{tmp_path}: permission denied. Give a folder of images."


def test_names_that_cannot_be_printed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).touch()
    touch(tmp_path, "a.png")
    assert found(tmp_path) == (["a.png"], "1 .txt (caf\\udce9.txt)")
