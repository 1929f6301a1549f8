"""The embedded model on the bundled movie: a short piece of what `napari-sam2 demo` does."""

from __future__ import annotations

import numpy as np

from napari_sam2 import sample_data
from napari_sam2.io import open_movie
from napari_sam2.model import load_model
from napari_sam2.pipeline import read_prompts
from napari_sam2.tracking import Tracker


def test_nuclei_are_found_and_followed_from_one_click():
    sample = sample_data.nuclei_timelapse()
    clicks = [each for each in read_prompts(sample.clicks_path) if each.object_id in (2, 9)]
    overlaps = []
    with open_movie(sample.movie_path) as movie, open_movie(sample.labels_path) as reference:
        tracker = Tracker(load_model("cells"), movie)
        for click in clicks:
            tracker.add(click)
        for result in tracker.propagate("forward", stop=4):
            truth = reference.read_raw(result.frame)
            for object_id in result.object_ids:
                ours, theirs = result.labels == object_id, truth == object_id
                overlaps.append((ours & theirs).sum() / (ours | theirs).sum())
    assert len(overlaps) == 10
    assert np.mean(overlaps) > 0.75
