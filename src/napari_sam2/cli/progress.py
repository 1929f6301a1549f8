"""Progress bars on the error stream; none when it is not a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

if TYPE_CHECKING:
    from napari_sam2.pipeline import Progress


class FrameRateColumn(ProgressColumn):
    """Frames per second, or seconds per frame where that is the larger number."""

    def render(self, task: Task) -> Text:
        """Write the rate of the last frames."""
        rate = task.finished_speed or task.speed
        if not rate:
            text = "- frames/s"
        else:
            text = f"{rate:.1f} frames/s" if rate >= 1 else f"{1 / rate:.1f} s/frame"
        return Text(text, style="progress.data.speed", no_wrap=True)


@contextmanager
def frame_progress(description: str, *, above: str) -> Iterator[Callable[[Progress], None]]:
    """Show frames done, frames per second and time left; yields what `track_movie` calls.

    Parameters
    ----------
    description
        A word or two before the bar.
    above
        A line above it.
    """
    columns = (MofNCompleteColumn(), FrameRateColumn(), TimeRemainingColumn())
    with _bars(*columns) as bars:
        if not bars.disable:
            bars.console.print(above, markup=False, highlight=False)
        task = bars.add_task(description, total=None)

        def update(progress: Progress) -> None:
            bars.update(task, completed=progress.done, total=progress.total)

        yield update


@contextmanager
def byte_progress(description: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show bytes that arrived; yields what `download_model` calls."""
    columns = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with _bars(*columns) as bars:
        task = bars.add_task(description, total=None)

        def update(done: int, total: int | None) -> None:
            bars.update(task, completed=done, total=total)

        yield update


@contextmanager
def count_progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of a number of things are done; yields what takes both numbers."""
    with _bars(MofNCompleteColumn(), TimeRemainingColumn()) as bars:
        task = bars.add_task(description, total=None)

        def update(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield update


@contextmanager
def share_progress(description: str) -> Iterator[Callable[[float, str], None]]:
    """Show the share of a budget that is used, from 0 to 1, and a line about it."""
    columns = (TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.fields[detail]}"))
    with _bars(*columns) as bars:
        task = bars.add_task(description, total=1.0, detail="")

        def update(share: float, detail: str) -> None:
            bars.update(task, completed=share, detail=detail)

        yield update


def _bars(*columns: ProgressColumn) -> Bars:
    console = Console(stderr=True)
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
