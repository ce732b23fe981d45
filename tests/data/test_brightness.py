from __future__ import annotations

import torch

from zoo.data.brightness import brightness_remarks


def test_one_remark_of_all_images() -> None:
    dark = [torch.full((1, 4, 5), value) for value in (0.03, 0.0625)]
    (remark,) = brightness_remarks(dark)
    assert remark == (
        "the brightest value of all images is 0.0625 of white: their files may use fewer bits than "
        "they say. If so, say which values are black and white: range = [0, 4095] in [data] for 12 "
        "bits"
    )
    (remark,) = brightness_remarks([*dark, torch.tensor([[[243.0]]])])
    assert remark == (
        "the brightest value of all images is 243, and white is 1: their files may be floats of "
        "another range, or counts. If so, say which values are black and white: range = [0, 255] "
        "in [data]"
    )


def test_no_remark_where_the_range_is_used() -> None:
    dark = torch.full((1, 4, 5), 20, dtype=torch.uint8)
    bright = torch.full((1, 4, 5), 26, dtype=torch.uint8)
    assert len(list(brightness_remarks([dark, dark]))) == 1
    for images in ([dark, bright], [torch.tensor([[[-1.0, 2.2]]])], [torch.tensor([[[0.1]]])]):
        assert list(brightness_remarks(images)) == []
