"""Batches through a network one after the other; a GPU computes the next while one is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

Work = TypeVar("Work")


def outputs_of(
    network: Callable[[Tensor], Tensor],
    works: Iterable[Work],
    images_of: Callable[[Work], Tensor],
    device: torch.device,
    dtype: torch.dtype,
) -> Iterator[tuple[Work, Tensor]]:
    """Each work with the network's output for its images, in order.

    A GPU copies and computes by itself, in the order in which it was asked. So the next batch is
    asked for before an output is waited for, and images are read and written while it computes.

    Args:
        network: (N, C, H, W) -> (N, C, H, W), on the device.
        works: what there is to do.
        images_of: the images of a work, (N, C, H, W), on any device and of any float type.
        device, dtype: the network's.
    """
    if device.type != "cuda":
        for work in works:
            yield work, network(images_of(work).to(device, dtype))
        return
    asked: list[tuple[Work, _Arriving]] = []
    for work in works:
        images = images_of(work)
        to_memory = images.device.type == "cpu"
        if to_memory:
            images = images.pin_memory()
        output = network(images.to(device, dtype, non_blocking=True))
        asked.append((work, _Arriving(output, to_memory)))
        if len(asked) > 1:
            first, arriving = asked.pop(0)
            yield first, arriving.output()
    for work, arriving in asked:
        yield work, arriving.output()


class _Arriving:
    """An output of a GPU on its way.

    Args:
        output: on the GPU, perhaps not computed yet.
        to_memory: whether it is wanted in the computer's memory.
    """

    def __init__(self, output: Tensor, to_memory: bool) -> None:
        if to_memory:
            there = torch.empty(output.shape, dtype=output.dtype, pin_memory=True)
            self._output = there.copy_(output, non_blocking=True)
        else:
            self._output = output.clone()  # the next batch may be computed into the same memory
        self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._event.record(torch.cuda.current_stream(output.device))

    def output(self) -> Tensor:
        """The output, once it is there."""
        self._event.synchronize()
        return self._output
