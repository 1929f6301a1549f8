"""Curves for TensorBoard, where it is installed; the CSV files hold the same numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
_FLUSH_SECONDS = 20


class Curves:
    """Writes numbers by step, or does nothing without TensorBoard (extra ``train``).

    Parameters
    ----------
    run
        Folder of the run; curves go to ``tensorboard`` in it.
    wanted
        Off in all processes but the one that logs.
    """

    def __init__(self, run: Path, *, wanted: bool = True) -> None:
        self._writer: SummaryWriter | None = None
        if wanted and find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            folder = str(run / FOLDER)
            self._writer = SummaryWriter(folder, flush_secs=_FLUSH_SECONDS)

    def add(self, group: str, numbers: Mapping[str, float], step: int) -> None:
        """Add one point to each curve of a group; what was not measured is left out."""
        if self._writer is None:
            return
        for name, value in numbers.items():
            if not math.isnan(value):
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
