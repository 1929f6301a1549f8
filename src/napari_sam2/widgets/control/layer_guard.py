"""Layers that are deleted while a session needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_sam2.widgets import notify

if TYPE_CHECKING:
    from napari_sam2.widgets.control.workspace import Workspace


class LayerGuard:
    """Bring back the session's layers when they are deleted; stop when its image is.

    Parameters
    ----------
    workspace
        Whose layers to watch.
    restored
        Called when layers have been brought back.
    """

    def __init__(self, workspace: Workspace, restored: Callable[[], None]) -> None:
        self._workspace = workspace
        self._restored = restored
        self._open = True
        workspace.viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        """Watch no longer."""
        self._open = False
        self._workspace.viewer.layers.events.removed.disconnect(self._on_removed)

    def _on_removed(self, event: Any) -> None:
        workspace, layer = self._workspace, event.value
        if layer is workspace.layer:
            workspace.dispatcher.cancel()
            # A viewer that is closed removes its layers first, and then there is nobody to tell.
            QTimer.singleShot(0, self._tell_of_image)
            return
        ours = (workspace.labels.layer, workspace.prompts.points, workspace.prompts.shapes)
        if any(layer is each for each in ours):
            # napari is still removing it; the new one is added when it is through.
            QTimer.singleShot(0, lambda: self._restore(layer.name))

    def _tell_of_image(self) -> None:
        if self._open:
            notify.warn(
                f"The image {self._workspace.layer_name!r} of the session was removed, so tracking "
                "was stopped. Prompts and labels are kept: save them, or press New session."
            )

    def _restore(self, name: str) -> None:
        workspace = self._workspace
        if not self._open or workspace.layer not in workspace.viewer.layers:
            return
        workspace.labels.rebuild()
        workspace.prompts.rebuild()
        self._restored()
        notify.warn(
            f"The layer {name!r} belongs to the open session, so it was brought back with all it "
            "held. Press New session to be rid of it."
        )
