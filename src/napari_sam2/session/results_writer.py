"""Write results into labels and record, and take out again what is no more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from napari_sam2.session.applied_prompts import AppliedPrompts
from napari_sam2.session.label_merging import erase, merge_result, owned, shared
from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.record import STATE_OF_CODE, TrackRecord
from napari_sam2.tracking import (
    Absent,
    FrameResult,
    LabelPatch,
    Mask,
    ObjectState,
    Prompt,
)

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
            tiles = self._labels.read_tiles(frame, result.patches)
            takes_from = self._takes_from(tiles, result)
            changed = [t for t in tiles if merge_result(t, result, takes_from=takes_from)]
            self._labels.write_tiles(frame, changed)
        self._record.put(owned(result, tiles))
        if frame in self._stale:
            self._keep_stale(frame, self._stale[frame].difference(result.object_ids))

    def show(self, prompt: Prompt) -> bool:
        """Whether the labels show what a painted mask, or an absence, says of its frame."""
        theirs = self._labels.read(prompt.frame) == prompt.object_id
        if isinstance(prompt, Mask):
            return np.array_equal(theirs, prompt.mask)
        return isinstance(prompt, Absent) and not theirs.any()

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
            tiles = self._labels.read_tiles(frame)
            changed = [tile for tile in tiles if erase(tile.labels, object_ids)]
            self._labels.write_tiles(frame, changed)

    def _takes_from(
        self, existing: Sequence[LabelPatch], result: FrameResult
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
        self, existing: Sequence[LabelPatch], result: FrameResult, object_id: int
    ) -> set[int]:
        """Return the labels on pixels that the user has given to an object."""
        if self._applied.locks(object_id, result.frame):
            pairs = (pair for tile in existing for pair in shared(tile, result))
            theirs = [np.unique(ours[found == object_id]) for ours, found in pairs]
            return {label for labels in theirs for label in labels.tolist()}
        limits = np.array(self._labels.shape_yx) - 1
        clicks = np.array(self._applied.clicked(object_id, result.frame)).reshape(-1, 2)
        places = np.clip(np.rint(clicks), 0, limits).astype(int)
        meant: set[int] = set()
        for tile in existing:
            inside = places - np.array(tile.corner_yx)
            inside = inside[((inside >= 0) & (inside < tile.labels.shape)).all(axis=1)]
            meant.update(tile.labels[tuple(inside.T)].tolist())
        return meant
