"""A training step's passes captured once, and replayed; on a GPU as a CUDA graph.

Small images are launch-bound on a large GPU: Python needs longer to start the kernels of a step
than the GPU to run them. A graph starts all of them at once. It is a recording of kernels and
addresses, so it is right only while the same kernels are wanted on the same memory:

- inputs are copied to where they were when it was captured; each batch shape has its own graph;
- tensors of the model must stay where they are, and each layer in its mode;
- numbers and decisions of the host are frozen in it. The learning rate and Adam's corrections
  change in each step, so the update is not captured: with multi-tensor operations it is one kernel
  for SGD and seven for Adam, which are started while the graph still runs.

Capturing executes nothing. A graph is used only after its results were compared with those of the
ordinary step for the same batch; where they differ, or the work cannot be captured, steps stay
ordinary ones, and a warning says why.

What captures is a recorder: :class:`zoo.engine.capture.cuda_graphs.CudaGraphs`, or on a CPU
:class:`zoo.engine.capture.cpu_recorder.CpuRecorder`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import is_

import torch
from torch import Tensor

from zoo.engine.capture.recorder import Milestone, Recorder, TooLargeError
from zoo.engine.network import AnyNetwork
from zoo.malloc import give_back_freed_memory
from zoo.nn.module import Module

# Steps of a batch shape before it is captured: the first calls of libraries allocate memory and
# choose algorithms, which a graph must not contain. A last batch of an epoch that is smaller comes
# once in an epoch, so that it is captured only in runs that are long enough.
WARM_UP = 3
MAX_GRAPHS = 4  # each keeps the memory of its own step
TOLERANCE = 1e-2  # relative to the largest value; sums that race for their order stay far below

Work = Callable[..., Tensor]


class GraphedCallable:
    """Calls ``work`` at first, then replays what was captured of it.

    Args:
        work: computes a tensor from tensors, and in training fills the gradients of the model.
        network: what computes.
        recorder: how to capture.
        loss: may not keep numbers of its own either.
        warn: called once with the reason, if work is not captured.
        training: in which mode of the model; in the other one it just calls ``work``.
        all_agree: of ranks that wait for each other, whether all say yes; they are called, and so
            captured, in step.
        milestones: what replays call on the way, asked for each recording; the ordinary call and
            the replay that is compared with it call none.
    """

    def __init__(
        self,
        work: Work,
        network: AnyNetwork,
        recorder: Recorder,
        loss: object = None,
        *,
        warn: Callable[[str], object] = lambda message: None,
        training: bool = True,
        all_agree: Callable[[bool], bool] = bool,
        milestones: Callable[[], Sequence[Milestone]] = tuple,
    ) -> None:
        self._all_agree = all_agree
        self._milestones = milestones
        self._work = work
        self._network = network
        self._model = network.model
        self._objects = (*network.modules(), loss)
        self._recorder = recorder
        self._warn = warn
        self._training = training
        self._declined = False
        self._too_large: set[object] = set()
        self._seen: dict[object, int] = {}
        self._graphs: dict[object, _Graph] = {}
        self._modules = list(self._model.modules())
        self._owned = [
            (module.parameters, module.buffers)
            for module in self._modules
            if module.parameters or module.buffers
        ]
        self._own_tensors = self._all_tensors()

    def __call__(self, *inputs: Tensor) -> Tensor:
        """``work(*inputs)``; the result is a tensor of its own."""
        if self._declined or self._model.training is not self._training:
            return self._work(*inputs)
        if not self._in_place():
            self._own_tensors, self._graphs = self._all_tensors(), {}
        modes = tuple(module.training for module in self._modules)
        shape = modes, *((tensor.shape, tensor.dtype) for tensor in inputs)
        if shape in self._graphs:
            return self._graphs[shape](*inputs).clone()
        if len(self._graphs) == MAX_GRAPHS or shape in self._too_large:
            return self._work(*inputs)
        self._seen[shape] = self._seen.get(shape, 0) + 1
        if self._seen[shape] <= WARM_UP:
            return self._recorder.warm_up(partial(self._work, *inputs))
        loss = self._capture(shape, inputs)
        give_back_freed_memory()  # of what was compared, too: replays need none of it
        return loss

    def _in_place(self) -> bool:
        """Whether the model has the tensors that it had; not so after ``Module.to``."""
        return all(map(is_, self._all_tensors(), self._own_tensors))

    def _all_tensors(self) -> list[Tensor]:
        """The parameters' values, in training their gradients too, and the buffers."""
        tensors: list[Tensor] = []
        for parameters, buffers in self._owned:
            for parameter in parameters.values():
                tensors.append(parameter.value)
                if self._training:
                    tensors.append(parameter.gradient)
            tensors += buffers.values()
        return tensors

    def _capture(self, shape: object, inputs: Sequence[Tensor]) -> Tensor:
        """An ordinary step, after which the same batch is captured and replayed, to compare.

        Only one of them has memory at a time.
        """
        before = _State(self._model)
        tensors = _tensors(self._model)
        numbers = _numbers(self._objects)
        loss = self._recorder.warm_up(partial(self._work, *inputs))
        self._network.clear_saved()
        after, random = _State(self._model), torch.get_rng_state()
        problem = _moved(tensors, _tensors(self._model)) or self._changed(numbers)
        graph = None
        # Asking also waits until all ranks have read what they gathered from each other.
        if self._all_agree(not problem):
            before.restore()
            try:
                graph = _Graph(self._recorder, self._work, inputs, self._milestones())
            except TooLargeError:
                self._too_large.add(shape)
            except Exception as error:  # whatever a layer or the driver raises; told below
                problem = _one_line(error)
        if self._all_agree(graph is not None) and graph is not None:
            try:
                found = {"loss": graph(*inputs, in_use=False), **_State(self._model).values}
                expected = {"loss": loss, **after.values}
                problem = _different(found, expected, self._recorder.exact)
                self._graphs[shape] = graph
            except Exception as error:  # as above
                problem = _one_line(error)
        elif graph is not None:
            problem = "another rank's part of the batch cannot be captured"
        after.restore()
        torch.set_rng_state(random)
        self._network.clear_saved()
        if not self._all_agree(not problem):
            self._declined = True
            self._graphs.clear()
            if self._recorder.expected:
                self._warn(f"the step is not captured as {self._recorder.what}: {problem}")
        return loss

    def _changed(self, before: dict[tuple[int, str], object]) -> str:
        for (index, name), value in _numbers(self._objects).items():
            if before.get((index, name)) != value:
                return (
                    f"{type(self._objects[index]).__name__}.{name} changes from step to step, "
                    "which a recording does not see. Keep it in a buffer."
                )
        return ""


class _Graph:
    """A recording with the tensors that it reads."""

    def __init__(
        self,
        recorder: Recorder,
        work: Work,
        inputs: Sequence[Tensor],
        milestones: Sequence[Milestone],
    ) -> None:
        self._inputs = [torch.zeros_like(tensor) for tensor in inputs]
        self._in_use = False
        passed = [Milestone(written, partial(self._pass, call)) for written, call in milestones]
        self._recording = recorder.record(partial(work, *self._inputs), passed)

    def __call__(self, *inputs: Tensor, in_use: bool = True) -> Tensor:
        self._in_use = in_use
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given, non_blocking=True)
        self._recording.replay()
        return self._recording.result

    def _pass(self, milestone: Callable[[], object]) -> None:
        if self._in_use:
            milestone()


class _State:
    """The tensors of a model that its passes change, as they are now."""

    def __init__(self, model: Module) -> None:
        self._buffers = [
            (module.buffers, name, buffer)
            for module in model.modules()
            for name, buffer in module.buffers.items()
        ]
        values = {name for name, _ in model.named_parameters()}
        self._tensors = {
            name: tensor for name, tensor in _tensors(model).items() if name not in values
        }
        self.values = {name: tensor.clone() for name, tensor in self._tensors.items()}
        self._gradients = [(parameter, parameter.gradient) for parameter in model.param()]

    def restore(self) -> None:
        """Go back to them."""
        for parameter, gradient in self._gradients:
            parameter.gradient = gradient  # which counts, whatever a pass has begun
        for buffers, name, buffer in self._buffers:
            buffers[name] = buffer
        for name, tensor in self._tensors.items():
            tensor.copy_(self.values[name])


def _tensors(model: Module) -> dict[str, Tensor]:
    """All tensors of a model that a step reads or writes, by name."""
    tensors = dict(model.state_dict())
    for name, (_, gradient) in model.named_parameters():
        tensors[f"the gradient of {name}"] = gradient
    return tensors


def _numbers(objects: Sequence[object]) -> dict[tuple[int, str], object]:
    """What attributes are, but for what forward saves, by the object's index and their name."""
    return {
        (index, name): _value(value)
        for index, layer in enumerate(objects)
        for name, value in getattr(layer, "__dict__", {}).items()
        if name not in ("_saved", "parameters", "buffers", "children")
    }


def _value(value: object) -> object:
    """What tells whether an attribute has changed; None of what may, or cannot be told."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        return id(value), None if value.is_inference() else value._version
    if isinstance(value, (list, tuple)):
        return tuple(map(_value, value))
    if isinstance(value, dict):
        return tuple((key, _value(entry)) for key, entry in value.items())
    return None


def _moved(before: dict[str, Tensor], now: dict[str, Tensor]) -> str:
    for name, tensor in now.items():
        if before.get(name) is not tensor:
            return f"{name} is replaced by another tensor. Change it in place."
    return ""


def _different(found: dict[str, Tensor], expected: dict[str, Tensor], exact: bool) -> str:
    tolerance = 0.0 if exact else TOLERANCE
    for name, tensor in expected.items():
        if tensor.numel():
            near = tolerance * float(tensor.double().nan_to_num(0, 0, 0).abs().max())
            if not torch.allclose(
                found[name].double(), tensor.double(), rtol=tolerance, atol=near, equal_nan=True
            ):
                return f"its replay and the ordinary step differ in {name}."
    return ""


def _one_line(error: Exception) -> str:
    """An error in one line; that of the end of a capture hides what broke it."""
    cause = error.__context__ or error
    line = (str(cause).splitlines() or [""])[0]
    return f"{type(cause).__name__}: {line}"
