"""The ways to give a prompt, as layers and modes of napari."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_sam2.widgets.control.workspace import Workspace

Tool: TypeAlias = Literal["click", "box", "outline", "scribble", "paint"]
TOOLS: tuple[Tool, ...] = get_args(Tool)

_SHAPE_MODES = {"box": "add_rectangle", "outline": "add_polygon_lasso", "scribble": "add_path"}


def activate(tool: Tool, viewer: Viewer, workspace: Workspace) -> None:
    """Select the layer of a tool and put it into the tool's mode.

    Raises
    ------
    ValueError
        There is no such tool.
    """
    if tool not in TOOLS:
        raise ValueError(f"expected one of the tools {', '.join(TOOLS)}, got {tool!r}")
    if tool == "click":
        layer, mode = workspace.prompts.points, "add"
    elif tool == "paint":
        layer, mode = workspace.labels.layer, "paint"
    else:
        layer, mode = workspace.prompts.shapes, _SHAPE_MODES[tool]
    layer.visible = True  # napari gives the mouse to no hidden layer
    viewer.layers.selection.active = layer
    layer.mode = mode
