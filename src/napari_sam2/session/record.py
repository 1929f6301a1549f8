"""What is known of every object on every frame, and where to look next."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sam2.session.confidence import (
    CODE_OF_STATE,
    LOCKED,
    REACH,
    STATE_OF_CODE,
    VISIBLE,
)
from napari_sam2.session.doubt import Doubt, next_key, reasons
from napari_sam2.session.record_table import Rows, Table, measure
from napari_sam2.tracking import FrameResult, ObjectState

__all__ = ["STATE_OF_CODE", "Doubt", "RecordBlock", "TrackRecord"]


@dataclass(frozen=True, slots=True, eq=False)
class RecordBlock:
    """Some objects over some frames; all arrays are (objects, frames), copies.

    Parameters
    ----------
    state
        uint8, places in `STATE_OF_CODE`.
    confidence
        float32 in [0, 1], nan where not reached.
    prompted
        bool.
    seen
        bool, whether the object has pixels there.
    """

    state: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.float32]
    prompted: npt.NDArray[np.bool_]
    seen: npt.NDArray[np.bool_]


class TrackRecord:
    """State, scores, area and confidence of objects on frames; any thread.

    It takes 28 bytes for each object and frame: 56 MB for 200 objects in 10,000 frames. A new frame
    renews the judgement of the frames beside it, and of whole objects only where prompts changed.

    Parameters
    ----------
    frames
        Of the movie.
    """

    def __init__(self, frames: int) -> None:
        if frames < 1:
            raise ValueError(f"expected a movie with at least one frame, got {frames}")
        self.frames = frames
        self._lock = threading.RLock()
        self._table = Table(frames)
        self._row_of: dict[int, int] = {}

    # ---- what comes in

    def put(self, result: FrameResult) -> None:
        """Take over what tracking says of a frame; objects that it does not name stay.

        Raises
        ------
        IndexError
            The frame is not in the movie.
        """
        column = self._column(result.frame)
        objects = result.objects
        if not objects:
            return
        places = measure(result.patches, np.array(result.object_ids, np.int64))
        values = (
            [CODE_OF_STATE[each.state] for each in objects],
            [each.prompted for each in objects],
            [each.object_score for each in objects],
            [each.predicted_iou for each in objects],
            [each.area_px for each in objects],
            *places,
        )
        with self._lock:
            rows = np.array([self._new_row(each.object_id) for each in objects], np.intp)
            self._table.put(rows, column, values)

    def forget(self, object_id: int, frames: Iterable[int] | None = None) -> None:
        """Forget an object, or what is known of it on some frames; nothing where none is known."""
        columns = None if frames is None else [self._column(frame) for frame in frames]
        with self._lock:
            if object_id not in self._row_of:
                return
            row = self._row_of[object_id]
            if columns is None:
                self._table.clear(row, slice(None))
                del self._row_of[object_id]
            else:
                self._table.clear(row, np.array(columns, np.intp))

    # ---- what is known

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Objects of which something is known, in order."""
        with self._lock:
            return tuple(sorted(self._row_of))

    def states(self, object_id: int) -> npt.NDArray[np.uint8]:
        """Return the state on each frame, (T,) uint8 places in `STATE_OF_CODE`."""
        return self._series(object_id, lambda table: table.evidence.state)

    def prompted(self, object_id: int) -> npt.NDArray[np.bool_]:
        """Return on which frames the object was prompted when they were tracked, (T,) bool."""
        return self._series(object_id, lambda table: table.evidence.prompted)

    def object_score(self, object_id: int) -> npt.NDArray[np.float32]:
        """Return the logits that the object is in the frame, (T,) float32; 0 where not reached."""
        return self._series(object_id, lambda table: table.evidence.object_score)

    def predicted_iou(self, object_id: int) -> npt.NDArray[np.float32]:
        """Return the network's estimates of the IoU, (T,) float32; 0 where not reached."""
        return self._series(object_id, lambda table: table.evidence.predicted_iou)

    def area_px(self, object_id: int) -> npt.NDArray[np.float32]:
        """Return the areas in pixels, (T,) float32; 0 where not reached."""
        return self._series(object_id, lambda table: table.evidence.area_px)

    def confidence(self, object_id: int) -> npt.NDArray[np.float32]:
        """Return how far to trust the object, (T,) float32 in [0, 1], nan where not reached."""
        return self._series(object_id, lambda table: table.confidence)

    def centre_yx(self, object_id: int, frame: int) -> tuple[float, float] | None:
        """Return where the object is on a frame, (y, x) in pixels, None where it has none."""
        column = self._column(frame)
        with self._lock:
            row, evidence = self._known_row(object_id), self._table.evidence
            if not evidence.area_px[row, column]:
                return None
            y, x = evidence.centre_y[row, column], evidence.centre_x[row, column]
        return None if np.isnan(y) else (float(y), float(x))

    def block(self, object_ids: Iterable[int], start: int, stop: int) -> RecordBlock:
        """Return objects over the frames from `start` until before `stop`, for a picture of them.

        Objects of which nothing is known are not reached anywhere.
        """
        columns = slice(start + REACH, stop + REACH)
        with self._lock:
            chosen = [self._row_of.get(object_id, -1) for object_id in object_ids]
            rows = np.array(chosen, np.intp)
            known = rows >= 0
            shape = (len(chosen), max(0, stop - start))
            found = RecordBlock(
                np.zeros(shape, np.uint8),
                np.full(shape, np.nan, np.float32),
                np.zeros(shape, np.bool_),
                np.zeros(shape, np.bool_),
            )
            evidence = self._table.evidence
            found.state[known] = evidence.state[rows[known], columns]
            found.confidence[known] = self._table.confidence[rows[known], columns]
            found.prompted[known] = evidence.prompted[rows[known], columns]
            found.seen[known] = evidence.area_px[rows[known], columns] > 0
        return found

    def describe(self, object_id: int, frame: int) -> str:
        """Say in words what is known of an object on a frame."""
        column = self._column(frame)
        with self._lock:
            row = self._row_of.get(object_id)
            if row is None or not self._table.evidence.state[row, column]:
                return str(ObjectState.NOT_REACHED)
            evidence, judgement, from_left = self._table.around(
                np.array([row], np.intp), np.array([column], np.intp)
            )
        state, area = evidence.state[0, REACH], int(evidence.area_px[0, REACH])
        size = [f"{area} px"] * bool(area)
        if judgement.doubtful[0, 0]:  # the reasons name what matters of the rest
            return ", ".join([f"doubtful: {reasons(evidence, judgement, from_left)[0]}", *size])
        if state == LOCKED:
            return ", ".join(["locked by you", *size]) if area else "absent, as you said"
        words = [str(STATE_OF_CODE[state])]
        if evidence.prompted[0, REACH]:
            words.append("prompted")
        if state == VISIBLE:
            words.append(f"estimated IoU {evidence.predicted_iou[0, REACH]:.2f}")
        return ", ".join([*words, *size])

    # ---- where to look

    def doubts(self, object_ids: Iterable[int] | None = None) -> list[Doubt]:
        """Return the worst frame of each run of doubtful frames, worst first.

        Parameters
        ----------
        object_ids
            Objects to look at; all by default.
        """
        with self._lock:
            rows, columns, ids = self._worst_places(object_ids)
            order = np.lexsort((ids, columns, self._table.confidence[rows, columns]))
            return self._doubts(rows[order], columns[order], ids[order])

    def next_doubtful(
        self,
        frame: int,
        *,
        step: int = 1,
        object_ids: Iterable[int] | None = None,
        object_id: int | None = None,
    ) -> Doubt | None:
        """Return the next frame that is worth a look, going round at the end of the movie.

        Parameters
        ----------
        frame
            Where the user is.
        step
            1 forward, -1 backward.
        object_ids
            Objects to look at; all by default.
        object_id
            The object that was looked at on `frame`: others that are doubtful on the same frame
            come next. By default all of this frame has been seen.
        """
        with self._lock:
            rows, columns, ids = self._worst_places(object_ids)
            if rows.size == 0:
                return None
            # In order of frames, then objects; None is beyond the last object in either direction.
            last = np.iinfo(np.int64).max if step > 0 else -1
            key = np.stack([columns, ids])
            here = np.array([frame + REACH, last if object_id is None else object_id])
            chosen = next_key(key, here) if step > 0 else next_key(-key, -here)
            return self._doubts(rows[chosen], columns[chosen], ids[chosen])[0]

    # ---- inside

    def _column(self, frame: int) -> int:
        frame = operator.index(frame)
        if not 0 <= frame < self.frames:
            raise IndexError(f"expected a frame from 0 to {self.frames - 1}, got {frame}")
        return frame + REACH

    def _known_row(self, object_id: int) -> int:
        if object_id not in self._row_of:
            known = ", ".join(map(str, self.object_ids)) or "none"
            raise ValueError(f"expected one of the objects {known}, got {object_id}")
        return self._row_of[object_id]

    def _new_row(self, object_id: int) -> int:
        """Return the row of an object, one that is free where it is new."""
        if object_id not in self._row_of:
            taken = set(self._row_of.values())
            row = next(row for row in range(len(taken) + 1) if row not in taken)
            if row >= self._table.rows:
                self._table.grow(max(8, 2 * self._table.rows))
            self._row_of[object_id] = row
        return self._row_of[object_id]

    def _series(self, object_id: int, array_of: Callable[[Table], np.ndarray]) -> np.ndarray:
        with self._lock:
            row = self._known_row(object_id)
            return array_of(self._table)[row, REACH : REACH + self.frames].copy()

    def _worst_places(
        self, object_ids: Iterable[int] | None
    ) -> tuple[Rows, Rows, npt.NDArray[np.int64]]:
        """Return rows, columns and object ids of the worst frames."""
        rows, columns = self._table.worst()
        id_of = np.zeros(self._table.rows, np.int64)
        id_of[list(self._row_of.values())] = list(self._row_of)
        if object_ids is not None:
            wanted = np.isin(id_of, list(object_ids))[rows]
            rows, columns = rows[wanted], columns[wanted]
        return rows, columns, id_of[rows]

    def _doubts(self, rows: Rows, columns: Rows, ids: npt.NDArray[np.int64]) -> list[Doubt]:
        evidence, judgement, from_left = self._table.around(rows, columns)
        said = reasons(evidence, judgement, from_left)
        return [
            Doubt(int(column) - REACH, int(object_id), float(confidence), reason)
            for column, object_id, confidence, reason in zip(
                columns, ids, judgement.confidence[:, 0], said, strict=True
            )
        ]
