"""A user's session with a movie: prompts with undo, labels, record, and the engine of its jobs.

Everything that a front end with a user in front of it needs, without a window.
"""

from napari_sam2.session.jobs import Choose, Job, Prepare, Preview, Propagate, Update
from napari_sam2.session.tokens import (
    CandidatesReady,
    FrameDone,
    FrameToken,
    JobFailed,
    JobFinished,
    JobStarted,
    Notice,
    Token,
)

__all__ = [
    "CandidatesReady",
    "Choose",
    "FrameDone",
    "FrameToken",
    "Job",
    "JobFailed",
    "JobFinished",
    "JobStarted",
    "Notice",
    "Prepare",
    "Preview",
    "Propagate",
    "Token",
    "Update",
]
