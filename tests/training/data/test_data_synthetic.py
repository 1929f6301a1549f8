from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_sam2.training.data.prepare import prepare
from napari_sam2.training.data.recipes import build_mixture
from napari_sam2.training.data.sources import ClipSource, Request, StillSource
from napari_sam2.training.data.synthetic import MODALITIES, synthesize
from napari_sam2.training.data.synthetic_arms import Arms
from napari_sam2.training.data.synthetic_cells import Pose
from napari_sam2.training.data.synthetic_motion import simulate
from napari_sam2.training.data.synthetic_setup import DISTRACTOR_ID
from napari_sam2.training.data.synthetic_shapes import ShapeStyle, draw_scene
from napari_sam2.training.data.synthetic_store import store_movie, stored_movies
from napari_sam2.training.data.synthetic_texture import textured

SHAPE = {"frames": 4, "size": 128}


class NamedMovie(NamedTuple):
    modality: str
    image_tyx: np.ndarray
    labels_tyx: np.ndarray
    parents: dict[int, int]


@pytest.fixture(scope="module", params=list(MODALITIES))
def movie(request):
    made = synthesize(3, modality=request.param, **SHAPE)
    return NamedMovie(request.param, made.image_tyx, made.labels_tyx, made.parents)


def test_shapes_and_types(movie):
    assert movie.image_tyx.shape == movie.labels_tyx.shape == (4, 128, 128)
    assert movie.image_tyx.dtype == np.float32
    assert movie.labels_tyx.dtype == np.uint16
    assert np.isfinite(movie.image_tyx).all()
    assert movie.image_tyx.std() > 0
    assert movie.labels_tyx.any()


def test_each_label_is_one_piece_of_some_size(movie):
    for labels in movie.labels_tyx:
        for object_id in np.unique(labels[labels > 0]):
            mask = labels == object_id
            assert ndimage.label(mask)[1] == 1
            assert mask.sum() >= 20


def test_the_same_arguments_give_the_same_movie(movie):
    again = synthesize(3, modality=movie.modality, **SHAPE)
    np.testing.assert_array_equal(again.image_tyx, movie.image_tyx)
    np.testing.assert_array_equal(again.labels_tyx, movie.labels_tyx)
    assert again.parents == movie.parents


def test_another_seed_gives_another_movie():
    first, second = (synthesize(seed, modality="nuclei", **SHAPE) for seed in (11, 12))
    assert not np.array_equal(first.image_tyx, second.image_tyx)


def frames_of(movie, object_id):
    return np.flatnonzero((movie.labels_tyx == object_id).any((1, 2)))


@pytest.mark.parametrize("modality", ["nuclei", "cytoplasm", "bacteria", "membranes"])
def test_a_mother_ends_when_her_daughters_begin(modality):
    divisions = 0
    for seed in range(8):
        movie = synthesize(seed, frames=5, size=96, modality=modality)
        for child, parent in movie.parents.items():
            mother, daughter = frames_of(movie, parent), frames_of(movie, child)
            if len(mother):
                assert mother.max() < daughter.min()
                divisions += 1
    assert divisions > 0


def test_a_budding_mother_goes_on():
    movies = [synthesize(seed, frames=4, size=96, modality="yeast") for seed in range(6)]
    assert any(
        np.isin(frames_of(movie, child), frames_of(movie, parent)).any()
        for movie in movies
        for child, parent in movie.parents.items()
    )


@pytest.mark.parametrize("seed", range(5))
def test_nuclei_are_brighter_than_what_surrounds_them(seed):
    """Labels must lie on the objects, not beside them."""
    movie = synthesize(seed, frames=1, size=192, modality="nuclei")
    labels, image = movie.labels_tyx[0], movie.image_tyx[0]
    ring = ndimage.binary_dilation(labels > 0, iterations=5)
    ring &= ~ndimage.binary_dilation(labels > 0, iterations=2)
    brighter = image[labels > 0].mean() - image[ring].mean()
    assert brighter > 0.2
    for step in (-6, 6):
        for axis in (0, 1):
            moved = np.roll(labels, step, axis)
            assert image[moved > 0].mean() < image[labels > 0].mean()


def zones_of(labels):
    """Return inside, margin and surroundings; in a sheet without gaps, inside and margin."""
    flat = ndimage.maximum_filter(labels, 3) == ndimage.minimum_filter(labels, 3)
    margin = ndimage.binary_dilation(~flat)
    around = ndimage.binary_dilation(margin, iterations=5) & ~margin & (labels == 0)
    zones = ((labels > 0) & ~margin, margin & (labels > 0), around)
    return [zone for zone in zones if zone.sum() > 40]


def contrast_of(image, labels):
    """Return the largest difference between zones in brightness, texture or edges."""
    smooth = ndimage.gaussian_filter(image, 1.0)
    fine = np.abs(image - smooth)
    edges = ndimage.gaussian_gradient_magnitude(image, 1.5)
    worst = []
    for feature in (smooth, fine, edges):
        means = [feature[zone].mean() for zone in zones_of(labels)]
        spread = np.mean([feature[zone].std() for zone in zones_of(labels)])
        worst.append((max(means) - min(means)) / spread)
    return max(worst)


def test_objects_differ_from_what_surrounds_them(movie):
    assert contrast_of(movie.image_tyx[0], movie.labels_tyx[0]) > 0.3


def test_distractors_are_seen_but_not_labelled():
    made = [synthesize(seed, frames=1, size=128, modality="textured") for seed in range(4)]
    assert all(movie.labels_tyx.max() < DISTRACTOR_ID for movie in made)
    setups = [textured(np.random.default_rng(seed), 128) for seed in range(8)]
    setup = next(each for each in setups if each.distractors is not None)
    population = simulate(np.random.default_rng(0), setup.distractors, frames=1, size=128)
    poses = [replace(p, object_id=p.object_id + DISTRACTOR_ID) for p in population.frames[0]]
    scene = setup.draw(poses)
    assert (scene.labels_yx >= DISTRACTOR_ID).any()
    assert np.abs(setup.look.paint(scene) - setup.look.paint(setup.draw([]))).max() > 0.05


def test_protrusions_widen_a_cell_and_withdraw_in_mitosis():
    outline = np.zeros(5, np.complex64)
    pose = Pose(1, (100.0, 100.0), 0.3, 20.0, 1.5, outline, 0.0, 0.0, 1.0, 0.0, (40, 90))
    areas = [
        (draw_scene([each], ShapeStyle(arms=arms), 200).labels_yx > 0).sum()
        for each, arms in (
            (pose, None),
            (pose, Arms(count=4, reach=2.5)),
            (replace(pose, condensed=1.0), Arms(count=4, reach=2.5)),
            (pose, Arms(bite=0.8)),
        )
    ]
    assert areas[1] > 1.1 * areas[0]
    assert areas[2] == areas[0]
    assert areas[3] < 0.95 * areas[0]


def test_packed_rods_start_side_by_side():
    movie = synthesize(2, frames=1, size=256, modality="bacteria_microcolony")
    labels = movie.labels_tyx[0]
    hull = ndimage.binary_closing(labels > 0, iterations=6)
    assert (labels > 0).sum() > 0.75 * hull.sum()


def test_an_unknown_modality_is_named():
    with pytest.raises(ValueError, match="got 'x-ray'; choose one of them"):
        synthesize(0, frames=1, size=64, modality="x-ray")


def test_a_stored_movie_comes_back(tmp_path):
    movie = synthesize(4, modality="nuclei", **SHAPE)
    store_movie(movie, tmp_path / "a.npz")
    (stored,) = stored_movies(tmp_path)
    assert len(stored) == 4
    np.testing.assert_array_equal(stored.labels(2), movie.labels_tyx[2])
    low, high = stored.limits(0)
    wanted = np.percentile(movie.image_tyx, (0.1, 99.8))
    back = (stored.image(2) - low) / (high - low)
    scaled = (movie.image_tyx[2] - wanted[0]) / (wanted[1] - wanted[0])
    assert np.abs(back - scaled)[scaled < 1.2].max() < 0.01
    clip = ClipSource(stored).draw(np.random.default_rng(0), Request(3, 2, 64))
    assert clip.valid_k[0]
    assert StillSource(stored).draw(np.random.default_rng(0), Request(1, 2, 64)).valid_k[0]


def test_preparing_goes_on_where_it_stopped(tmp_path):
    folder = tmp_path / "data" / "synthetic"
    assert prepare(folder, clips=2, frames=2, size=64) == 2
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert prepare(folder, clips=3, frames=2, size=64) == 1
    assert all((folder / name).read_bytes() == data for name, data in first.items())
    assert len(stored_movies(folder)) == 3


def test_stored_movies_share_one_weight(tmp_path):
    root = tmp_path / "data"
    prepare(root / "synthetic", clips=3, frames=2, size=96)
    still = root / "image" / "dsb2018_256x256_gray_dark"
    still.mkdir(parents=True)
    labels = np.zeros((1, 64, 64), np.uint16)
    labels[0, 20:40, 20:40] = 1
    tifffile.imwrite(still / "labels.tif", labels)
    tifffile.imwrite(still / "image.tif", (labels * 100).astype(np.uint8))
    mixture = build_mixture(root)
    shares = [w.weight for w in mixture.stills if w.source.stack.name == "synthetic"]
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(28.0)
    assert mixture.clip_batch(0, 2, 2, 2, 48).valid_bk.any()
