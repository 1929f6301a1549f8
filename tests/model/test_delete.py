from __future__ import annotations

import pytest

from napari_sam2.model import download_model
from napari_sam2.model.delete import delete_download, partial_bytes

NAME = "sam2.1_hiera_tiny"


@pytest.fixture
def begun(file_server):
    """A download that was stopped."""

    def stop(done, total):
        if done > 100_000:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        download_model(NAME, mirror=file_server.url, progress=stop)


def test_a_download_leaves_nothing_behind(file_server, home):
    size = download_model(NAME, mirror=file_server.url).stat().st_size
    assert delete_download(NAME) > size
    assert list((home / "checkpoints").iterdir()) == []


@pytest.mark.usefixtures("begun")
def test_a_begun_download_is_counted_and_deleted(home):
    assert partial_bytes(NAME) > 100_000
    assert delete_download(NAME) > 100_000
    assert partial_bytes(NAME) == 0
    assert list((home / "checkpoints").iterdir()) == []


def test_what_is_not_here():
    assert partial_bytes(NAME) == 0
    assert delete_download(NAME) == 0


def test_what_was_not_downloaded():
    with pytest.raises(ValueError, match="already on this machine"):
        delete_download("cells")
