from __future__ import annotations

import re
import threading
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from napari_sam2.network import PRESETS, SAM2, ConvolutionalConfig, SAM2Config

SMALL = SAM2Config(
    ConvolutionalConfig(widths=(16, 16, 32, 32), depths=(1, 1, 1, 1)),
    image_size=64,
    hidden_dim=64,
    memory_dim=16,
    memory_layers=1,
    feedforward_dim=32,
    dense_prompts=True,
)


def fill(shapes):
    """Numbers that depend on a tensor's name alone."""
    tensors = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        tensors[name] = torch.from_numpy(0.02 * rng.standard_normal(shape, dtype=np.float32))
    return tensors


def preset_shapes(name):
    with torch.device("meta"):
        model = SAM2(PRESETS[name])
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(folder))
    monkeypatch.delenv("NAPARI_SAM2_MIRROR", raising=False)
    return folder


@pytest.fixture(scope="session")
def tiny_tensors():
    return fill(preset_shapes("sam2.1_hiera_tiny"))


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("meta") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": tiny_tensors}, path)
    return path


@pytest.fixture
def small_model():
    torch.manual_seed(0)
    return SAM2(SMALL).eval()


@dataclass
class FileServer:
    """One file behind every path of a server on loopback, with the faults of real ones."""

    content: bytes
    etag: str | None = '"one"'
    ranges: bool = True
    drop_after: list[int] = field(default_factory=list)  # bytes until a connection breaks
    claimed: int | None = None
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
    handler.wfile.write(body)


@pytest.fixture
def file_server():
    rng = np.random.default_rng(7)
    server = FileServer(rng.bytes(5_000_000))

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
