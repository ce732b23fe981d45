"""Faults that no check can find, because no value is another one; each with the reason."""

from __future__ import annotations

from typing import Final

NOTHING_ADDED = "where nothing was added, what folds it back does nothing"
WEIGHT_OF_0 = "what a weight of 0 adds is 0"
MEMORY = "another order of the same sum, for another layout in memory"
STRIDES = "the layout of the state in memory, which changes no value"

EQUIVALENT: Final[dict[str, str]] = {
    "ReflectPad.backward: grad_padded if padded_shape[-2:] == x_shape[-2:] else "
    "_folded(grad_padded, x_shape) -> _folded(grad_padded, x_shape)": NOTHING_ADDED,
    "ReflectPad.backward: -2 -> 2": NOTHING_ADDED,
    "ReflectPad._padded_gradient: if padded_shape[-2:] == x_shape[-2:] -> if False": (
        "a copy of the gradient instead of itself"
    ),
    "_folded: grad_padded.clone() -> grad_padded": "no layer keeps the gradient that it returns",
    "BatchNorm2d.backward: max(1, batch[:, 0].numel() * len(parts)) -> "
    "batch[:, 0].numel() * len(parts)": "of an empty batch nothing is divided",
    "_sum: if image.stride(1) != 1 -> if True": MEMORY,
    "_sum: if image.stride(1) != 1 -> if False": MEMORY,
    "_sum: image.stride(1) != 1 -> image.stride(1) == 1": MEMORY,
    "PReLU._slopes: self.weight if self.num_parameters == 1 else self.weight.view(-1, 1, 1) -> "
    "self.weight.view(-1, 1, 1)": "one number, with axes or without",
    "Residual.backward: grad_y if self.factor == 1 else grad_y * self.factor -> "
    "grad_y * self.factor": "times 1",
    **{
        f"{name}.update: if self.weight_decay -> if True": WEIGHT_OF_0
        for name in ("SGD", "Adam", "AdamW", "RMSprop")
    },
    "Adam.state_names: ('max_exp_avg_sq',) if self.amsgrad else () -> ('max_exp_avg_sq',)": (
        "a state that nothing reads"
    ),
    "SGD.state_names: ('momentum_buffer',) if self.momentum else () -> ('momentum_buffer',)": (
        "a state that nothing reads"
    ),
    "Optimizer.step: self._lay_out_state(values) -> nothing": STRIDES,
    "Optimizer.load_state_dict: self._strides = [] -> nothing": STRIDES,
    "Optimizer.step: if self.multi_tensor -> if False": "one parameter after the other",
    "Optimizer.step: if self.multi_tensor -> if True": "all that are shipped take all at once",
}
