"""The command line: thin commands around `napari_sam2.pipeline`, one file each.

Commands import what they need when they run: ``napari-sam2 --help`` loads no PyTorch.
"""

from __future__ import annotations

from napari_sam2.cli.application import app, main

__all__ = ["app", "main"]
