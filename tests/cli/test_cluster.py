"""``zoo sweep`` and ``zoo denoise`` on clusters as a user starts them, and ``--shard``."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.links import ADDRESSES, has_namespaces, link
from tests.cli.sweeps import rows_of
from tests.cluster.clusters import (
    children,
    command_of,
    of_worker,
    scheduler,
    wait_for,
    wait_for_workers,
    worker,
)
from zoo.cluster.remote import SPOOLS

PLAN = """
format = 1
architecture = "tiny.toml"
seeds = [0]
set = { data.samples_per_epoch = 400, train.checkpoint_every.steps = 20 }
grid = { layers.0.out_channels = [2, 3, 4, 5] }
"""
ONE = 'format = 1\narchitecture = "tiny.toml"\nseeds = [0, 1]\nset.train.epochs = 1\n'
HIDES = """
import importlib.metadata as metadata
found = metadata.version
def version(name):
    if name == "zoo-descent":
        raise metadata.PackageNotFoundError(name)
    return found(name)
metadata.version = version
"""
ALLOWED = (
    "Use local, the address of a scheduler as tcp://HOST:8786 or tls://HOST:8786, or its "
    "scheduler file."
)
NO_FILE = "is no scheduler file: it is no JSON object with an address as tcp://HOST:8786."
NO_FILES = (b"", b"{}", b"[]", b"\xff\x00\x9d", b'{"address": 5}', b'{"address": "tcp://"}')
NO_ADDRESSES = (
    *("tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:abc", "tcp://127.0.0.1:99999"),
    *("ucx://x", "inproc://x", "http://127.0.0.1:8786"),
)
Process = Callable[..., Any]


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "one.toml").write_text(ONE)
    (tmp_path / "tiny.toml").write_text((base / "tiny.toml").read_text())
    (tmp_path / "photos").symlink_to(base / "photos")
    return tmp_path


def test_shards_train_their_parts(folder: Path, process: Process) -> None:
    """In folders of their own, which are put together, the table is made by the last."""
    first = process("sweep", "one.toml", "-o", "first", "--shard", "1/2", "--json", cwd=folder)
    assert first.code == 0
    assert "sweep: first: 1 of 2 runs left in shard 1/2, 1 at once" in first.err
    assert "1 of 2 runs are not finished: other shards train them" in first.err
    assert [row["n"] for row in rows_of(first.out) if row["values"]] == []
    shutil.copytree(folder / "first", folder / "all")
    second = process("sweep", "one.toml", "-o", "all", "--shard", "2/2", "--json", cwd=folder)
    assert (second.code, [row["n"] for row in rows_of(second.out)]) == (0, [2])
    assert "not finished" not in second.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *(
            (("--shard", text), f"is {what}. Use 1/4 to 4/4 for four shards, of 999999999 at most.")
            for text, what in (("3/2", "3/2"), ("", "empty"), ("1/1000000000", "1/1000000000"))
        ),
        (
            ("--cluster", "tcp://127.0.0.1:8786", "--jobs", "2"),
            "--jobs 2: is of this machine, and --cluster tcp://127.0.0.1:8786 runs as many at "
            "once as its workers have threads. Leave it out.\n",
        ),
        *(
            (("--cluster", text), f"--cluster{' ' * bool(text)}{text}: {what} {ALLOWED}\n")
            for text, what in (
                ("", "is empty."),
                ("Local", "there is no such file."),
                (".", "is a folder."),
                ("tiny.toml", NO_FILE),
                *((f"{number}.json", NO_FILE) for number in range(len(NO_FILES))),
                *((address, "is no address of a scheduler.") for address in NO_ADDRESSES),
            )
        ),
        (
            ("--cluster", "tls://127.0.0.1:8786"),
            "--cluster tls://127.0.0.1:8786: needs certificates, and Dask has none here. Name "
            "them in DASK_DISTRIBUTED__COMM__TLS__CA_FILE and its companions, as Dask's page on "
            "TLS says.\n",
        ),
    ],
)
def test_what_is_refused(
    folder: Path,
    cli: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", "")
    for number, content in enumerate(NO_FILES):
        (folder / f"{number}.json").write_bytes(content)
    result = cli("sweep", "one.toml", "-o", "sweep", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert len(result.err.splitlines()) == 1 or "--shard" in arguments
    assert not (folder / "sweep").exists()


def test_what_listens_may_be_no_scheduler(
    folder: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never answers; it is said in time, and nothing is written."""
    monkeypatch.setenv("ZOO_PLUGINS", "")
    monkeypatch.setattr("zoo.cluster.connect.TIMEOUT", 1)
    shutil.copy(next((folder / "photos").iterdir()), folder / "picture.png")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        for words in (("sweep", "one.toml", "-o", "out"), ("denoise", "run", "picture.png")):
            begun = time.monotonic()
            result = cli(*words, "--cluster", address)
            assert (result.code, result.out, result.err) == (
                2,
                "",
                f"--cluster {address}: no scheduler answers: nothing within 1 s. Start one with "
                "'dask scheduler', and name it here.\n",
            )
            assert time.monotonic() - begun < 20
    assert not (folder / "out").exists()


def test_a_cluster_takes_files(cli: Callable[..., Any]) -> None:
    for words in (("--self", "a.png"), ("run", "-"), ("run", "a.png", "--compare", "b.png")):
        result = cli("denoise", *words, "--cluster", "local")
        assert (result.code, result.err) == (
            2,
            "--cluster: sends files. Leave --self, --compare and the standard streams out.\n",
        )


@pytest.mark.slow
def test_a_worker_killed_twice_changes_no_table(folder: Path, process: Process) -> None:
    common = ("sweep", "plan.toml", "--threads", "1", "--json")
    expected = process(*common, "-o", "plain", "--jobs", "2", cwd=folder)
    own = folder / "cluster"
    own.mkdir()
    with scheduler(own) as file, worker(file, "a") as nanny, worker(file, "b"):
        command = (sys.executable, "-m", "zoo", *common, "-o", "sweep", "--cluster", str(file))
        client = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "ZOO_PLUGINS": "", "CUDA_VISIBLE_DEVICES": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2):
            killed, training = wait_for_training(nanny)
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda pid=training: not command_of(pid))  # type: ignore[misc]  # the loop's
        out, err = client.communicate(timeout=120)
    assert client.returncode == 0
    assert rows_of(out) == rows_of(expected.out)
    assert "2 workers, 2 runs at once; this disk is shared by 2" in err
    lost = re.findall(r"worker tcp://127\.0\.0\.1:\d+: lost; its work goes to another", err)
    assert len(lost) == len(set(lost)) == 2
    assert not list(folder.glob("sweep/.zoo-*"))


@pytest.mark.slow
def test_workers_that_do_not_fit_are_named(folder: Path, process: Process) -> None:
    other, hides = folder / "other", folder / "hides"
    (other / "zoo-0.0.9.dist-info").mkdir(parents=True)
    (other / "zoo-0.0.9.dist-info" / "METADATA").write_text("Name: zoo\nVersion: 0.0.9\n")
    hides.mkdir()
    (hides / "sitecustomize.py").write_text(HIDES)
    arguments = ("sweep", "one.toml", "-o", "sweep", "--cluster")
    for path, code, what in (
        (other, 2, "zoo is 0.0.9 there, and 0.1.0 here"),
        (hides, 3, "the plugin zoo-descent 0.1.0 is not installed there"),
    ):
        with (
            scheduler(path) as file,
            worker(file, "good"),
            worker(file, "bad", environment={"PYTHONPATH": str(path)}),
        ):
            wait_for_workers(file, 2)
            result = process(*arguments, str(file), cwd=folder, ZOO_PLUGINS="zoo-descent")
        assert result.code == code
        (line,) = result.err.splitlines()
        assert line.startswith(f"--cluster {file}: tcp://127.0.0.1:")
        assert line.endswith(f": {what}. Install the same on every worker.")
        assert not (folder / "sweep").exists()
        assert not (path / SPOOLS).exists()


@pytest.mark.slow
@pytest.mark.skipif(not has_namespaces(), reason="needs root and iproute2")
def test_a_machine_without_the_disk(base: Path, folder: Path, process: Process) -> None:
    """Its runs come back whole, and nothing of them stays there."""
    own = folder / "cluster"
    own.mkdir()
    (folder / "work").mkdir()
    for name in ("one.toml", "tiny.toml"):
        shutil.move(folder / name, folder / "work")
    hides = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', folder / "work")
    arguments = ("sweep", "one.toml", "-o", "sweep", "--data", base / "photos", "--json")
    expected = process(*arguments, "--threads", "1", cwd=folder / "work", ZOO_PLUGINS="")
    shutil.move(folder / "work" / "sweep", folder / "plain")
    with (
        link(1) as between,
        scheduler(own, ADDRESSES[0], between.prefixes[0]) as file,
        worker(file, "far", prefix=(*between.prefixes[1], *map(str, hides))),
    ):
        client = subprocess.run(
            [*between.prefixes[0], sys.executable, "-m", "zoo", *arguments, "--cluster", file],
            cwd=folder / "work",
            env={**os.environ, "ZOO_PLUGINS": "", "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    assert client.returncode == 0, client.stderr
    assert "1 worker, 1 run at once; this disk is shared by 0" in client.stderr
    assert rows_of(client.stdout) == rows_of(expected.out)
    found, plain = (
        sorted(it.relative_to(path) for it in path.rglob("*") if it.is_file())
        for path in (folder / "work" / "sweep", folder / "plain")
    )
    assert found == plain
    assert not list((own / SPOOLS).glob("*/*"))


@pytest.mark.slow
def test_pictures_are_the_same_as_without(base: Path, folder: Path, process: Process) -> None:
    trained = process("run", "tiny.toml", "--epochs", "1", "--out", "run", cwd=folder)
    assert trained.code == 0
    pictures = folder / "pictures"
    for number in range(12):
        target = pictures / str(number % 3) / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sorted((base / "photos").glob("*.png"))[number % 3], target)
    (pictures / "0" / "bad.png").write_text("no picture")
    arguments = ("denoise", "run", "pictures", "--device", "cpu", "--json", "-o")
    plain = process(*arguments, "plain", cwd=folder)
    cluster = process(*arguments, "sent", "--cluster", "local", cwd=folder)
    assert (plain.code, cluster.code) == (4, 4)
    found = [path.relative_to(folder / "plain") for path in (folder / "plain").rglob("*.png")]
    assert len(found) == 12
    for path in found:
        assert (folder / "sent" / path).read_bytes() == (folder / "plain" / path).read_bytes()
    assert records(cluster.out, "sent") == records(plain.out, "plain")


def records(text: str, out: str) -> Any:
    found = json.loads(text.replace(f'"{out}/', '"out/'))
    for record in found:
        record.pop("seconds", None)
    return found


def wait_for_training(nanny: int) -> tuple[int, int]:
    """The process of a nanny's worker, and that of the run that it trains."""

    def look() -> list[tuple[int, int]]:
        return [
            (it, child)
            for it in of_worker(nanny)
            for child in children(it)
            if "sweep_cell" in command_of(child)
        ]

    found: list[tuple[int, int]] = wait_for(look)
    time.sleep(2)  # until it has begun, more or less
    return found[0]
