"""Track with a progress bar; whatever stops it says which frames are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam2.cli.errors import EXPECTED
from napari_sam2.cli.progress import frame_progress
from napari_sam2.cli.results import frame_ranges
from napari_sam2.pipeline import TrackReport, track_movie
from napari_sam2.tracking import TrackerSettings

if TYPE_CHECKING:
    from napari_sam2.io import LabelSink, Movie
    from napari_sam2.pipeline.computing import Network
    from napari_sam2.tracking import Prompt
    from napari_sam2.tracking.settings import Direction


@dataclass(frozen=True, slots=True)
class Range:
    """Which way to go, and which frames bound it; see `Tracker.propagate`."""

    direction: Direction = "both"
    start: int | None = None
    stop: int | None = None


_WHOLE_MOVIE = Range()


def follow(
    movie: Movie,
    prompts: Sequence[Prompt],
    network: Network,
    *,
    sink: LabelSink,
    settings: TrackerSettings,
    span: Range = _WHOLE_MOVIE,
) -> TrackReport:
    """Run `track_movie` with a progress bar.

    Raises
    ------
    ValueError, OSError, RuntimeError, KeyboardInterrupt
        As `track_movie`; a note on them says which frames are written, and where.
    """
    with frame_progress(movie.name, above=network.description) as progress:
        try:
            return track_movie(
                movie,
                prompts,
                network.model,
                sink=sink,
                direction=span.direction,
                start=span.start,
                stop=span.stop,
                settings=settings,
                progress=progress,
            )
        except (KeyboardInterrupt, *EXPECTED) as error:
            if sink.frames_written and sink.location.name not in str(error):
                frames = f"frames {frame_ranges(sink.frames_written)} of {sink.shape[0]}"
                error.add_note(f"Written so far: {frames}, in {sink.location}.")
            raise
