"""Say things to the user the way napari says them; never show a traceback for bad input."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

from napari.utils.notifications import show_error, show_info, show_warning

_LOGGER = logging.getLogger(__name__)

# What a user can act on; anything else is a defect of ours, and its sentence says so.
_EXPECTED = (ValueError, TypeError, RuntimeError, OSError, LookupError, MemoryError)

P = ParamSpec("P")


def tell(message: str) -> None:
    """Show a message that needs no action."""
    show_info(message)


def warn(message: str) -> None:
    """Show a message that something did not happen as asked."""
    show_warning(message)


def fail(message: str) -> None:
    """Show a message that something went wrong."""
    show_error(message)


def sentence_of(error: BaseException) -> str:
    """Put an error into words for the notification area.

    Parameters
    ----------
    error
        Expected ones (ValueError, OSError, ...) already carry their sentence; it gets a capital
        letter. Others are named with their type and how to report them.
    """
    text = str(error).strip()
    if isinstance(error, MemoryError) and not text:
        return "Not enough memory. Close other programs, or choose a smaller model or view."
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
    if text and isinstance(error, _EXPECTED):
        return text[0].upper() + text[1:]
    return (
        f"Something unexpected happened in napari-sam2 ({type(error).__name__}: {text}). "
        "Your prompts and labels are kept; please report it with the log."
    )


def guarded(function: Callable[P, object]) -> Callable[P, None]:
    """Wrap a slot, key or menu callback: its exceptions become notifications.

    Expected errors are warnings, since they ask the user for something; others are logged with
    their traceback.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except _EXPECTED as error:
            _LOGGER.debug("refused", exc_info=True)
            warn(sentence_of(error))
        except Exception as error:
            _LOGGER.exception("unexpected error in %s", getattr(function, "__name__", function))
            fail(sentence_of(error))

    return call
