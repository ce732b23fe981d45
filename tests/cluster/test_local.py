"""A local cluster: files there and back, cells without a shared disk, lost workers, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.clusters import children, command_of
from zoo.cluster.cell_piece import Training
from zoo.cluster.cells import ClusterWorker, remove_spools
from zoo.cluster.connect import connected
from zoo.cluster.dispatch import Dispatcher
from zoo.cluster.links import LostWorkerError, WorkerLink
from zoo.cluster.remote import PART, Probe, files_of, progress_of, read_part
from zoo.cluster.transfer import fetch_folder, send
from zoo.cluster.workers import Workers, probe_in
from zoo.errors import DataError, Stopped
from zoo.sweep import Cell
from zoo.sweep.folder import open_sweep
from zoo.sweep.work import Outcome

# Stands for ``zoo run``: writes a run in two parts, and waits between them where it is told to.
RUNS = """
import json, os, sys, time
from pathlib import Path
text, run = Path(sys.argv[1]).read_text(), Path(sys.argv[3])
if text == "fails":
    print("photos: nothing there.", file=sys.stderr)
    sys.exit(4)
if not (run / "last.pkl").exists():
    (run / "last.pkl").write_bytes(bytes(9_000_000))
    (run / "metrics.jsonl").write_text('{"seconds": 1}\\n')
    print("warning: its first part", file=sys.stderr)
    if text == "waits":
        sys.stdin.read()
        sys.exit(143)
(run / "examples.png").write_bytes(b"")
result = {"psnr": 20, "psnr_of_mean_mse": 20, "ssim": None}
result["psnr_noisy"] = float(os.environ["ZOO_N"])
(run / "evaluation.json").write_text(json.dumps(result))
"""
TRAINING = Training(("-c", RUNS), ("--resume",), {"ZOO_N": "10"})


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The client of a cluster, which ends with it."""
    before = set(children(os.getpid()))
    with connected("local", 2) as client:
        (cluster,) = [it for it in children(os.getpid()) if it not in before]
        started = [cluster, *children(cluster)]
        assert "zoo.cluster.local" in command_of(cluster)
        yield client
    assert not any("zoo.cluster.local" in command_of(it) for it in started)


@pytest.fixture
def workers(client: Any, tmp_path: Path) -> Workers:
    """Those of the cluster, taken for ones that share no disk."""
    workers = Workers(client, "local", {}, print)
    workers.enter(None, tmp_path.name, None)
    return workers


@pytest.fixture
def link(workers: Workers) -> WorkerLink:
    return next(iter(workers.look().values()))


def cell(text: str) -> Cell:
    return Cell(f"{abs(hash(text)):016x}"[:16], text, 0)


def test_a_folder_goes_there_and_back_in_parts(link: WorkerLink, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "images").mkdir(parents=True)
    (source / "large").write_bytes(os.urandom(2 * PART + 5))
    (source / "images" / "whole part").write_bytes(os.urandom(PART))
    (source / "empty").write_bytes(b"")
    (source / "run.lock").write_bytes(b"whose")
    send(link, source, link.path("there"))
    target.mkdir()
    (target / "old").write_text("an older state")
    fetch_folder(link, link.path("there"), target)
    (source / "run.lock").unlink()
    found = files_of(str(target))
    assert found == files_of(str(source))
    assert all((source / name).read_bytes() == (target / name).read_bytes() for name, _ in found)
    assert not list(tmp_path.glob(".zoo-*"))


def test_a_worker_writes_nowhere_else(
    link: WorkerLink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorkerLink, "call", lambda *_: [("../outside", 1)])
    with pytest.raises(DataError) as caught:
        fetch_folder(link, "there", tmp_path / "target")
    assert str(caught.value) == f"{link.address}: names a file outside of its folder: ../outside."
    assert list(tmp_path.iterdir()) == []


def test_cells_come_back(workers: Workers, tmp_path: Path) -> None:
    folder = open_sweep(tmp_path / "sweep", 1, 1)
    good, bad = cell("trains"), cell("fails")
    outcomes: list[Outcome] = []
    ClusterWorker(folder, workers, TRAINING, outcomes.append).work([good, bad])
    found = {it.cell: it for it in outcomes}
    assert found[bad] == Outcome(bad, None, "photos: nothing there.", 4)
    result = found[good].result
    assert result is not None
    assert (result.psnr_noisy, result.remarks) == (10, ("its first part",))
    assert folder.failure(bad).read_text() == "photos: nothing there.\n"
    assert (folder.run(good) / "last.pkl").stat().st_size == 9_000_000
    links = list(workers.look().values())
    remove_spools(links)
    assert not any(Path(it.around.folder).exists() for it in links)
    assert not list(folder.path.glob("*.lock"))


def test_stopped_it_comes_back_as_far_as_it_is_and_goes_on(
    workers: Workers, tmp_path: Path
) -> None:
    folder = open_sweep(tmp_path / "sweep", 1, 1)
    waits = cell("waits")
    outcomes: list[Outcome] = []

    def interrupt() -> None:
        end = time.monotonic() + 30
        while not any(
            (Path(it.around.folder) / waits.name / "metrics.jsonl").exists()
            for it in workers.look().values()
        ):
            assert time.monotonic() < end
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        ClusterWorker(folder, workers, TRAINING, outcomes.append).work([waits])
    thread.join()
    assert outcomes == []
    assert progress_of(str(folder.path), [waits.name]) == {waits.name: 1}
    assert not list(folder.path.glob("*.lock"))
    ClusterWorker(folder, workers, TRAINING, outcomes.append).work([waits])
    (outcome,) = outcomes
    assert outcome.result is not None
    assert outcome.result.remarks == ("its first part",)  # of the log that was sent along


def test_a_lost_worker_is_named_and_its_run_goes_to_another(client: Any, tmp_path: Path) -> None:
    said: list[str] = []
    workers = Workers(client, "local", {}, said.append)
    workers.enter(None, tmp_path.name, None)
    outcomes: list[Outcome] = []
    folder, waits = open_sweep(tmp_path / "sweep", 1, 1), cell("waits")
    processes = {it.address: it.call(os.getpid) for it in workers.links}
    spools = {it.around.folder for it in workers.links}
    worker = ClusterWorker(folder, workers, TRAINING, outcomes.append)

    def kill() -> None:
        end = time.monotonic() + 30
        while not any((Path(it) / waits.name / "metrics.jsonl").exists() for it in spools):
            assert time.monotonic() < end
            time.sleep(0.1)
        (process,) = (it for it in processes.values() if children(it))
        os.kill(process, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    worker.work([waits])
    thread.join()
    assert [it.result is not None for it in outcomes] == [True]
    assert len(said) == 1
    address = said[0].removeprefix("worker ").removesuffix(": lost; its work goes to another")
    assert address in processes


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        (
            "local",
            "stopped at once: what was not saved is lost. The same command goes on from the last "
            "checkpoints",
        ),
        (
            "tcp://10.0.0.1:8786",
            "stopped at once: what did not come back is saved on the workers' hosts. The same "
            "command with this cluster goes on from it",
        ),
    ],
)
def test_a_second_signal_says_where_runs_are(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: str, message: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("work", "cancel"):
        monkeypatch.setattr(Dispatcher, name, interrupt)
    workers = Workers(client, cluster, {}, print)
    folder = open_sweep(tmp_path / "sweep", 1, 1)
    with pytest.raises(Stopped) as caught:
        ClusterWorker(folder, workers, TRAINING, print).work([])
    assert str(caught.value) == message


def test_a_shared_disk_is_found(client: Any, tmp_path: Path) -> None:
    with probe_in(tmp_path) as probe:
        for content, shared in ((probe.content, True), ("another", False)):
            asked = Probe(probe.name, content)
            workers = Workers(client, "local", {}, print)
            workers.enter(tmp_path, tmp_path.name, asked)
            assert {it.around.shared for it in workers.look().values()} == {shared}
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_client_has_left_is_removed(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from zoo.cluster.workers import probe_in\n"
    code += "with probe_in(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60)
    (left,) = tmp_path.iterdir()
    dead = left.read_text()
    with probe_in(tmp_path) as first, probe_in(tmp_path) as second:
        assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name}
        assert len({dead, first.content, second.content}) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_lost_worker_is_told_from_a_failure(link: WorkerLink) -> None:
    with pytest.raises(FileNotFoundError):
        link.call(read_part, "/nothing/there", 0)
    with pytest.raises(LostWorkerError):
        WorkerLink(Gone(), link.address, 1, link.around).call(read_part, "/nothing/there", 0)


class Gone:
    """A client of a cluster that has lost its workers."""

    status = "running"

    def run(self, *arguments: object, **options: object) -> None:
        raise OSError("no connection")

    def nthreads(self, **options: object) -> dict[str, int]:
        return {}
