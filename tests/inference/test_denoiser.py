from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo.engine import lower
from zoo.errors import ArgumentError, ShapeError
from zoo.inference import Denoiser
from zoo.nn import Conv2d, ConvTranspose2d, Linear, Module, NearestUpsampling, ReLU, Sequential


@pytest.fixture
def by_four() -> Module:
    """Gives back the size of its input only for multiples of 4."""
    return Sequential(
        Conv2d(3, 4, 3, stride=2, padding=1),
        ReLU(),
        Conv2d(4, 4, 3, stride=2, padding=1),
        NearestUpsampling(4),
        Conv2d(4, 3, 3, padding=1),
    ).eval()


def test_exact_sizes_are_the_plain_forward(by_four: Module) -> None:
    for height, width in [(8, 8), (4, 20), (32, 16)]:
        images = torch.rand(2, 3, height, width)
        assert torch.equal(Denoiser(by_four)(images), by_four.forward(images))


@pytest.mark.parametrize("size", [(9, 8), (8, 11), (13, 17), (3, 5), (1, 1), (2, 30)])
def test_other_sizes_are_extended_by_reflection(by_four: Module, size: tuple[int, int]) -> None:
    height, width = size
    images = torch.rand(2, 3, height, width)
    extended = images
    while extended.shape[2] % 4:  # one row after the other, mirrored at the last one
        row = _mirrored(extended.shape[2], height)
        extended = torch.cat([extended, extended[:, :, row : row + 1]], 2)
    while extended.shape[3] % 4:
        column = _mirrored(extended.shape[3], width)
        extended = torch.cat([extended, extended[:, :, :, column : column + 1]], 3)
    y = Denoiser(by_four)(images)
    assert y.shape == images.shape
    torch.testing.assert_close(y, by_four.forward(extended)[:, :, :height, :width])


def _mirrored(index: int, size: int) -> int:
    """Where pixel ``index`` past the end of ``size`` pixels is found, the edge not repeated."""
    period = max(2 * (size - 1), 1)
    return min(index % period, period - index % period)


def test_odd_sizes_of_a_network_that_keeps_every_size() -> None:
    model = Sequential(Conv2d(3, 4, 2, padding=1), ConvTranspose2d(4, 3, 2, padding=1)).eval()
    images = torch.rand(1, 3, 7, 13)
    assert torch.equal(Denoiser(model)(images), model.forward(images))


def test_a_linear_layer_takes_its_own_width_only() -> None:
    model = Sequential(Linear(12, 12)).eval()
    for height in (12, 5, 30):  # rows are independent
        images = torch.rand(2, 3, height, 12)
        assert torch.equal(Denoiser(model)(images), model.forward(images))
    wide = torch.rand(2, 3, 12, 9)
    extended = torch.cat([wide, wide[..., [7, 6, 5]]], 3)
    torch.testing.assert_close(Denoiser(model)(wide), model.forward(extended)[..., :9])
    with pytest.raises(ShapeError) as error:
        Denoiser(model)(torch.rand(2, 3, 12, 13))
    assert str(error.value) == "module 0: Linear: the input is (3, 12, 13). Use (..., 12)."


def test_a_network_that_shrinks_is_refused() -> None:
    model = Sequential(Conv2d(3, 3, 3)).eval()
    with pytest.raises(ShapeError) as error:
        Denoiser(model)(torch.rand(1, 3, 8, 8))
    assert str(error.value) == (
        "the network gives back no height from 8 pixels on. "
        "Use images of the size it was trained on."
    )


def test_autograd_is_off(by_four: Module) -> None:
    images = torch.rand(1, 3, 9, 9, requires_grad=True)
    assert not Denoiser(by_four)(images).requires_grad


def test_one_image_without_a_batch(by_four: Module) -> None:
    image = torch.rand(3, 9, 6)
    assert torch.equal(Denoiser(by_four)(image), Denoiser(by_four)(image[None])[0])


def test_a_lowered_network_is_used_as_it_is(by_four: Module) -> None:
    image = torch.rand(1, 3, 33, 45)
    fast = lower(by_four)
    for _ in range(6):  # ordinary passes, then recorded ones
        torch.testing.assert_close(Denoiser(fast)(image), Denoiser(by_four)(image))


def identity(channels: int) -> Module:
    model = Sequential(Conv2d(channels, channels, 1, bias=False)).eval()
    model[0].set_weight(torch.eye(channels).view(channels, channels, 1, 1))
    return model


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.float16])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_arrays_come_back_as_they_are_given(dtype: type, shape: tuple[int, ...]) -> None:
    model = identity(1 if len(shape) == 2 else shape[2]).to(torch.float64)
    largest = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    image = (np.linspace(0, 1, int(np.prod(shape))).reshape(shape) * largest).astype(dtype)
    kept = image.copy()
    result = Denoiser(model)(image)
    assert result.dtype == image.dtype
    np.testing.assert_array_equal(result, kept)
    np.testing.assert_array_equal(image, kept)


def test_integers_are_rounded_and_clipped_and_floats_are_not() -> None:
    model = identity(1)
    model[0].set_weight(torch.full((1, 1, 1, 1), 1.25))
    np.testing.assert_array_equal(
        Denoiser(model)(np.array([[0, 3, 240]], np.uint8)), np.array([[0, 4, 255]], np.uint8)
    )
    np.testing.assert_allclose(Denoiser(model)(np.array([[0.5, 1.0]])), [[0.625, 1.25]])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            np.zeros((2, 3, 4, 5)),
            "denoise: the image is an array (2, 3, 4, 5). "
            "Use an array (H, W) or (H, W, C), or a tensor.",
        ),
        (
            np.zeros((0, 4)),
            "denoise: the image is an array (0, 4). Use an array (H, W) or (H, W, C), or a tensor.",
        ),
        (
            [[1.0]],
            "denoise: the image is a list. Use an array (H, W) or (H, W, C), or a tensor.",
        ),
        (
            np.zeros((4, 4), np.int32),
            "denoise: the image has dtype int32. Use unsigned integers or floats.",
        ),
    ],
)
def test_what_is_no_image(image: object, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        Denoiser(identity(1))(image)  # type: ignore[type-var]
    assert str(error.value) == message


def test_other_channels_are_refused() -> None:
    with pytest.raises(ShapeError) as error:
        Denoiser(identity(3))(np.zeros((8, 8), np.uint8))
    assert str(error.value) == (
        "denoise: the image is an array (8, 8): module 0: Conv2d: expects 3 channels; "
        "the input has 1."
    )


def test_a_network_in_training_mode_is_refused() -> None:
    with pytest.raises(ArgumentError) as error:
        Denoiser(identity(1).train())(np.zeros((4, 4)))
    assert str(error.value) == ("denoise: the network is in training mode. Call its eval() first.")


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (torch.zeros(4, 4), "(4, 4) of torch.float32"),
        (torch.zeros(1, 4, 4, dtype=torch.uint8), "(1, 4, 4) of torch.uint8"),
    ],
)
def test_tensors_that_are_no_image(image: torch.Tensor, what: str) -> None:
    with pytest.raises(ArgumentError) as error:
        Denoiser(identity(1))(image)
    assert str(error.value) == (
        f"denoise: the image is a tensor {what}. Use (N, C, H, W) or (C, H, W) of floats in [0, 1]."
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_tensors_of_another_dtype_come_back_in_it(dtype: torch.dtype) -> None:
    image = torch.rand(1, 5, 7).to(dtype)
    result = Denoiser(identity(1))(image)
    assert result.dtype == dtype
    torch.testing.assert_close(result, image)


def test_in_inference_mode_the_network_stays_what_it_was() -> None:
    model = Sequential(Conv2d(3, 16, 3, padding=1), ReLU(), Conv2d(16, 3, 3, padding=1)).eval()
    with torch.inference_mode():
        Denoiser(model)(np.zeros((32, 32, 3)))
        fast = lower(model)
    assert not any(value.is_inference() for value, _ in model.param())
    model.load_state_dict({name: value * 2 for name, value in model.state_dict().items()})
    image = torch.rand(1, 3, 32, 32)
    for _ in range(6):
        torch.testing.assert_close(Denoiser(fast)(image), model(image))
