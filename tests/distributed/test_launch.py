from __future__ import annotations

import pytest

from zoo.distributed.launch import Launch, launched, rank_of
from zoo.errors import UsageError

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "2",
}


def test_what_torchrun_says() -> None:
    assert launched(TORCHRUN) == Launch(3, 4, 1, 2, 2)
    assert rank_of(TORCHRUN) == 3


def test_a_process_by_itself() -> None:
    assert launched({}) is None
    assert launched({"WORLD_SIZE": "1", "RANK": "0"}) is None
    assert launched({"WORLD_SIZE": "8"}) is None
    assert rank_of({}) == 0


def test_one_process_of_torchrun_is_restarted_too() -> None:
    one = TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    assert launched(one) == Launch(0, 1, 0, 1, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"WORLD_SIZE": "two"}, 'WORLD_SIZE="two": no such number. Use 1 or more.'),
        ({"RANK": "4"}, 'RANK="4": no such number. Use 0 to 3.'),
        ({"LOCAL_WORLD_SIZE": "9"}, 'LOCAL_WORLD_SIZE="9": no such number. Use 1 to 4.'),
        ({"MASTER_PORT": "abc"}, 'MASTER_PORT="abc": no such number. Use 1 to 65535.'),
        ({"LOCAL_RANK": "-1"}, 'LOCAL_RANK="-1": no such number. Use 0 to 1.'),
    ],
)
def test_what_cannot_be(changed: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        launched(TORCHRUN | changed)
    assert str(error.value) == message
    assert rank_of(TORCHRUN | changed) == 0


def test_nowhere_to_meet() -> None:
    environment = {name: value for name, value in TORCHRUN.items() if name != "MASTER_PORT"}
    with pytest.raises(UsageError) as error:
        launched(environment)
    assert str(error.value) == (
        "WORLD_SIZE=4: MASTER_PORT is not set. Start zoo by torchrun, which sets it, or unset "
        "WORLD_SIZE for one process."
    )
