"""The one place where an error becomes a line for the user and an exit status."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import typer
from typer.core import TyperGroup

# What a wrong file, value or device raises; anything else is a fault of ours, with its traceback.
EXPECTED = (ValueError, TypeError, OSError, RuntimeError, MemoryError)
STATUS_ERROR = 2
STATUS_INTERRUPTED = 130  # what shells report after Ctrl-C

# Typer's usage errors (a wrong option, a missing argument); newer versions bring their own class.
_USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[2])
_DEBUG = "--debug"


class CommandGroup(TyperGroup):
    """The commands, with errors as one line on the error stream.

    Exit status: 0 done, 2 the user has something to change, 130 stopped by Ctrl-C. ``--debug``
    anywhere on the line adds the traceback.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and end the process with its exit status."""
        given = list(sys.argv[1:] if args is None else args)
        debug = _DEBUG in given
        with console_logging(debug=debug):
            try:
                status = super().main(
                    [argument for argument in given if argument != _DEBUG],
                    prog_name,
                    complete_var,
                    standalone_mode=False,
                    windows_expand_args=windows_expand_args,
                    **extra,
                )
            except (*EXPECTED, _USAGE_ERROR) as error:
                if debug:
                    traceback.print_exc()
                say(one_line(error))
                status = STATUS_ERROR
        sys.exit(status if isinstance(status, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; Ctrl-C says what is left of it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            say(_sentences(["stopped", *notes(stop)]))
            raise typer.Exit(STATUS_INTERRUPTED) from stop


def say(message: str) -> None:
    """Write a line on the error stream, under the name of the program."""
    typer.echo(f"napari-sam2: {message}", err=True)


def one_line(error: BaseException) -> str:
    """Put the message of an error, and the notes added on its way, on one line."""
    if isinstance(error, _USAGE_ERROR):
        usage: Any = error
        command = usage.ctx.command_path if usage.ctx else "napari-sam2"
        return _sentences([usage.format_message(), f"See `{command} --help`."])
    return _sentences([str(error) or type(error).__name__, *notes(error)])


def notes(error: BaseException) -> list[str]:
    """Return what was added to an error with `BaseException.add_note`."""
    return list(getattr(error, "__notes__", []))


def _sentences(parts: Sequence[str]) -> str:
    """Join parts on one line, with a full stop after all but the last."""
    flat = [_flat(part) for part in parts]
    return " ".join([*(f"{part.rstrip('.')}." for part in flat[:-1]), flat[-1]])


class _Lines(logging.Handler):
    """Log records as lines on whatever is the error stream at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        say(_flat(record.getMessage()))


@contextmanager
def console_logging(*, debug: bool) -> Iterator[None]:
    """Show the package's own warnings as lines while a command runs; with debug, all it says."""
    ours, root = logging.getLogger("napari_sam2"), logging.getLogger()
    lines, silence = _Lines(), logging.NullHandler()
    # What a sink says of incomplete labels is a note on the error, in the same line.
    lines.addFilter(lambda record: record.name != "napari_sam2.io.sinks")
    level = ours.level
    ours.addHandler(lines)
    # Other libraries' complaints about a damaged file would repeat the error in their own words.
    root.addHandler(silence)
    ours.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    finally:
        ours.removeHandler(lines)
        root.removeHandler(silence)
        ours.setLevel(level)


def _flat(text: str) -> str:
    return " ".join(text.split())
