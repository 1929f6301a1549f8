"""A file server on loopback for the tests of downloads; nothing else of the network is used."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1 << 16


@dataclass
class FileServer:
    """One file behind every path of a server on loopback, with the faults of real ones."""

    content: bytes
    etag: str | None = '"one"'
    ranges: bool = True
    drop_after: list[int] = field(default_factory=list)  # bytes until a connection breaks
    claimed: int | None = None
    pause_s: float = 0.0  # before each 64 KiB, as a slow network
    status: int = 200
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


def _answer(server, handler):
    asked = handler.headers.get("Range")
    server.requests.append((handler.path, asked))
    total, start, status = len(server.content), 0, server.status
    same = handler.headers.get("If-Range") in (None, server.etag)
    if server.ranges and asked and same:
        start, status = int(re.match(r"bytes=(\d+)-", asked)[1]), 206
        if start >= total:
            status, start = 416, total
    body = server.content[start:]
    handler.send_response(status)
    handler.send_header("Content-Length", str(server.claimed or len(body)))
    if server.etag:
        handler.send_header("ETag", server.etag)
    if status == 206:
        handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
    handler.end_headers()
    if server.drop_after:
        body = body[: server.drop_after.pop(0)]
        handler.close_connection = True
    for start in range(0, len(body), PIECE):
        time.sleep(server.pause_s)
        handler.wfile.write(body[start : start + PIECE])


@contextmanager
def serve_file(content):
    """Serve `content` under every path; yields the `FileServer`."""
    server = FileServer(content)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            _answer(server, self)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.handle_error = lambda *_: None  # clients that hang up are part of the tests
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        yield server
        http.shutdown()
        thread.join()
