"""A session: model, movie, prompts, labels and record, kept in step with each other."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_sam2.io import Movie
from napari_sam2.network import SAM2
from napari_sam2.session.applied_prompts import AppliedPrompts
from napari_sam2.session.fallback import Fallback
from napari_sam2.session.feature_folder import FeatureFolder
from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.painting import name_objects, painted_ids, replace_prompts, seen_prompt
from napari_sam2.session.prompt_book import PromptBook
from napari_sam2.session.record import TrackRecord
from napari_sam2.session.results_writer import ResultsWriter
from napari_sam2.session.shown_prompts import ShownPrompts
from napari_sam2.session.tokens import FrameToken
from napari_sam2.tracking import Absent, Tracker, TrackerSettings
from napari_sam2.tracking.feature_store import FeatureStore
from napari_sam2.tracking.settings import Direction

# Encoded views that a user may come back to: the frame at hand, its neighbours, where the mouse is.
FEATURE_BYTES = 2**26
# Those of the frames tracked so far, so that corrections spread without the encoder.
FEATURE_DISK_BYTES = 2**32
LabelsYX: TypeAlias = npt.NDArray[np.integer]
SESSION_SETTINGS = TrackerSettings(feature_bytes=FEATURE_BYTES)


class Session:
    """What a user does with one movie, without a window.

    The book of prompts belongs to the thread of the user interface, and so do the methods under
    "what the user does". The others compute, one at a time, on any thread; each first brings the
    tracker up to the book. Between two frames of `propagate` or `update` the other methods may be
    called.

    Parameters
    ----------
    model
        From `load_model`, on the device to be used. Where memory runs out it is moved to the CPU.
    movie
        From `open_movie`.
    labels
        Where labels go, by default a `LabelStore` of the movie's size.
    settings
        How the tracker works.
    feature_disk_bytes
        Disk space for encoded views until the session is closed; 0 keeps none there.

    Raises
    ------
    ValueError
        If the labels are not of the movie's length and size.
    """

    def __init__(
        self,
        model: SAM2,
        movie: Movie,
        *,
        labels: LabelStore | None = None,
        settings: TrackerSettings = SESSION_SETTINGS,
        feature_disk_bytes: int = FEATURE_DISK_BYTES,
    ) -> None:
        frames, shape_yx = len(movie), movie.shape_yx
        self.movie = movie
        self.labels = LabelStore.create((frames, *shape_yx), 0) if labels is None else labels
        if (self.labels.frames, self.labels.shape_yx) != (frames, shape_yx):
            raise ValueError(
                f"expected labels of {frames} frames of {shape_yx} as the movie has them, got "
                f"{self.labels.frames} of {self.labels.shape_yx}"
            )
        self.book = PromptBook(frames, shape_yx)
        self.record = TrackRecord(frames)
        self._features = FeatureStore(FeatureFolder(), feature_disk_bytes)
        self._tracker = Tracker(
            model, movie, settings=settings, store=self._features if feature_disk_bytes else None
        )
        self._fallback = Fallback(model, self._tracker)
        self._applied = AppliedPrompts(self._tracker)
        self._writer = ResultsWriter(self.labels, self.record, self._applied)
        self._shown = ShownPrompts(
            self.book, self._tracker, applied=self._applied, writer=self._writer
        )

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Labels of the objects, in order."""
        return self.book.object_ids

    @property
    def outdated(self) -> tuple[int, ...]:
        """Labels of objects whose corrections have not spread yet, as of the latest computation."""
        return self._shown.outdated

    def take_notices(self) -> tuple[str, ...]:
        """Return, once, sentences that the user should read; any thread."""
        notice = self._features.take_notice()
        return self._fallback.take_notices() + (() if notice is None else (notice,))

    def close(self) -> None:
        """Let go of what lies on disk: labels stay there for 30 days, encoded views are deleted."""
        self._features.close()
        self.labels.close()

    # ---- what the user does

    def paint(self, frame: int, before_yx: LabelsYX, after_yx: LabelsYX) -> tuple[int, ...]:
        """Fix what strokes in the label image of a frame left of the objects they changed.

        Each of them gets its mask as it is seen now, or is marked absent where nothing is left, in
        the place of its other prompts on the frame; all of it is one step of undo. The label images
        are (Y, X), before and after the strokes. Returns the objects.
        """
        known = self.object_ids
        prompts = [seen_prompt(o, frame, after_yx) for o in painted_ids(before_yx, after_yx)]
        # A label that is no object has nothing that could be absent.
        meant = [p for p in prompts if not isinstance(p, Absent) or p.object_id in known]
        with self.book.step(f"paint {name_objects(p.object_id for p in meant)}"):
            for prompt in meant:
                replace_prompts(self.book, prompt)
        return tuple(prompt.object_id for prompt in meant)

    def mark_absent(self, object_id: int, frame: int) -> None:
        """Say that an object is not on a frame, whatever the model thinks."""
        prompt = Absent(frame, object_id)
        self._shown.confirm(prompt)  # it may not have been seen anyway
        with self.book.step(f"mark object {object_id} absent"):
            replace_prompts(self.book, prompt)

    def confirm(self, object_id: int, frame: int) -> None:
        """Lock what is seen of an object on a frame: propagation never changes it again.

        Other frames stay as they are, and are not outdated; later runs hold on to it.

        Raises
        ------
        ValueError
            If nothing of the object is seen there.
        """
        prompt = seen_prompt(object_id, frame, self.labels.read(frame))
        if isinstance(prompt, Absent):
            raise ValueError(
                f"expected a mask of object {object_id} on frame {frame}, found none: mark it as "
                "absent if it is not there"
            )
        self._shown.confirm(prompt)
        with self.book.step(f"confirm object {object_id}"):
            replace_prompts(self.book, prompt)

    # ---- what is computed

    def use_model(self, model: SAM2, settings: TrackerSettings = SESSION_SETTINGS) -> None:
        """Go on with another model; prompts, labels and what was tracked stay."""
        self._fallback.use_model(model, settings)

    def prepare(self, frame: int, yx: tuple[float, float] | None = None) -> None:
        """Encode ahead: the whole view, and with (y, x) those that a click there looks at."""
        self._tracker.prepare(frame, yx)

    def preparing(self, frame: int, yx: tuple[float, float] | None = None) -> Iterator[int]:
        """Do as `prepare` does, one view at a time; yield the number of steps still to come."""
        return self._tracker.preparing(frame, yx)

    def preview(self, frame: int) -> FrameToken | None:
        """Answer the changed prompts of a frame and write their objects into its labels.

        Other frames follow with `sweep`, `update` or `propagate`. Returns None where nothing
        changed.
        """
        self._shown.catch_up()
        return self._shown.show(frame)

    def sweep(self) -> Generator[FrameToken]:
        """Take objects that are gone out of the labels of all frames."""
        self._shown.catch_up()
        while frames := self._writer.stale_frames:
            frame = min(frames)
            erased = self._writer.erase_stale(frame)
            if erased:
                yield FrameToken(frame, erased)

    def count_stale(self) -> int:
        """Count the frames that `sweep` would yield."""
        return len(self._writer.stale_frames)

    def propagate(
        self,
        direction: Direction = "both",
        *,
        start: int | None = None,
        stop: int | None = None,
        object_ids: Iterable[int] | None = None,
        resume: bool = False,
    ) -> Generator[FrameToken]:
        """Carry objects through the movie; see `Tracker.propagate`.

        With `resume` corrections are carried on first, then the frames follow that were not
        reached: what an earlier call left undone.
        """
        chosen = None if object_ids is None else tuple(object_ids)
        if resume:
            yield from self.update(chosen)
        else:
            yield from self._shown.show_all()
        run = self._tracker.propagate(
            direction, start=start, stop=stop, object_ids=chosen, resume=resume
        )
        yield from self._shown.write(run)

    def count_frames(
        self,
        direction: Direction = "both",
        *,
        start: int | None = None,
        stop: int | None = None,
        object_ids: Iterable[int] | None = None,
        resume: bool = False,
    ) -> int:
        """Count the frames that `propagate` would yield."""
        self._shown.catch_up()
        chosen = None if object_ids is None else tuple(object_ids)
        first = self.count_outdated(chosen) if resume else len(self._shown.behind)
        return first + self._tracker.count_frames(
            direction, start=start, stop=stop, object_ids=chosen, resume=resume
        )

    def update(self, object_ids: Iterable[int] | None = None) -> Generator[FrameToken]:
        """Carry corrections on, only for their objects and only to the neighbouring prompts."""
        chosen = None if object_ids is None else tuple(object_ids)
        yield from self._shown.show_all()
        yield from self._shown.write(self._tracker.repropagate(chosen))

    def count_outdated(self, object_ids: Iterable[int] | None = None) -> int:
        """Count the frames that `update` would yield."""
        self._shown.catch_up()
        return len(self._shown.behind) + self._tracker.count_outdated(object_ids)

    def candidates(self, object_id: int, frame: int) -> tuple[float, ...]:
        """Return the estimated IoUs of the masks that an ambiguous click offers; empty if none."""
        self._shown.catch_up()
        if not self._applied.at(object_id, frame):
            return ()
        return tuple(iou for _, iou in self._tracker.candidates(object_id, frame))

    def choose_candidate(self, object_id: int, frame: int, index: int) -> FrameToken:
        """Take one of the candidates, until the next prompt of the object on that frame.

        Raises
        ------
        ValueError
            If there is no such candidate.
        """
        self._shown.catch_up()
        self._shown.show(frame)
        self._writer.put(self._applied.choose(object_id, frame, index))
        self._shown.note_outdated()
        return FrameToken(frame, (object_id,))
