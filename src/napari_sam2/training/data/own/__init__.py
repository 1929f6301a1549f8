"""Users' own images and labels, found by folder and read frame by frame."""

from __future__ import annotations

from .finding import Layout, find_layouts
from .holding_out import OwnData, divide, read_own_data
from .own_stack import OwnStack, open_stack

__all__ = [
    "Layout",
    "OwnData",
    "OwnStack",
    "divide",
    "find_layouts",
    "open_stack",
    "read_own_data",
]
