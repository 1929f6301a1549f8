"""What every front end calls: movies, prompts and a model in, labels and a report out."""

from napari_sam2.pipeline.progress import Progress
from napari_sam2.pipeline.prompt_files import read_prompts, write_prompts
from napari_sam2.pipeline.report import ObjectFrame, TrackReport
from napari_sam2.pipeline.track import segment_frame, track_movie

__all__ = [
    "ObjectFrame",
    "Progress",
    "TrackReport",
    "read_prompts",
    "segment_frame",
    "track_movie",
    "write_prompts",
]
