"""A user's session with a movie: prompts with undo, labels, record, and the engine of its jobs.

Everything that a front end with a user in front of it needs, without a window.
"""

from napari_sam2.session.engine import Engine
from napari_sam2.session.jobs import Choose, Job, Prepare, Preview, Propagate, Update
from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.prompt_book import BookChange, Entry, PromptBook
from napari_sam2.session.record import Doubt, TrackRecord
from napari_sam2.session.session import SESSION_SETTINGS, Session
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
    "SESSION_SETTINGS",
    "BookChange",
    "CandidatesReady",
    "Choose",
    "Doubt",
    "Engine",
    "Entry",
    "FrameDone",
    "FrameToken",
    "Job",
    "JobFailed",
    "JobFinished",
    "JobStarted",
    "LabelStore",
    "Notice",
    "Prepare",
    "Preview",
    "PromptBook",
    "Propagate",
    "Session",
    "Token",
    "TrackRecord",
    "Update",
]
