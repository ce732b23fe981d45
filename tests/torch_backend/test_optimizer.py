"""What is said of a torch reference that keeps other tensors than the optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from zoo.errors import PluginError
from zoo.optim import SGD, Adam
from zoo.optim.optimizer import Optimizer
from zoo.torch_backend.optimizer import TorchOptimizer

Make = Callable[[Sequence[torch.nn.Parameter]], torch.optim.Optimizer]


@pytest.mark.parametrize(
    ("own", "make", "words"),
    [
        (
            SGD,
            lambda parameters: torch.optim.Adagrad(parameters),
            "keeps sum of each parameter; the optimizer keeps nothing",
        ),
        (
            Adam,
            lambda parameters: torch.optim.SGD(parameters, lr=0.1),
            "keeps nothing of each parameter; the optimizer keeps exp_avg, exp_avg_sq",
        ),
        (
            Adam,
            lambda parameters: torch.optim.Adafactor(parameters),
            "keeps row_var, col_var of each parameter; the optimizer keeps exp_avg, exp_avg_sq",
        ),
    ],
    ids=["more", "less", "others"],
)
def test_other_tensors(own: type[Optimizer], make: Make, words: str) -> None:
    parameters = [torch.nn.Parameter(torch.ones(3, 2))]
    params = [(torch.ones(3, 2), torch.zeros(3, 2))]
    with pytest.raises(PluginError) as error:
        TorchOptimizer(own(params, lr=0.1), make, parameters, "optimizer 'own' of zoo-own 1.0")
    assert str(error.value) == (
        f"optimizer 'own' of zoo-own 1.0: its torch reference {words}. Give the state the names "
        "and shapes of torch.optim's."
    )
    assert parameters[0].tolist() == torch.ones(3, 2).tolist()  # what is tried is not trained


def test_the_schedules_learning_rate_is_used() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    params = [(parameter.data, torch.zeros(2))]
    optimizer = TorchOptimizer(
        SGD(params, lr=1.0), lambda them: torch.optim.SGD(them, lr=1.0), [parameter], "sgd"
    )
    parameter.grad = torch.ones(2)
    for lr in (0.5, 0.25):
        optimizer.lr = lr
        optimizer.step()
    assert parameter.tolist() == [-0.75, -0.75]
    assert (optimizer.state_dict()["lr"], optimizer.state_dict()["step"]) == (0.25, 2)
