"""Read off a controller what the widget shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sam2.session.confidence import CODE_OF_STATE, STATE_OF_CODE
from napari_sam2.tracking.prompts import Absent
from napari_sam2.tracking.results import ObjectState
from napari_sam2.widgets.layers.layer_choice import image_layers
from napari_sam2.widgets.segment.advice import Facts
from napari_sam2.widgets.segment.keys import key_of
from napari_sam2.widgets.segment.objects_model import ObjectRow

if TYPE_CHECKING:
    from napari_sam2.widgets.control.controller import SegmentController
    from napari_sam2.widgets.control.workspace import Workspace

_NOT_REACHED = CODE_OF_STATE[ObjectState.NOT_REACHED]
_NEW = "click it"
_NOT_YET = "-"


def facts_of(controller: SegmentController, *, tracking: bool, saving: bool = False) -> Facts:
    """Collect what the advice depends on; doubts are not counted while tracking goes on."""
    layers = len(image_layers(controller.viewer))
    workspace = controller.workspace
    if workspace is None:
        return Facts(layers=layers, model=controller.model is not None)
    session, book = workspace.session, workspace.session.book
    ids = controller.object_ids
    reached = tracking or any(_reached(workspace, each) > len(book.frames_of(each)) for each in ids)
    return Facts(
        layers=layers,
        model=controller.model is not None,
        session=True,
        frames=len(session.movie),
        objects=len(ids),
        selected=controller.object_id in ids,
        reached=reached,
        outdated=len(session.outdated) if reached else 0,
        doubtful=0 if tracking or not reached else len(session.record.doubts(ids)),
        tracking=tracking,
        stopped=workspace.dispatcher.stopped is not None,
        saving=saving,
        undo=book.undo_text,
        redo=book.redo_text,
    )


def rows_of(controller: SegmentController) -> list[ObjectRow]:
    """Return the rows of the object list; a new object without prompts has one as well."""
    workspace = controller.workspace
    if workspace is None:
        return []
    ids = list(controller.object_ids)
    rows = [_row(workspace, object_id) for object_id in ids]
    selected = controller.object_id
    if selected is not None and selected not in ids:
        frames = len(workspace.session.movie)
        rows.append(ObjectRow(selected, workspace.color_of(selected), _NEW, 0, frames))
    return rows


def object_line(controller: SegmentController) -> str:
    """Say in words what is known of the selected object on the frame that is shown."""
    workspace, object_id = controller.workspace, controller.object_id
    if workspace is None or object_id is None:
        return ""
    candidates = workspace.candidates.at(object_id, workspace.frame)
    if candidates is not None:
        what = f"{candidates.text}; {key_of('next_candidate')} shows the next"
    else:
        what = workspace.session.record.describe(object_id, workspace.frame)
    return f"Object {object_id}, frame {workspace.frame}: {what}"


def _row(workspace: Workspace, object_id: int) -> ObjectRow:
    session = workspace.session
    here, reached = "", 0
    if object_id in session.record.object_ids:
        states = session.record.states(object_id)
        here = str(STATE_OF_CODE[states[workspace.frame]])
        if any(isinstance(each, Absent) for each in session.book.at(object_id, workspace.frame)):
            here = str(ObjectState.ABSENT)  # locked as such
        reached = int(np.count_nonzero(states != _NOT_REACHED))
    return ObjectRow(
        object_id,
        workspace.color_of(object_id),
        _NOT_YET if here in ("", ObjectState.NOT_REACHED) else here,
        reached,
        len(session.movie),
        object_id in session.outdated,
    )


def _reached(workspace: Workspace, object_id: int) -> int:
    record = workspace.session.record
    if object_id not in record.object_ids:
        return 0
    return int(np.count_nonzero(record.states(object_id) != _NOT_REACHED))
