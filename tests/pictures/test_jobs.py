from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo.errors import DataError, UsageError
from zoo.pictures.jobs import STANDARD, Job, Outputs, plan_extra, plan_jobs


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"")


def plan(*inputs: str, out: str | None = None, **options: object) -> list[tuple[str, str]]:
    jobs = plan_jobs(list(map(Path, inputs)), Outputs(out, ".denoised", **options))  # type: ignore[arg-type]
    return [(str(job.source), str(job.target)) for job in jobs]


def refused(*inputs: str, out: str | None = None, **options: object) -> str:
    with pytest.raises(UsageError) as error:
        plan(*inputs, out=out, **options)
    return str(error.value)


def test_outputs_beside_their_inputs() -> None:
    assert plan("a.png", "b/c.JPG", "stack.ome.tif", "no_ending") == [
        ("a.png", "a.denoised.png"),
        ("b/c.JPG", "b/c.denoised.JPG"),
        ("stack.ome.tif", "stack.denoised.ome.tif"),
        ("no_ending", "no_ending.denoised"),
    ]


def test_a_folder_is_walked_and_its_structure_kept() -> None:
    touch("in/b.png", "in/a.jpeg", "in/deep/er/c.tif", "in/notes.txt", "in/.hidden.png")
    touch("in/.git/d.png", "in/b.denoised.png")
    assert plan("in", out="out") == [
        ("in/a.jpeg", "out/a.jpeg"),
        ("in/b.png", "out/b.png"),
        ("in/deep/er/c.tif", "out/deep/er/c.tif"),
    ]
    assert [target for _, target in plan("in", overwrite=True)] == [
        "in/a.denoised.jpeg",
        "in/b.denoised.png",
        "in/deep/er/c.denoised.tif",
    ]


def test_the_folder_of_the_outputs_is_not_walked() -> None:
    touch("in/a.png", "in/out/a.png")
    assert plan("in", out="in/out", skip_existing=True) == [("in/a.png", "in/out/a.png")]


def test_one_file_into_a_file_or_into_a_folder() -> None:
    assert plan("a.png", out="b.webp") == [("a.png", "b.webp")]
    assert plan("a.png", out="new/") == [("a.png", "new/a.png")]
    assert plan_jobs([Path("a.png")], Outputs("b.webp", ""))[0].format == "WEBP"


def test_another_format_has_its_ending() -> None:
    assert plan("a.png", "b.jpeg", "c.ome.tif", format="JPEG") == [
        ("a.png", "a.denoised.jpg"),
        ("b.jpeg", "b.denoised.jpeg"),
        ("c.ome.tif", "c.denoised.jpg"),
    ]


def test_the_standard_streams() -> None:
    assert plan("-") == [("-", "-")]
    assert plan("-", out="a.png") == [("-", "a.png")]
    assert plan("a.png", out="-") == [("a.png", "-")]
    assert plan_jobs([STANDARD], Outputs(None, "", "PNG")) == [Job(STANDARD, STANDARD, "PNG")]


def test_a_file_that_is_named_twice_is_one() -> None:
    touch("in/a.png")
    assert plan("in/a.png", "in") == [("in/a.png", "in/a.denoised.png")]


def test_outputs_that_are_there() -> None:
    touch("in/a.png", "in/b.png", "in/c.png", "out/a.png", "out/c.png")
    assert refused("in", out="out") == (
        "out/a.png: is there already, as is 1 more. "
        "Use --skip-existing to go on without it, or --overwrite."
    )
    jobs = plan_jobs([Path("in")], Outputs("out", ".denoised", skip_existing=True))
    assert [job.done for job in jobs] == [True, False, True]
    jobs = plan_jobs([Path("in")], Outputs("out", ".denoised", overwrite=True))
    assert [job.done for job in jobs] == [False, False, False]
    assert refused("a.png", overwrite=True, skip_existing=True) == (
        "--overwrite and --skip-existing: choose one of them."
    )


def test_a_broken_link_is_there_too() -> None:
    touch("a.png")
    Path("a.denoised.png").symlink_to("nowhere")
    assert refused("a.png").startswith("a.denoised.png: is there already.")


def test_collisions() -> None:
    touch("x/a.png", "y/a.png", "file.png")
    Path("dir.png").mkdir()
    assert refused("x", "y", out="out") == (
        "out/a.png: would be the output of y/a.png and of x/a.png. Use a command for each."
    )
    assert refused("a.png", "a.jpg", format="WEBP") == (
        "a.denoised.webp: would be the output of a.jpg and of a.png. Use a command for each."
    )
    assert refused("x", out="x", overwrite=True) == (
        "x/a.png: would be the output of x/a.png, and is an input. Use another output."
    )
    assert refused("a.png", out="x") == (
        "x: is a folder, and the input is one file. Use x/ to write into it."
    )
    assert refused("a.png", "b.png", out="file.png") == (
        "file.png: is a file, and several pictures need a folder."
    )
    assert refused("x/dir.png", "b.png", out=".", overwrite=True) == (
        "dir.png: would be the output of x/dir.png, and is a folder. Use another output."
    )
    assert refused("-", "a.png") == (
        "-: stands for the standard input, which must be the only input."
    )
    assert refused("-", out="x/") == "x: is a folder. Use a file for the standard input."
    assert refused("x", out="-") == "-o -: the standard output takes one picture. Use a folder."
    assert refused("a.png", out="b") == (
        "b: its ending is not a picture's. Use one of .png, .jpg, .jpeg, .jpe, .jfif, .tif, .tiff, "
        ".bmp, .webp, or b/ for a folder."
    )
    assert refused("a.png", out="b.png", format="JPEG") == (
        "b.png: its ending is not one of JPEG. Use the same for both."
    )


def test_outputs_among_the_inputs_are_left_out() -> None:
    touch("a.png", "a.denoised.png", "b.denoised.png")
    jobs = plan("a.png", "a.denoised.png", "b.denoised.png", overwrite=True)
    assert jobs == [
        ("a.png", "a.denoised.png"),
        ("b.denoised.png", "b.denoised.denoised.png"),
    ]


def test_a_link_to_an_input_is_that_input() -> None:
    touch("a.png")
    Path("link.png").symlink_to("a.png")
    assert refused("a.png", out="link.png", overwrite=True) == (
        "link.png: would be the output of a.png, and is an input. Use another output."
    )


def test_folders_without_pictures() -> None:
    Path("in").mkdir()
    touch("in/notes.txt")
    with pytest.raises(DataError) as error:
        plan("in")
    assert str(error.value) == (
        "in: has no picture files. Their names end in .png, .jpg, .jpeg, .jpe, .jfif, .tif, .tiff, "
        ".bmp, .webp. Left out: 1 .txt (notes.txt)."
    )


def test_what_is_left_out_of_a_folder_is_said() -> None:
    touch("in/a.png", "in/a.denoised.png", "in/b.txt")
    said: list[str] = []
    jobs = plan_jobs([Path("in")], Outputs("out", ".denoised"), said.append)
    assert [str(job.source) for job in jobs] == ["in/a.png"]
    assert said == [
        "in: 1 picture file; left out: 1 .txt (b.txt); 1 of zoo's outputs (a.denoised.png)"
    ]


def test_names_that_cannot_be_printed_are_escaped() -> None:
    name = os.fsdecode(b"a\n\xff.png")
    touch(name)
    assert refused(name, out=name, overwrite=True) == (
        "a\\u000a\\udcff.png: would be the output of a\\u000a\\udcff.png, and is an input. "
        "Use another output."
    )


def test_a_further_file_harms_no_other() -> None:
    touch("a.png", "there.png")
    jobs = plan_jobs([Path("a.png")], Outputs(None, ".denoised"))
    plan_extra(Path("new.png"), jobs, Outputs(None, ""))
    plan_extra(Path("there.png"), jobs, Outputs(None, "", overwrite=True))
    for name, message in {
        "a.png": "a.png: is an input or an output. Use another name.",
        "a.denoised.png": "a.denoised.png: is an input or an output. Use another name.",
        "there.png": "there.png: is there already. Use another name, or --overwrite.",
        ".": ".: is a folder. Use the name of a file.",
    }.items():
        with pytest.raises(UsageError) as error:
            plan_extra(Path(name), jobs, Outputs(None, ""))
        assert str(error.value) == message
