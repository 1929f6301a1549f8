"""Track a movie from prompts, writing labels as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from napari_sam2.io import LabelSink, Movie
from napari_sam2.network import SAM2
from napari_sam2.pipeline.progress import Progress
from napari_sam2.pipeline.report import ReportRows, TrackReport, peak_rss_mib
from napari_sam2.pipeline.write_behind import WriteBehind
from napari_sam2.tracking import FrameResult, LabelPatch, Prompt, Tracker, TrackerSettings
from napari_sam2.tracking.results import merge_patch
from napari_sam2.tracking.settings import Direction

_DEFAULTS = TrackerSettings()


def track_movie(
    movie: Movie,
    prompts: Iterable[Prompt],
    model: SAM2,
    *,
    sink: LabelSink | None = None,
    direction: Direction = "both",
    start: int | None = None,
    stop: int | None = None,
    settings: TrackerSettings = _DEFAULTS,
    progress: Callable[[Progress], None] | None = None,
) -> TrackReport:
    """Carry prompted objects through a movie.

    Frames are read ahead and labels written behind, on a thread each, while the network works;
    `TrackerSettings.read_ahead` and `write_behind.FRAMES_BEHIND` say how many. A run that is
    interrupted (by an exception of `progress`, a frame that cannot be read, a full disk) leaves all
    frames before it in the sink.

    Parameters
    ----------
    movie
        From `open_movie`.
    prompts
        At least one prompt; frames count from 0, positions are (y, x) in pixels.
    model
        From `load_model`, on the device to be used.
    sink
        Where labels (Y, X) uint32 go, from `open_label_sink`; it is finished at the end of a
        whole run and left marked incomplete otherwise. None keeps the report alone.
    direction, start, stop
        As in `Tracker.propagate`.
    settings
        How the tracker works.
    progress
        Called after each frame; its labels may still be on their way to the sink.

    Returns
    -------
    TrackReport
        Time, memory, and one row per object and frame.

    Raises
    ------
    ValueError
        If a prompt cannot be meant, or there is none.
    OSError
        If a frame cannot be read or written.
    """
    tracker = Tracker(model, movie, settings=settings)
    for prompt in prompts:
        tracker.add(prompt)
    total = tracker.count_frames(direction, start=start, stop=stop)
    rows = ReportRows()
    begun = time.perf_counter()
    done = 0
    with _written_behind(sink) as labels:
        for result in tracker.propagate(direction, start=start, stop=stop):
            done += 1
            if labels is not None:
                labels.write(result.frame, _merged(labels, result, tracker.object_ids))
            rows.add(result)
            if progress is not None:
                progress(Progress(done, total, result.frame))
        seconds = time.perf_counter() - begun
    return TrackReport(
        rows.frames,
        tracker.object_ids,
        seconds / max(done, 1),
        peak_rss_mib(),
        rows.complete(tracker.object_ids, len(movie)),
    )


def segment_frame(
    movie: Movie,
    frame: int,
    prompts: Iterable[Prompt],
    model: SAM2,
    *,
    settings: TrackerSettings = _DEFAULTS,
) -> FrameResult:
    """Segment prompted objects on one frame without any memory (promptable image segmentation).

    Parameters
    ----------
    movie, model, settings
        As in `track_movie`.
    frame
        The frame to look at; prompts on other frames are left out.
    prompts
        At least one prompt on `frame`.

    Returns
    -------
    FrameResult
        Labels (Y, X) uint32, scores and logits.

    Raises
    ------
    ValueError
        If no prompt lies on the frame, or one cannot be meant.
    """
    tracker = Tracker(model, movie, settings=settings)
    for prompt in prompts:
        if prompt.frame == frame:
            tracker.add(prompt)
    if not tracker.object_ids:
        raise ValueError(f"expected at least one prompt on frame {frame}, got none")
    return tracker.predict(frame)


@contextmanager
def _written_behind(sink: LabelSink | None) -> Iterator[WriteBehind | None]:
    """Finish a sink after a whole run, and close it after any."""
    if sink is None:
        yield None
        return
    with sink:
        with WriteBehind(sink) as labels:
            yield labels
        sink.finish()


def _merged(
    labels: WriteBehind, result: FrameResult, object_ids: tuple[int, ...]
) -> Iterable[LabelPatch]:
    """Join a pass with what an earlier pass wrote of the other objects."""
    if len(result.objects) == len(object_ids):
        return result.patches
    before = labels.read(result.frame, result.patches)
    merged = [LabelPatch(each.corner_yx, each.labels) for each in before]
    for patch in merged:
        merge_patch(patch, result)
    return merged
