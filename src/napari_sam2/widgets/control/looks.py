"""How objects look: filled, or as outlines that leave the image in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.layers import Labels

OUTLINE_PX = 2
OUTLINED_OPACITY = 0.9
FILLED_OPACITY = 0.5


def is_outlined(layer: Labels) -> bool:
    """Tell whether a labels layer shows outlines."""
    return layer.contour > 0


def set_outlined(layer: Labels, outlined: bool) -> None:
    """Show a labels layer as outlines or filled; nothing where it does so already."""
    if is_outlined(layer) != outlined:
        layer.contour = OUTLINE_PX if outlined else 0
        layer.opacity = OUTLINED_OPACITY if outlined else FILLED_OPACITY
