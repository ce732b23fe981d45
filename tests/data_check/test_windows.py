from __future__ import annotations

import torch

from zoo.data_check.scenes import WINDOW, Scenes, draw_windows


def test_windows_are_bounded_and_the_same_each_time() -> None:
    views = tuple((torch.rand(1, 700, 900),) for _ in range(30))
    scenes = Scenes(tuple(map(str, range(30))), views)
    windows = draw_windows(scenes)
    places = [(window.scene, window.top, window.left) for window in windows]
    assert len(places) == len(set(places)) == 16
    assert {window.views[0].shape for window in windows} == {(1, WINDOW, WINDOW)}
    assert len({window.scene for window in windows}) == 16
    again = draw_windows(scenes)
    assert [(window.scene, window.top, window.left) for window in again] == places


def test_of_few_scenes_there_are_several_windows_at_multiples_of_blocks() -> None:
    image = torch.arange(3 * 600 * 530).reshape(3, 600, 530).float()
    windows = draw_windows(Scenes(("a",), ((image,),)))
    assert len(windows) == 9
    for window in windows:
        assert window.top % 16 == window.left % 16 == 0
        assert window.views[0][0, 0, 0] == image[0, window.top, window.left] * 255


def test_of_a_burst_all_views_are_looked_at() -> None:
    burst = tuple(torch.full((1, 512, 512), float(shot)) for shot in range(4))
    windows = draw_windows(Scenes(("a",), (burst,)))
    assert [len(window.views) for window in windows] == [2] * 4
    assert {float(window.views[1][0, 0, 0]) / 255 for window in windows} == {1, 2, 3}
