"""Users' own data: every layout is found, divided and drawn from; errors say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from napari_sam2.training.data.own import find_layouts, read_own_data
from napari_sam2.training.data.own.checking import understood
from napari_sam2.training.data.own.frames import LazyMovie
from napari_sam2.training.data.own.masklets import MaskletFrames, decode_counts


@pytest.fixture
def labels():
    """Five discs of 18 pixels that drift to the right."""
    y, x = np.mgrid[:120, :130]
    labels = np.zeros((10, 120, 130), np.uint16)
    for frame in range(10):
        for object_id in range(1, 6):
            centre_y, centre_x = 22 * object_id - 8, 20 + 17 * object_id + frame
            labels[frame][(y - centre_y) ** 2 + (x - centre_x) ** 2 < 81] = object_id
    return labels


@pytest.fixture
def images(labels):
    return (labels * 40 + 5).astype(np.uint8)


def write(folder: Path, name: str, pixels: np.ndarray, **options: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / name, pixels, photometric="minisblack", **options)
    return folder / name


def only(top: Path):
    (layout,) = find_layouts(top)
    return layout


def test_a_tiff_and_its_labels_are_a_movie_whose_last_fifth_is_held_out(tmp_path, images, labels):
    write(tmp_path, "a.tif", images)
    write(tmp_path, "a_labels.tif", labels, metadata={"axes": "TYX"})
    data = read_own_data(tmp_path)
    (training,), (held_out,) = data.training, data.held_out
    assert training.is_movie
    assert (len(training), held_out.frames) == (8, (8, 9))
    assert np.array_equal(held_out.image(0), images[8])
    assert np.array_equal(held_out.labels(1), labels[9])
    batch = data.mixture().clip_batch(0, 1, 3, 2, 64)
    assert batch.masks_bkthw[0, 0].any()


def test_folders_of_images_and_labels_are_matched_by_name(tmp_path, images, labels):
    for index in range(6):
        write(tmp_path / "images", f"cell{index}.tif", images[index])
        write(tmp_path / "labels", f"cell{index}.tif", labels[index])
    data = read_own_data(tmp_path)
    assert [stack.name for stack in data.held_out] == ["images/cell4.tif"]
    assert len(data.training) == 5
    assert not any(stack.is_movie for stack in data.training)
    assert data.mixture().still_batch(0, 2, 2, 64).images_bthw.shape == (2, 1, 64, 64)
    # With stills alone, clips are stills shown moving.
    assert data.mixture().clip_batch(0, 1, 2, 2, 64).images_bthw.shape == (1, 2, 64, 64)


def test_pictures_are_read_too(tmp_path, images, labels):
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    Image.fromarray(labels[0].astype(np.uint16)).save(tmp_path / "a_masks.png")
    colour = np.repeat(images[1][..., None], 3, axis=2)
    Image.fromarray(colour).save(tmp_path / "b.png")
    Image.fromarray(labels[1].astype(np.uint8)).save(tmp_path / "b_masks.png")
    first, second = read_own_data(tmp_path).training
    assert np.array_equal(first.labels(0), labels[0])
    assert second.image(0).shape == (120, 130, 3)
    assert (first.bright_field, second.bright_field) == (False, True)


def ome_image(path: Path, pixels: np.ndarray, **more: object) -> zarr.Group:
    """Write an OME-Zarr 0.5 image of one level."""
    axes = [{"name": "t", "type": "time"}, *({"name": n, "type": "space"} for n in "yx")]
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}], **more}
    group = zarr.create_group(str(path), attributes={"ome": ome})
    group.create_array("0", data=pixels, dimension_names=("t", "y", "x"))
    return group


def test_ome_zarr_with_labels_inside(tmp_path, images, labels):
    path = tmp_path / "movie.ome.zarr"
    group = ome_image(path, images)
    group.create_group("labels", attributes={"ome": {"version": "0.5", "labels": ["cells"]}})
    ome_image(path / "labels" / "cells", labels, **{"image-label": {}})
    layout = only(tmp_path)
    assert (layout.kind, layout.is_movie, len(layout.pairs)) == ("OME-Zarr", True, 10)
    stack = read_own_data(tmp_path).training[0]
    assert np.array_equal(stack.image(3), images[3])
    assert np.array_equal(stack.labels(3), labels[3])


def test_ome_zarr_beside_its_labels(tmp_path, images, labels):
    ome_image(tmp_path / "movie.ome.zarr", images)
    ome_image(tmp_path / "movie_labels.ome.zarr", labels, **{"image-label": {}})
    assert only(tmp_path).kind == "zarr pair"
    assert np.array_equal(read_own_data(tmp_path).training[0].labels(3), labels[3])


def test_ctc_tracks_are_a_movie_unless_they_are_markers(tmp_path, images, labels):
    for frame in range(4):
        write(tmp_path / "01", f"t{frame:03}.tif", images[frame])
        write(tmp_path / "01_GT" / "TRA", f"man_track{frame:03}.tif", labels[frame])
    layout = only(tmp_path)
    assert (layout.kind, layout.is_movie, layout.name) == ("CTC tracks", True, "01")
    write(tmp_path / "01_GT" / "SEG", "man_seg002.tif", labels[2])
    assert only(tmp_path).kind == "CTC tracks"
    marker = np.where(np.indices(labels[2].shape)[1] % 4 == 0, labels[2], 0)
    write(tmp_path / "01_GT" / "TRA", "man_track002.tif", marker)
    layout = only(tmp_path)
    assert (layout.kind, layout.is_movie, layout.pairs) == ("CTC outlines", False, ((2, 0),))
    assert np.array_equal(read_own_data(tmp_path).training[0].image(0), images[2])


def compressed(counts: list[int]) -> str:
    """Write COCO's compressed run lengths."""
    text = ""
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            group, value = value & 31, value >> 5
            more = value != (-1 if group & 16 else 0)
            text += chr(48 + (group | 32 if more else group))
    return text


def runs(mask: np.ndarray) -> list[int]:
    flat = np.concatenate(([False], mask.ravel(order="F")))
    edges = np.flatnonzero(np.diff(flat))
    return np.diff(np.concatenate(([0], edges, [mask.size]))).tolist()


def masklet_file(folder: Path, labels: np.ndarray, ids=(1, 2)) -> Path:
    frames = [
        [
            {"size": list(frame.shape), "counts": compressed(runs(frame == object_id))}
            for object_id in ids
        ]
        for frame in labels
    ]
    path = folder / "sav_000001_manual.json"
    path.write_text(json.dumps({"video_id": "sav_000001", "masklet": frames}))
    return path


def test_compressed_run_lengths_are_those_of_coco():
    for counts in ([6, 1, 40, 4, 5, 4, 5, 4, 21], [0, 12], [2000, 3, 1, 70000, 5]):
        assert decode_counts(compressed(counts)) == counts
    # By hand: 40 = 8 + 32 * 1, so "X" (8 + 32 that more follow + 48) and "1".
    assert decode_counts("61X1") == [6, 1, 40]


def test_masklets_of_every_fourth_frame(tmp_path, images, labels):
    masklet_file(tmp_path, labels[[0, 4, 8]])
    for frame in range(10):
        write(tmp_path / "sav_000001", f"{frame:05}.tif", images[frame])
    layout = only(tmp_path)
    assert layout.pairs == ((0, 0), (4, 1), (8, 2))
    stack = read_own_data(tmp_path).training[0]
    assert np.array_equal(stack.image(1), images[4])
    assert np.array_equal(stack.labels(1), np.where(labels[4] <= 2, labels[4], 0))


def test_train_and_val_folders_decide(tmp_path, images, labels):
    for part, name in (("train", "a"), ("val", "b")):
        write(tmp_path / part, f"{name}.tif", images)
        write(tmp_path / part, f"{name}_labels.tif", labels)
    data = read_own_data(tmp_path)
    assert [stack.name for stack in data.training] == ["train/a.tif"]
    assert [stack.name for stack in data.held_out] == ["val/b.tif"]


def test_frames_without_labels_are_left_out(tmp_path, images, labels):
    labels[1::2] = 0
    write(tmp_path, "a.tif", images)
    write(tmp_path, "a_labels.tif", labels)
    (understanding,) = understood(read_own_data(tmp_path))
    assert understanding.annotated_frames == 5
    assert (understanding.training_frames, understanding.held_out_frames) == (3, 2)
    assert understanding.objects == 5
    assert understanding.diameter_px == pytest.approx(18, abs=1)
    assert understanding.note == ""


def test_values_that_jump_are_doubted_and_stills_are_not(tmp_path, images, labels):
    jumping = np.stack(
        [np.where(each > 0, (each + 2 * t) % 5 + 1, 0) for t, each in enumerate(labels)]
    )
    for folder in ("movies", "stills"):
        write(tmp_path / folder, "a.tif", images)
        write(tmp_path / folder, "a_labels.tif", jumping.astype(np.uint16))
    movie, stills = understood(read_own_data(tmp_path))
    assert "folder named stills" in movie.note
    assert (stills.is_movie, stills.note, stills.objects) == (False, "", 50)


def test_no_file_stays_open_after_close(tmp_path, images):
    movie = LazyMovie(write(tmp_path, "a.tif", images))
    assert np.array_equal(movie.read_raw(2), images[2])
    movie.close()
    assert np.array_equal(movie.read_raw(3), images[3])
    movie.close()


def test_nothing_or_no_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected images with labels in .*, got none"):
        find_layouts(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"expected a folder of images with labels"):
        find_layouts(tmp_path / "none")


def test_labels_without_an_image_are_named(tmp_path, labels):
    write(tmp_path, "a_labels.tif", labels)
    with pytest.raises(ValueError, match=r"expected the image a beside .*a_labels\.tif, got none"):
        find_layouts(tmp_path)
    (tmp_path / "a_labels.tif").unlink()
    write(tmp_path / "labels", "b.tif", labels)
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"expected an image for .*b\.tif .* got none named b"):
        find_layouts(tmp_path)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda labels: labels[:-1], r"got 10 images and 9 label images"),
        (lambda labels: labels[:, :-2], r"expected labels of \(120, 130\).*got \(118, 130\)"),
        (lambda labels: labels.astype(np.float32), r"expected whole numbers.*got float32"),
        (lambda labels: labels.astype(np.int16) - 1, r"expected labels from 0.*got -1 to 4"),
        (lambda labels: labels * 0, r"got label images of zeros only"),
    ],
)
def test_labels_that_do_not_fit_are_described(tmp_path, images, labels, change, match):
    write(tmp_path, "a.tif", images)
    write(tmp_path, "a_labels.tif", change(labels))
    with pytest.raises(ValueError, match=match):
        read_own_data(tmp_path)


def test_ome_zarr_without_labels_is_named(tmp_path, images):
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=images.shape, dtype="uint8")
    array[:] = images
    with pytest.raises(ValueError, match=r"expected an OME-Zarr image with a label image"):
        find_layouts(tmp_path)


def test_a_ctc_label_without_its_image_is_named(tmp_path, images, labels):
    write(tmp_path / "01", "t000.tif", images[0])
    write(tmp_path / "01_GT" / "TRA", "man_track001.tif", labels[1])
    with pytest.raises(ValueError, match=r"expected the image t001\.tif in .*01"):
        find_layouts(tmp_path)


def test_volumes_are_refused(tmp_path, images, labels):
    write(tmp_path / "01", "t000.tif", images[:4])
    write(tmp_path / "01_GT" / "TRA", "man_track000.tif", labels[:4])
    with pytest.raises(ValueError, match=r"expected one plane \(Y, X\) in .*t000\.tif"):
        read_own_data(tmp_path)


def test_masklets_that_cannot_be_used_are_named(tmp_path, images, labels):
    path = masklet_file(tmp_path, labels[:3])
    with pytest.raises(ValueError, match=r"expected the frames of sav_000001\.mp4 in the folder"):
        find_layouts(tmp_path)
    write(tmp_path, "sav_000001.tif", images[:2])
    with pytest.raises(ValueError, match=r"expected 3 frames for the masks .* got 2"):
        find_layouts(tmp_path)
    path.write_text('{"masklet": [[{"size": [4, 4], "counts": "3"}]]}')
    with pytest.raises(ValueError, match=r"expected masks of COCO's run-length code"):
        MaskletFrames(path).read_raw(0)
    path.write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"expected masklets of SA-V"):
        len(MaskletFrames(path))
