"""Fetch a file over HTTP, or copy it, so that a broken transfer goes on where it stopped.

What has arrived lies in ``NAME.part``; ``NAME.part.json`` says of which file it is the beginning.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from napari_sam2.home import HOME_VARIABLE

Progress = Callable[[int, int | None], None]
COPY_BYTES = 1 << 20
# Small: what a broken connection leaves of a piece is lost.
RECEIVE_BYTES = 1 << 16
TIMEOUT_S = (15.0, 60.0)  # to connect, and between two pieces of data
MARGIN_BYTES = 16 << 20  # to stay free on the disk
_LOST = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A source that is ready to give its bytes from an offset on."""

    chunks: Iterator[bytes]
    offset: int
    total: int | None
    validator: str


@dataclass(frozen=True, slots=True)
class ResumingDownloader:
    """Downloader for pooch that keeps what has arrived and goes on from there.

    Parameters
    ----------
    part
        File that collects the bytes; its folder exists.
    progress
        Called with the bytes that have arrived and their total (`None`: unknown). What it raises
        stops the transfer, and the next one goes on from there.
    expected_bytes
        Size that the whole file must have; `None`: whatever the source says.
    attempts
        How often a lost connection is taken up again without a single byte in between.
    pause_s
        Seconds before the first new attempt; doubled before each further one.
    """

    part: Path
    progress: Progress | None = None
    expected_bytes: int | None = None
    attempts: int = 4
    pause_s: float = 0.5

    def __call__(self, url: str, output_file: str, pooch: Any = None) -> None:
        """Bring the file at `url`, whole, to `output_file`.

        Raises
        ------
        FileNotFoundError
            The source does not exist.
        ConnectionError
            The connection was lost too often, or the server refused.
        OSError
            The disk is too full, or the size is not the expected one.
        """
        failures, last_size = 0, self._size()
        while True:
            try:
                self._transfer(url)
                break
            except _LOST as error:
                size = self._size()
                failures = 1 if size > last_size else failures + 1
                last_size = size
                if failures >= self.attempts:
                    raise ConnectionError(_lost(url, size, error)) from error
                time.sleep(self.pause_s * 2 ** (failures - 1))
        os.replace(self.part, output_file)
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _transfer(self, url: str) -> None:
        """Fetch what is missing, in one connection."""
        with _open(url, self._size(), self._validator(url)) as source:
            self._check_size(url, source.total)
            _check_space(self.part.parent, source)
            self._keep_validator(url, source.validator)
            done = self._write(source)
        if source.total is not None and done != source.total:
            raise requests.ConnectionError(f"got {done:,} of {source.total:,} bytes")

    def _write(self, source: _Opened) -> int:
        done = source.offset
        with self.part.open("r+b" if self.part.exists() else "wb") as stream:
            stream.truncate(done)
            stream.seek(done)
            for chunk in source.chunks:
                stream.write(chunk)
                done += len(chunk)
                if self.progress is not None:
                    self.progress(done, source.total)
        return done

    def _check_size(self, url: str, total: int | None) -> None:
        if None not in (self.expected_bytes, total) and total != self.expected_bytes:
            raise OSError(
                f"expected a file of {self.expected_bytes:,} bytes, got one of {total:,} bytes "
                f"at {url}: the address does not serve this checkpoint now, try a mirror"
            )

    def _validator(self, url: str) -> str | None:
        """Tell what the part is the beginning of; `None` where it is not of this address."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return note.get("validator") if note.get("url") == url else None

    def _keep_validator(self, url: str, validator: str) -> None:
        self._note.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


@contextmanager
def _open(url: str, offset: int, validator: str | None) -> Iterator[_Opened]:
    """Open a source at `offset` if it still is what `validator` says, else at its beginning."""
    opener = _open_http if url.startswith(("http://", "https://")) else _open_local
    with opener(url, offset if validator is not None else 0, validator) as source:
        yield source


@contextmanager
def _open_local(path: str, offset: int, validator: str | None) -> Iterator[_Opened]:
    stat = Path(path).stat()
    current = f"{stat.st_size}-{stat.st_mtime_ns}"
    start = offset if validator == current and offset <= stat.st_size else 0
    with Path(path).open("rb") as stream:
        stream.seek(start)
        yield _Opened(iter(lambda: stream.read(COPY_BYTES), b""), start, stat.st_size, current)


@contextmanager
def _open_http(url: str, offset: int, validator: str | None) -> Iterator[_Opened]:
    headers = {"Accept-Encoding": "identity"}
    if offset and validator:
        headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            # The part is as long as the file, or longer: only a fresh start can tell.
            response.close()
            with _open_http(url, 0, None) as source:
                yield source
            return
        if not response.ok:
            raise ConnectionError(
                f"expected a checkpoint at {url}, got {response.status_code} {response.reason}: "
                "check the address, or use a mirror"
            )
        yield _opened(response, offset)


def _opened(response: requests.Response, offset: int) -> _Opened:
    """Read from the answer where its bytes start and how many the file has."""
    headers = response.headers
    start, total = 0, headers.get("Content-Length")
    if response.status_code == requests.codes.partial_content:
        span, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        start = int(span.partition("-")[0] or -1)
        if start != offset:
            raise ConnectionError(
                f"expected bytes from {offset:,} on, got the range {span!r} from {response.url}: "
                "the server is at fault, use a mirror"
            )
    # Without a strong validator a changed file could not be told from the same one.
    etag = headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    known = int(total) if total and total.isdigit() else None
    return _Opened(response.iter_content(RECEIVE_BYTES), start, known, validator)


def _check_space(folder: Path, source: _Opened) -> None:
    if source.total is None:
        return
    needed = source.total - source.offset + MARGIN_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"expected {needed / 1e6:,.0f} MB free in {folder}, got {free / 1e6:,.0f} MB: make "
            f"room, or set {HOME_VARIABLE} to a folder on another disk",
        )


def _lost(url: str, size: int, error: Exception) -> str:
    if size == 0:
        return (
            f"expected an answer from {url}, got none ({type(error).__name__}): check the "
            "network, or use a mirror"
        )
    return (
        f"expected the whole of {url}, got {size:,} bytes before the connection was lost: "
        "download again, it goes on from there"
    )
