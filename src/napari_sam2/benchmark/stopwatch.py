"""Split wall time by the parts of the program that it is spent in, from outside of them."""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

OTHER = "other"


class Stopwatch:
    """Charge time to the innermost part that runs; to "other" where none does.

    Only the thread that made the watch is timed: what other threads do meanwhile is no wall time.

    Parameters
    ----------
    synchronize
        Waits until the device has done what was asked of it; called at each border between parts.
    """

    def __init__(self, synchronize: Callable[[], None] | None = None) -> None:
        self._synchronize = synchronize
        self._thread = threading.get_ident()
        self._stack: list[str] = []
        self._since = 0.0
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function so that its time is charged to a part."""

        @functools.wraps(call)
        def wrapper(*args: Any, **options: Any) -> Any:
            if not self._stack or threading.get_ident() != self._thread:
                return call(*args, **options)
            self._enter(part)
            try:
                return call(*args, **options)
            finally:
                self._leave()

        return wrapper

    @contextmanager
    def lap(self) -> Iterator[defaultdict[str, float]]:
        """Time what is done inside; the dictionary holds seconds a part when it is left."""
        laps: defaultdict[str, float] = defaultdict(float)
        self._seconds = laps
        self._enter(OTHER)
        try:
            yield laps
        finally:
            self._leave()

    def _enter(self, part: str) -> None:
        self._charge()
        self._stack.append(part)

    def _leave(self) -> None:
        self._charge()
        self._stack.pop()

    def _charge(self) -> None:
        if self._synchronize is not None:
            self._synchronize()
        now = time.perf_counter()
        if self._stack:
            self._seconds[self._stack[-1]] += now - self._since
        self._since = now


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Give an object or a class another attribute for a while."""
    own = vars(owner).get(name, None)
    had = name in vars(owner)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if had:
            setattr(owner, name, own)
        else:
            delattr(owner, name)


@contextmanager
def replaced_everywhere(function: Callable[..., Any], other: Callable[..., Any]) -> Iterator[None]:
    """Put another function wherever a module of this package has imported the first one."""
    with ExitStack() as stack:
        for module in [m for n, m in sys.modules.items() if n.startswith("napari_sam2.")]:
            for name in [n for n, value in vars(module).items() if value is function]:
                stack.enter_context(replaced(module, name, other))
        yield
