from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_sam2.training.data.recipes import build_mixture
from napari_sam2.training.data.sources import ClipSource
from napari_sam2.training.data.splits import split
from napari_sam2.training.data.stacks import LabelledStack, read_stack

FOLDERS = {
    "video/bacteria_microcolony": 45,
    "video/t98g_phase": 30,
    "video/chloroplast_em_zstack": 4,
    "video/mitocheck_nuclei": 5,
    "image/dsb2018_256x256_gray_dark": 3,
    "image/dsb2018_512x640_gray_dark": 2,
    "image/dsb2018_603x1272_gray_dark": 2,
    "image/t98g_phase_manual_train": 2,
    "image/t98g_phase_manual_val": 2,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for name, frames in FOLDERS.items():
        folder = root / name
        folder.mkdir(parents=True)
        labels = np.zeros((frames, 24, 30), np.uint16)
        labels[:, 4:14, 5:17] = 1
        labels[:, 16:22, 21:29] = 2
        image = (labels * 90 + np.arange(frames)[:, None, None]).astype(np.uint8)
        tifffile.imwrite(
            folder / "labels.tif", labels, photometric="minisblack", compression="zlib"
        )
        tifffile.imwrite(folder / "image.tif", image, photometric="minisblack", compression="zlib")
    for name in ("dog", "blackswan"):
        folder = root / "natural" / name
        folder.mkdir(parents=True)
        tifffile.imwrite(
            folder / "labels.tif", np.ones((3, 20, 24), np.uint16), photometric="minisblack"
        )
        for frame in range(3):
            Image.new("RGB", (24, 20), (10 * frame, 40, 80)).save(folder / f"{frame:05}.jpg")
    return root


def by_name(stacks):
    return {stack.name: stack for stack in stacks}


def test_the_fixed_rules(root):
    training, validation = (by_name(stacks) for stacks in split(root))
    assert len(training["bacteria_microcolony"]) == 41
    assert len(validation["bacteria_microcolony"]) == 4
    assert validation["bacteria_microcolony"].image(0).min() == 41
    assert len(training["t98g_phase"]) == 28
    assert len(validation["t98g_phase"]) == 2
    assert training["chloroplast_em_zstack"].image(0).shape == (24, 20)
    assert validation["chloroplast_em_zstack"].image(0).shape == (24, 10)
    held_out = {"dsb2018_512x640_gray_dark", "dsb2018_603x1272_gray_dark", "blackswan"}
    assert held_out | {"t98g_phase_manual_val"} <= set(validation)
    assert not held_out & set(training)


def test_twin_images_are_on_one_side(root):
    """The first manual still is the movie's first frame."""
    training, validation = (by_name(stacks) for stacks in split(root))
    assert {"t98g_phase_manual_train", "t98g_phase"} <= set(training)
    assert "t98g_phase_manual_train" not in validation


def test_movies_keep_ids_and_natural_clips_are_colour(root):
    training, _ = (by_name(stacks) for stacks in split(root))
    assert training["mitocheck_nuclei"].is_movie
    assert not training["dsb2018_256x256_gray_dark"].is_movie
    assert training["dog"].image(0).shape == (20, 24, 3)
    assert training["dog"].bright_field


def test_limits_are_one_pair_a_movie_and_one_a_still(root):
    training, _ = (by_name(stacks) for stacks in split(root))
    movie, stills = training["bacteria_microcolony"], training["dsb2018_256x256_gray_dark"]
    assert movie.limits(0) == movie.limits(30)
    assert stills.limits(0) != stills.limits(2)


def test_a_single_image_has_one_page(tmp_path):
    tifffile.imwrite(tmp_path / "labels.tif", np.ones((9, 8), np.uint16))
    tifffile.imwrite(tmp_path / "image.tif", np.ones((9, 8), np.uint8))
    stack = read_stack(tmp_path, is_movie=False)
    assert len(stack) == 1
    assert stack.objects(0).areas_px.tolist() == [72]
    assert stack.objects(0).boxes_px.tolist() == [[0, 0, 9, 8]]


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"labels\.tif, got no such file"):
        read_stack(tmp_path, is_movie=True)
    tifffile.imwrite(tmp_path / "labels.tif", np.ones((9, 8), np.uint16))
    with pytest.raises(FileNotFoundError, match=r"image\.tif or \*\.jpg"):
        read_stack(tmp_path, is_movie=True)
    with pytest.raises(FileNotFoundError, match="give the folder that holds them"):
        split(tmp_path / "nowhere")


def test_images_and_labels_must_match():
    with pytest.raises(ValueError, match="one label image per image"):
        LabelledStack("odd", np.zeros((2, 5, 5)), np.zeros((3, 5, 5), np.uint16), True)


def test_the_default_mixture_can_leave_a_set_out(root):
    def names(sources):
        return {weighted.source.stack.name for weighted in sources}

    whole, without = build_mixture(root), build_mixture(root, leave_out=["t98g_phase"])
    assert names(whole.stills) - names(without.stills) == {"t98g_phase"}
    movies = [each for each in whole.clips if isinstance(each.source, ClipSource)]
    assert "dog" in names(movies)
    assert not names(movies) & {"dsb2018_256x256_gray_dark"}
    assert whole.still_batch(0, 2, 2, 48).valid_bk.any()
