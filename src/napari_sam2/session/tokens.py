"""What a session and its engine say of their work: small values that cross a thread border.

No token carries a mask. Masks are in the label store before the token is out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from napari_sam2.session.jobs import Job


@dataclass(frozen=True, slots=True)
class FrameToken:
    """A frame whose labels and record are up to date for some objects.

    Parameters
    ----------
    frame
        Frame index.
    object_ids
        Objects concerned; those that lost their last prompt are among them.
    """

    frame: int
    object_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A job begins; `total` counts the frames that it will visit."""

    job_id: int
    job: Job
    total: int


@dataclass(frozen=True, slots=True)
class FrameDone:
    """A frame of a job is in the labels and in the record.

    Parameters
    ----------
    job_id
        The job.
    frame, object_ids
        As in `FrameToken`.
    done, total
        Frames of the job that are finished, and all of them.
    seconds
        Time that this frame took.
    """

    job_id: int
    frame: int
    object_ids: tuple[int, ...]
    done: int
    total: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CandidatesReady:
    """An ambiguous click offers several masks, the answer first; `ious` are their estimates."""

    object_id: int
    frame: int
    ious: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class JobFinished:
    """A job is over; cancelled or not, everything it did is kept."""

    job_id: int
    job: Job
    cancelled: bool


@dataclass(frozen=True, slots=True)
class JobFailed:
    """A job broke off; the engine goes on with the next one.

    Parameters
    ----------
    job_id, job
        The job.
    message
        A sentence for the user.
    error
        What was raised.
    """

    job_id: int
    job: Job
    message: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know, though the work goes on."""

    message: str


Token: TypeAlias = JobStarted | FrameDone | CandidatesReady | JobFinished | JobFailed | Notice
