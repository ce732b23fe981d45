"""Gradients summed in buckets while backward goes on: the same steps, the same end where one fails.

Buckets are small here, so that the networks can be.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from tests.distributed.ranks import ROOT, ended, ranks
from tests.distributed.test_equality import NORMALISED, SGD, TOLERANCE, distances, of_file

pytestmark = pytest.mark.usefixtures("plugins_of_networks")
SMALL = ("input.height=8", "input.width=8", "train.batch_size=4", "data.samples_per_epoch=10")
LARGE = ("input.height=32", "input.width=32", "train.batch_size=8", "data.samples_per_epoch=44")
IN_BUCKETS = {"MESSAGE_BYTES": str(2**13)}
IN_MICROBATCHES = {**IN_BUCKETS, "MICROBATCH_BYTES": str(2**18)}
GONE = (
    "rank 1: does not answer any more. Its process was killed or stopped, or its machine cannot "
    "be reached."
)
UNREACHABLE = "rank 0: cannot be reached any more. It has ended, or its machine has."


def told(folder: Path, number: int = 0) -> int:
    """How often rank 0's threads told of gradients of a network before backward had ended."""
    return int(torch.load(folder / f"{number}.pt")["told"])


def test_whatever_the_batches_are(tmp_path: Path) -> None:
    """Three ranks: of 4 images, of 2 so that one has none, with masks."""
    networks = [
        of_file("n2n_small", *SMALL),
        of_file("n2n_small", *SMALL, 'data.target="blind_spot"', "data.target.fraction=0.02"),
    ]
    found = distances(networks, 3, tmp_path, **IN_BUCKETS)
    assert {name: far for name, far in found.items() if far >= TOLERANCE} == {}
    assert min(told(tmp_path, 0), told(tmp_path, 1)) > 20


@pytest.mark.slow
@pytest.mark.parametrize(("count", "threads"), [(2, "1"), (2, "2"), (4, "1")])
def test_microbatches_of_threads(count: int, threads: str, tmp_path: Path) -> None:
    """The same bits each time; a network with statistics of the batch sums all at the end."""
    (tmp_path / "normalised.toml").write_text(NORMALISED)
    networks = [
        of_file("n2n_small", *LARGE),
        of_file("n2n_unet", *LARGE),
        f"{tmp_path}/normalised.toml:{';'.join((*LARGE, SGD))}",
    ]
    environment = {**IN_MICROBATCHES, "THREADS": threads}
    found = distances(networks, count, tmp_path, **environment)
    assert {name: far for name, far in found.items() if far >= TOLERANCE} == {}
    assert [told(tmp_path, number) > 20 for number in range(3)] == [True, True, False]
    (tmp_path / "0.pt").rename(tmp_path / "before.pt")
    distances(networks[:1], count, tmp_path, **environment)
    before, again = (torch.load(tmp_path / name) for name in ("before.pt", "0.pt"))
    assert all(before[name].equal(value) for name, value in again.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise", "rank 1: has ended: no more"),
        (str(int(signal.SIGKILL)), GONE),
        (str(int(signal.SIGSTOP)), GONE),
    ],
)
def test_a_rank_that_ends_between_two_buckets(how: str, message: str, tmp_path: Path) -> None:
    """The others name it, and end; one that is late may find rank 0 gone, which has the store."""
    arguments = ["-m", "tests.distributed.take_steps", tmp_path, of_file("n2n_small", *SMALL)]
    environment = {**IN_BUCKETS, "ZOO_PLUGINS": "", "TIMEOUT": "15"}
    with ranks(3, arguments, ROOT, {1: {"END": how}}, **environment) as started:
        first, third = ended(started, but=[1])
    for result, messages in ((first, [message]), (third, [message, UNREACHABLE])):
        _, _, line = result.err.splitlines()[-1].rpartition("zoo.errors.RankError: ")
        assert line in messages
        assert result.code == 1
