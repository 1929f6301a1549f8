"""The timeline in a dock under the viewer, as long as a session is open."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_sam2.widgets.timeline.room import keep_whole
from napari_sam2.widgets.timeline.timeline import Timeline

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_sam2.widgets.control.workspace import Workspace

NAME = "Objects over time"


class TimelineDock:
    """Show the record of a session under the viewer.

    Parameters
    ----------
    viewer
        The napari viewer.
    chosen
        Called with frame and object id (None for none) when the user clicks into the timeline.
    owner
        When it is gone, the view of the image is left alone.
    """

    def __init__(
        self, viewer: Viewer, chosen: Callable[[int, int | None], None], owner: QObject
    ) -> None:
        self._viewer = viewer
        self._chosen = chosen
        self._owner = owner
        self._timeline: Timeline | None = None
        self._layer: Image | None = None

    def open(self, workspace: Workspace) -> None:
        """Show a session."""
        self.close()
        keep_whole(self._viewer, workspace.layer, self._owner)
        self._layer = workspace.layer
        timeline = Timeline()
        timeline.set_record(workspace.session.record)
        timeline.frame_chosen.connect(self._chosen)
        self._viewer.window.add_dock_widget(timeline, name=NAME, area="bottom")
        self._timeline = timeline

    def show_frame(self, workspace: Workspace) -> None:
        """Mark the frame and the object at hand, and list the objects."""
        if self._timeline is not None:
            ids = workspace.session.object_ids
            self._timeline.set_objects(ids, {each: workspace.color_of(each) for each in ids})
            self._timeline.set_frame(workspace.frame)
            self._timeline.set_current(workspace.prompts.object_id)

    def refresh(self, frames: tuple[int, ...] | None = None) -> None:
        """Draw frames again, all by default."""
        if self._timeline is not None:
            self._timeline.refresh(frames)

    def close(self) -> None:
        """Take the dock away."""
        timeline, self._timeline = self._timeline, None
        if timeline is None:
            return
        if self._layer is not None:
            keep_whole(self._viewer, self._layer, self._owner)
        with contextlib.suppress(LookupError):  # the user has closed it
            self._viewer.window.remove_dock_widget(timeline)
        timeline.deleteLater()
