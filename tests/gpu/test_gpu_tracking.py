"""Tracking, correcting and giving way on a GPU."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
import torch

from golden.replay import Replay
from napari_sam2.pipeline.prompt_files import read_prompts
from napari_sam2.sample_data import nuclei_timelapse
from napari_sam2.session.fallback import Fallback
from napari_sam2.tracking import Box, Mask, Point, Tracker, TrackerSettings
from napari_sam2.tracking.out_of_memory import ran_out_of_memory

pytestmark = pytest.mark.gpu

SLACK = 5.0  # other kernels sum in another order than those that recorded
LAST = 11
SAME = 0.97  # mean IoU of masks that differ by rounding


def labels_of(results):
    return {result.frame: result.labels.copy() for result in results}


def ious(first, second):
    """IoU of each object on each frame, where it is on either."""
    found = []
    for frame, labels in first.items():
        for object_id in np.union1d(labels, second[frame])[1:]:
            a, b = labels == object_id, second[frame] == object_id
            found.append((a & b).sum() / (a | b).sum())
    return np.array(found)


@pytest.fixture
def clicks():
    return [p for p in read_prompts(nuclei_timelapse().clicks_path) if p.frame == 0]


def clicked(model, movie, clicks, **settings):
    tracker = Tracker(model, movie, settings=TrackerSettings(**settings))
    for prompt in clicks:
        tracker.add(prompt)
    return tracker


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", ["present", "absent"])
def test_the_recordings_of_the_original(kind, cuda):
    replay = Replay("sam2.1_hiera_tiny", 512, kind, 6, device=cuda, slack=SLACK)
    replay.prompt_all()
    replay.check_pass("propagate", replay.tracker.propagate("forward"))
    replay.correct_and_return()


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_the_sample_movie_is_tracked_as_on_the_processor(
    precision, cells, cells_there, nuclei, clicks
):
    here = clicked(cells, nuclei, clicks, precision="float32")
    there = clicked(cells_there, nuclei, clicks, precision=precision)
    found = ious(
        labels_of(here.propagate("forward", stop=LAST)),
        labels_of(there.propagate("forward", stop=LAST)),
    )
    assert len(found) >= 100
    assert found.mean() >= SAME, (found.mean(), found.min())


def corrected(model, nuclei, clicks):
    """Use every kind of prompt, track, correct twice and spread that both ways."""
    tracker = clicked(model, nuclei, clicks[:2], precision="float32")
    (y, x), (v, u) = clicks[2].yx, clicks[3].yx
    top, left = max(y - 20, 0), max(x - 20, 0)
    tracker.add(Box(0, 3, ((top, left), (y + 20, x + 20))))
    disc = np.hypot(*(np.mgrid[:511, :511] - np.array([v, u])[:, None, None])) < 15
    tracker.add(Mask(0, 4, disc))
    offered = tracker.candidates(1, 0)
    if len(offered) > 1:
        tracker.choose(1, 0, 1)
        tracker.choose(1, 0, 0)
    before = labels_of(tracker.propagate("forward", stop=8))
    inside = np.argwhere(before[4] == 1)
    tracker.add(Point(4, 1, tuple(map(float, inside[len(inside) // 2]))))
    tracker.add(Point(4, 1, tuple(map(float, inside[0])), positive=False))
    preview = tracker.predict(4).labels.copy()
    after = labels_of(tracker.repropagate())
    return {**before, **after, -1: preview}, sorted(after)


def test_a_correction_spreads_as_on_the_processor(cells, cells_there, nuclei, clicks):
    here, spread_here = corrected(cells, nuclei, clicks)
    there, spread_there = corrected(cells_there, nuclei, clicks)
    assert spread_there == spread_here
    found = ious(here, there)
    assert found.mean() >= SAME, (found.mean(), found.min())


def test_memory_of_the_gpu_stays_flat(cuda, cells_there, nuclei, clicks):
    tracker = clicked(cells_there, nuclei, clicks, feature_bytes=2**22)
    held = {}
    for result in tracker.propagate("forward"):
        torch.cuda.synchronize(cuda)
        held[result.frame] = torch.cuda.memory_allocated(cuda)
    assert held[29] - held[15] < 2**22, {frame: held[frame] >> 20 for frame in (8, 15, 29)}


def test_running_out_of_memory_is_recognised(cuda):
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**46, dtype=torch.uint8, device=cuda)
    assert ran_out_of_memory(caught.value)


@pytest.fixture
def no_room(cuda):
    """Leave no memory on the GPU beyond what is held on entry; all of it comes back."""

    def fill():
        torch.cuda.empty_cache()
        whole = torch.cuda.get_device_properties(cuda).total_memory
        torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved(cuda) / whole, cuda)
        for size in (2**22, 2**20, 2**18, 2**16, 2**14, 2**12):
            with suppress(torch.OutOfMemoryError):
                while True:
                    held.append(torch.empty(size, dtype=torch.uint8, device=cuda))

    held: list[torch.Tensor] = []
    yield fill
    torch.cuda.set_per_process_memory_fraction(1.0, cuda)
    held.clear()
    torch.cuda.empty_cache()


def test_a_full_gpu_is_relieved_and_the_masks_are_the_same(
    cells, cells_there, nuclei, clicks, no_room
):
    there = clicked(cells_there, nuclei, clicks, precision="float32")
    fallback = Fallback(cells_there, there)
    no_room()
    seen = labels_of(there.propagate("forward", stop=2))
    notices = fallback.take_notices()
    assert notices
    assert all("GPU ran out of memory" in notice for notice in notices)
    # How much has to be given up depends on what the driver still finds.
    left = notices[-1].endswith("Going on with the CPU, more slowly.")
    assert {each.device.type for each in cells_there.parameters()} == {"cpu" if left else "cuda"}
    here = clicked(cells, nuclei, clicks, precision="float32")
    assert ious(labels_of(here.propagate("forward", stop=2)), seen).mean() >= SAME
