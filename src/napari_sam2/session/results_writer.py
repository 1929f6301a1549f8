"""Write results into labels and record, and take out again what is no more."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from napari_sam2.session.applied_prompts import AppliedPrompts
from napari_sam2.session.label_merging import erase, merge_result, owned, reach
from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.record import STATE_OF_CODE, TrackRecord
from napari_sam2.tracking import FrameResult, ObjectState

_NOT_REACHED = STATE_OF_CODE.index(ObjectState.NOT_REACHED)


class ResultsWriter:
    """Keep labels and record in step with the tracker, frame by frame.

    Parameters
    ----------
    labels, record
        What is written.
    applied
        Knows which masks the user has fixed, and where the user clicked.
    """

    def __init__(self, labels: LabelStore, record: TrackRecord, applied: AppliedPrompts) -> None:
        self._labels = labels
        self._record = record
        self._applied = applied
        self._stale: defaultdict[int, set[int]] = defaultdict(set)  # frame to objects that are gone

    def put(self, result: FrameResult) -> None:
        """Write the objects of a result; a lock, and a click on another object, take its pixels."""
        frame = result.frame
        with self._labels.hold(frame):
            labels = self._labels.read(frame)
            merge_result(labels, result, takes_from=self._takes_from(labels, result))
            self._labels.write(frame, labels)
        self._record.put(owned(result, labels))
        if frame in self._stale:
            self._keep_stale(frame, self._stale[frame].difference(result.object_ids))

    def erase(self, object_id: int, frame: int) -> None:
        """Take an object out of a frame."""
        self._erase({object_id}, frame)
        self._record.forget(object_id, [frame])

    def forget(self, object_id: int) -> None:
        """Take an object out of the record; its labels are stale until `erase_stale`."""
        if object_id in self._record.object_ids:
            states = np.asarray(self._record.states(object_id))
            for frame in np.flatnonzero(states != _NOT_REACHED).tolist():
                self._stale[frame].add(object_id)
            self._record.forget(object_id)

    @property
    def stale_frames(self) -> set[int]:
        """Frames whose labels still show objects that are gone."""
        return set(self._stale)

    def erase_stale(self, frame: int) -> tuple[int, ...]:
        """Take objects that are gone out of a frame and return their labels."""
        gone = tuple(sorted(self._stale.get(frame, ())))
        if gone:
            self._erase(set(gone), frame)
            self._keep_stale(frame, set())
        return gone

    def _keep_stale(self, frame: int, object_ids: set[int]) -> None:
        if object_ids:
            self._stale[frame] = object_ids
        else:
            del self._stale[frame]

    def _erase(self, object_ids: set[int], frame: int) -> None:
        with self._labels.hold(frame):
            labels = self._labels.read(frame)
            erase(labels, object_ids)
            self._labels.write(frame, labels)

    def _takes_from(
        self, existing: npt.NDArray[np.uint32], result: FrameResult
    ) -> dict[int, set[int]]:
        """Return the other objects whose pixels each object of a result may have."""
        taken: dict[int, set[int]] = {}
        for each in result.objects:
            if not each.prompted:
                continue
            found = self._meant(existing, result, each.object_id)
            others = found.difference(result.object_ids, {0})
            taken[each.object_id] = {
                other for other in others if not self._applied.locks(other, result.frame)
            }
        return taken

    def _meant(
        self, existing: npt.NDArray[np.uint32], result: FrameResult, object_id: int
    ) -> set[int]:
        """Return the labels on pixels that the user has given to an object."""
        if self._applied.locks(object_id, result.frame):
            where = reach(result)
            return set(np.unique(existing[where][result.labels[where] == object_id]).tolist())
        limits = np.array(existing.shape) - 1
        clicks = np.array(self._applied.clicked(object_id, result.frame)).reshape(-1, 2)
        rows, columns = np.clip(np.rint(clicks), 0, limits).astype(int).T
        return set(existing[rows, columns].tolist())
