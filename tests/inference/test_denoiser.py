from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import zoo.inference.denoiser
from zoo.engine import lower
from zoo.engine.compiled import build
from zoo.errors import ArgumentError, ShapeError
from zoo.inference import Denoiser
from zoo.nn import Conv2d, ConvTranspose2d, Linear, Module, NearestUpsampling, ReLU, Sequential
from zoo.pictures.values import ValueRange
from zoo.spec.value_range import ALLOWED


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
            "Use (H, W) or (H, W, C), or say what its axes are, as in axes='TYX'.",
        ),
        (
            np.zeros((0, 4)),
            "denoise: the image is an array (0, 4), which is empty. "
            "Use an image of at least one pixel.",
        ),
        (
            [[1.0]],
            "denoise: the image is a list. Use a numpy array or a tensor.",
        ),
        (
            np.zeros((4, 4), np.int32),
            "denoise: the image has dtype int32. Use uint8, uint16, uint32 or floats.",
        ),
        (
            np.zeros((4, 4), np.uint64),
            "denoise: the image has dtype uint64. Use uint8, uint16, uint32 or floats.",
        ),
        (
            np.array([[0.5, np.nan]]),
            "denoise: a value of the image is nan at row 0, column 1. "
            "Replace what is no finite number, or more than 1e15 times white, which is 1 here.",
        ),
        (
            np.array([[0.5, 1e300]]),
            "denoise: a value of the image is 1e+300 at row 0, column 1. "
            "Replace what is no finite number, or more than 1e15 times white, which is 1 here.",
        ),
        (
            np.array([[0.5], [-np.inf]]),
            "denoise: a value of the image is -inf at row 1, column 0. "
            "Replace what is no finite number, or more than 1e15 times white, which is 1 here.",
        ),
    ],
)
@pytest.mark.parametrize("strength", [0, 1])
def test_what_is_no_image(image: object, message: str, strength: float) -> None:
    with pytest.raises(ArgumentError) as error:
        Denoiser(identity(1))(image, strength=strength)  # type: ignore[type-var]
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("channels", "shape", "message"),
    [
        (
            2,
            (8, 8),
            "denoise: the image is an array (8, 8): module 0: Conv2d: expects 2 channels; "
            "the input has 1.",
        ),
        (
            2,
            (8, 8, 3),
            "denoise: the image is an array (8, 8, 3): module 0: Conv2d: expects 2 channels; "
            "the input has 3.",
        ),
        (
            3,
            (8, 8, 4),
            "denoise: the image is an array (8, 8, 4) with 4 channels. "
            "This network takes grey images and colour images of 3 channels.",
        ),
    ],
)
def test_other_channels_are_refused(channels: int, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises((ShapeError, ArgumentError)) as error:
        Denoiser(identity(channels))(np.zeros(shape, np.uint8))
    assert str(error.value) == message


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


def mixing() -> Module:
    """A colour network that gives each channel the mean of a neighbourhood of all channels."""
    model = Sequential(Conv2d(3, 3, 3, padding=1, bias=False)).eval()
    model[0].set_weight(torch.arange(81.0).view(3, 3, 3, 3) / 3000)
    return model


def blurring() -> Module:
    """A grey network that is not symmetric."""
    model = Sequential(Conv2d(1, 1, 3, padding=1, bias=False)).eval()
    model[0].set_weight(torch.arange(9.0).view(1, 1, 3, 3) / 36)
    return model


def picture(*shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def test_a_grey_network_denoises_each_colour_by_itself() -> None:
    image, denoise = picture(9, 12, 3), Denoiser(blurring())
    result = denoise(image)
    for channel in range(3):
        np.testing.assert_array_equal(result[..., channel], denoise(image[..., channel]))
    tensor = torch.rand(2, 3, 9, 12)
    for channel in range(3):
        one = tensor[:, channel : channel + 1]
        torch.testing.assert_close(denoise(tensor)[:, channel : channel + 1], denoise(one))


def test_a_colour_network_is_given_grey_three_times() -> None:
    image, denoise = picture(9, 12), Denoiser(mixing())
    colour = denoise(np.stack(3 * [image / 255], 2))
    np.testing.assert_allclose(denoise(image / 255), colour.mean(2), atol=1e-6)
    assert denoise(image[..., None]).shape == (9, 12, 1)
    tensor = torch.from_numpy(image / 255)[None].float()
    np.testing.assert_allclose(denoise(tensor)[0], colour.mean(2), atol=1e-6)


@pytest.mark.parametrize("axes", ["TYX", "ZTYX", "YXT", "tyx"])
def test_each_plane_of_a_stack_is_denoised_by_itself(axes: str) -> None:
    denoise = Denoiser(blurring())
    sizes = {"T": 3, "Z": 2, "Y": 7, "X": 10}
    stack = picture(*(sizes[axis] for axis in axes.upper()))
    order = [axis for axis, letter in enumerate(axes.upper()) if letter not in "YX"]
    result = denoise(stack, axes=axes)
    planes, results = (
        np.moveaxis(array, order, range(len(order))).reshape(-1, 7, 10) for array in (stack, result)
    )
    for plane, denoised in zip(planes, results, strict=True):
        np.testing.assert_array_equal(denoised, denoise(plane))


def test_colours_along_any_axis_are_denoised_together_by_a_colour_network() -> None:
    denoise, image = Denoiser(mixing()), picture(2, 7, 10, 3)
    expected = np.stack([denoise(plane) for plane in image])
    stack = np.moveaxis(image, 3, 1)  # ZCYX
    np.testing.assert_array_equal(denoise(stack, axes="ZCYX"), np.moveaxis(expected, 3, 1))
    np.testing.assert_array_equal(denoise(image, axes="TYXS"), expected)
    two = stack[:, :2]  # no colours: each channel by itself
    by_itself = [[denoise(plane) for plane in planes] for planes in two]
    np.testing.assert_array_equal(denoise(two, axes="ZCYX"), by_itself)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("YX", "and axes is 'YX'. Use a letter for each axis, each only once."),
        ("TTYX", "and axes is 'TTYX'. Use a letter for each axis, each only once."),
        ("TZCX", "and axes is 'TZCX'. Y and X, rows and columns, must be in."),
    ],
)
def test_axes_that_do_not_fit(axes: str, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        Denoiser(identity(1))(np.zeros((2, 3, 4, 5)), axes=axes)
    assert str(error.value) == f"denoise: the image is an array (2, 3, 4, 5), {message}"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_strength_blends_with_the_image(dtype: type) -> None:
    denoise = Denoiser(blurring())
    white = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    image = (picture(11, 9) * (white / 255)).astype(dtype)
    none, half, full = (denoise(image, strength=part) for part in (0, 0.5, 1))
    np.testing.assert_array_equal(none, image)
    np.testing.assert_array_equal(full, denoise(image))
    middle = (image.astype(float) + full) / 2
    integer = np.issubdtype(dtype, np.integer)
    np.testing.assert_allclose(half, middle, atol=1 if integer else 1e-6)
    tensor = torch.rand(1, 9, 9)
    assert torch.equal(denoise(tensor, strength=0), tensor)
    expected = (tensor + denoise(tensor)) / 2
    torch.testing.assert_close(denoise(tensor, strength=0.5), expected)


def test_an_ensemble_is_the_mean_over_the_eight_orientations() -> None:
    denoise, image = Denoiser(blurring()), np.random.default_rng(0).random((7, 12))
    turned = []
    for mirrored in (False, True):
        for quarter in range(4):
            way = np.rot90(image[:, ::-1] if mirrored else image, quarter)
            back = np.rot90(denoise(way), -quarter)
            turned.append(back[:, ::-1] if mirrored else back)
    expected = np.mean(turned, 0)
    assert np.abs(expected - denoise(image)).max() > 0.01
    np.testing.assert_allclose(denoise(image, ensemble=True), expected, atol=1e-6)
    tensor = torch.from_numpy(image)[None].float()
    np.testing.assert_allclose(denoise(tensor, ensemble=True)[0], expected, atol=1e-6)


def test_white_is_where_the_file_says() -> None:
    denoise = Denoiser(blurring())
    eight = picture(9, 9)
    twelve = eight.astype(np.uint16) * 16
    expected = denoise(eight / 255 * (255 * 16 / 4095)) * 4095
    result = denoise(twelve, white=4095)
    np.testing.assert_allclose(result, expected, atol=0.51)
    bright = Sequential(Conv2d(1, 1, 1, bias=False)).eval()
    bright[0].set_weight(torch.full((1, 1, 1, 1), 9.0))
    assert Denoiser(bright)(twelve, white=4095).max() == 4095
    with pytest.raises(ArgumentError) as error:
        denoise(twelve, white=1023)
    assert str(error.value) == (
        f"denoise: the image has values up to {twelve.max()}, and white is 1023. "
        f"Use a white of at least {twelve.max()}."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 1.5}, "denoise: strength is 1.5. Use 0 to 1."),
        ({"strength": float("nan")}, "denoise: strength is nan. Use 0 to 1."),
        ({"tile": 0}, "denoise: tile is 0. Use an integer >= 1."),
        ({"tile": 1.5}, "denoise: tile is 1.5. Use an integer >= 1."),
        ({"white": 0}, "denoise: white is 0. Use a number above 0."),
        ({"white": 1e-300}, f"denoise: black is 0, and white 1e-300. {ALLOWED}"),
        ({"white": 1e31}, f"denoise: black is 0, and white 1e+31. {ALLOWED}"),
        ({"black": 5.0, "white": 5.000001}, f"denoise: black is 5, and white 5. {ALLOWED}"),
    ],
)
def test_options_out_of_range(options: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        Denoiser(identity(1))(np.zeros((4, 4)), **options)  # type: ignore[arg-type]
    assert str(error.value) == message


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f2", "f4", "f8"])
def test_what_comes_out_stays_in_its_type(dtype: str) -> None:
    """A network that makes everything 1e9 times brighter."""
    model = identity(1)
    for value, _ in model.param():
        value *= 1e9
    image = np.array([[0, 1], [2, 250]], dtype)
    white = {"u": 1e12, "f": 1.0}[image.dtype.kind]
    largest = {"u1": 255, "u2": 65535, "u4": 2**32 - 1, "f2": 65504}.get(dtype, 2.5e11)
    found = Denoiser(model)(image, white=white, brighter=True)
    assert found.dtype == image.dtype
    assert found.max() == pytest.approx(largest, rel=1e-6)
    assert found.min() == 0


def test_axes_of_a_tensor() -> None:
    with pytest.raises(ArgumentError) as error:
        Denoiser(identity(1))(torch.zeros(1, 4, 4), axes="CYX")
    assert str(error.value) == "denoise: the image is a tensor. axes and white are for arrays."


def test_a_network_that_gives_no_numbers_is_found_out() -> None:
    model = identity(1)
    model[0].set_weight(torch.full((1, 1, 1, 1), torch.nan))
    with pytest.raises(ArgumentError) as error:
        Denoiser(model)(np.zeros((4, 4), np.uint8))
    assert str(error.value) == (
        "denoise: the network's output is not finite. Its weights may be damaged, or its training "
        "diverged."
    )


def test_arrays_of_any_memory_layout() -> None:
    denoise, image = Denoiser(blurring()), picture(9, 12)
    expected = denoise(image)
    read_only = image.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(denoise(read_only), expected)
    np.testing.assert_array_equal(denoise(np.asfortranarray(image)), expected)
    np.testing.assert_array_equal(denoise(image[::-1, ::-1][::-1, ::-1]), expected)
    swapped = (image.astype(np.uint16) * 257).astype(">u2")
    result = denoise(swapped)
    assert result.dtype == np.dtype(">u2")
    np.testing.assert_array_equal(result, denoise(image.astype(np.uint16) * 257))


def test_progress_goes_to_one_and_can_end_the_work() -> None:
    seen: list[float] = []
    Denoiser(blurring())(picture(3, 20, 30), axes="TYX", ensemble=True, on_progress=seen.append)
    assert seen == sorted(seen)
    assert (len(seen) >= 3 * 8, seen[-1]) == (True, 1)

    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Denoiser(blurring())(picture(20, 30), on_progress=stop)


def test_black_and_white_are_those_that_the_network_was_trained_with() -> None:
    """They hold for floats and for types that reach as far; who says white is obeyed."""
    layer = Conv2d(1, 1, 1)
    layer.set_weight(torch.full((1, 1, 1, 1), 0.5))
    layer.set_bias(torch.zeros(1))
    half = Denoiser(Sequential(layer).eval(), ValueRange(1000, 3000))
    for dtype in (np.uint16, np.float32):
        image = np.full((4, 5), 2000, dtype)
        assert np.array_equal(half(image), np.full((4, 5), 1500, dtype))
        assert np.array_equal(half(image, white=4000), image // 2)
        assert np.array_equal(half(image, black=2000, white=4000), image)
    assert np.array_equal(half(np.full((4, 5), 200, np.uint8)), np.full((4, 5), 100, np.uint8))


def test_floats_are_not_clipped() -> None:
    image = np.random.default_rng(0).normal(0, 300, (9, 7)).astype(np.float32)
    assert np.allclose(Denoiser(identity(1))(image), image, rtol=1e-6)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.full((9, 7), 255, np.float32), "its values go up to 255, and white is 1"),
        (np.full((9, 7), 4000, np.uint16), "its values go up to 4000, and white is 65535"),
    ],
)
def test_another_white_is_suspected(image: np.ndarray, says: str) -> None:
    said: list[str] = []
    Denoiser(identity(1), warn=said.append)(image)
    assert said == [f"denoise: an image may have another white: {says}. Say which: white=4095."]
    Denoiser(identity(1), warn=said.append)(image, white=4095)
    Denoiser(identity(1), ValueRange(0, 4095), warn=said.append)(image)
    Denoiser(identity(1), warn=said.append)(np.full((9, 7), 200, np.uint8))
    assert len(said) == 1


def test_values_above_a_measured_white_are_kept() -> None:
    """Black and white may be quantiles: some values are beyond them, before and after."""
    image = np.array([[0, 100, 4000, 5000], [50, 4100, 3900, 10]], np.uint16)
    own = Denoiser(identity(1), ValueRange(60, 4000))
    np.testing.assert_array_equal(own(image), image)
    np.testing.assert_array_equal(own(image, black=60, white=4000, brighter=True), image)
    with pytest.raises(ArgumentError, match="values up to 5000, and white is 4000"):
        own(image, white=4000)


def test_what_a_denoiser_is_called() -> None:
    assert repr(Denoiser(identity(3))) == "Denoiser(3 channels, float32, cpu)"


def large(dtype: torch.dtype = torch.float32) -> Module:
    """A network whose convolutions are large enough for the kernels, and no identity."""
    torch.manual_seed(0)
    layers = Conv2d(3, 24, 3, padding=1), ReLU(), Conv2d(24, 24, 3, padding=1), ReLU()
    model = Sequential(*layers, Conv2d(24, 3, 3, padding=1)).to(dtype).eval()
    for value, _ in model.param():
        value.copy_(torch.randn(value.shape) / max(1, value[0].numel()) ** 0.5)
    return model


@pytest.mark.skipif(bool(build.problem()), reason=build.problem() or "-")
def test_8_bits_are_the_levels_of_float32_but_for_a_few() -> None:
    """And what has finer levels is computed in float32."""
    image = picture(97, 120, 3)
    denoiser, exact = Denoiser(large()), Denoiser(large())
    exact.__dict__["_fast"] = exact.network
    found, expected = (np.asarray(used(image), np.int64) for used in (denoiser, exact))
    assert abs(found - expected).max() <= 1
    assert (found != expected).mean() < 2e-3
    for finer in (image.astype(np.uint16) * 257, image / np.float32(255)):
        np.testing.assert_array_equal(denoiser(finer), exact(finer))
    x = torch.from_numpy(image / np.float32(255)).permute(2, 0, 1)
    assert torch.equal(denoiser(x), exact(x))
    y = lower(large(), fast=True)(x[None])
    assert not torch.equal(y, exact(x)[None])  # else nothing is compared here


def test_only_8_bits_of_a_network_in_float32_are_computed_in_less() -> None:
    fast = "float32" if build.problem() else "fast"
    assert Denoiser(large()).precision(np.dtype(np.uint8)) == fast
    for dtype in (np.uint16, np.float32):
        assert Denoiser(large()).precision(np.dtype(dtype)) == "float32"
    assert Denoiser(large(torch.float64)).precision(np.dtype(np.uint8)) == "float64"


def test_without_kernels_8_bits_are_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo.inference.denoiser, "kernels_problem", lambda: "there are none")
    assert Denoiser(large()).precision(np.dtype(np.uint8)) == "float32"
