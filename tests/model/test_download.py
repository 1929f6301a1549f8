from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace

import pytest

from napari_sam2.model import download_model
from napari_sam2.model.download import fetch, mirror_source
from napari_sam2.model.hashes import read_record
from napari_sam2.model.registry import PUBLISHED
from napari_sam2.model.transfer import ResumingDownloader

NAME = "sam2.1_hiera_tiny"
MIB = 1 << 20


@pytest.fixture
def published(file_server):
    """A published model that the loopback server holds under its own address."""
    return replace(
        PUBLISHED[NAME],
        url=f"{file_server.url}/092824/{NAME}.pt",
        download_bytes=len(file_server.content),
        sha256=hashlib.sha256(file_server.content).hexdigest(),
    )


@pytest.fixture
def downloader(tmp_path):
    return ResumingDownloader(tmp_path / "file.part", attempts=2, pause_s=0.0)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_download_arrives_whole_with_its_hash_beside_it(published, file_server, home):
    seen = []
    path = fetch(published, progress=lambda done, total: seen.append((done, total)))
    assert path == home / "checkpoints" / f"{NAME}.pt"
    assert path.read_bytes() == file_server.content
    assert leftovers(path.parent) == [f"{NAME}.pt", f"{NAME}.pt.json"]
    assert read_record(path).sha256 == published.sha256
    assert read_record(path).source == published.url
    assert seen[-1] == (len(file_server.content),) * 2
    assert all(a < b for a, b in itertools.pairwise(done for done, _ in seen))


def test_what_is_here_is_not_downloaded_again(published, file_server):
    fetch(published)
    fetch(published)
    assert len(file_server.requests) == 1


def test_a_dropped_connection_is_taken_up_where_it_broke(published, file_server):
    file_server.drop_after = [2 * MIB, 1 * MIB]
    path = fetch(published)
    assert path.read_bytes() == file_server.content
    starts = [asked for _, asked in file_server.requests]
    assert starts == [None, f"bytes={2 * MIB}-", f"bytes={3 * MIB}-"]


def test_a_cancelled_download_goes_on_in_the_next_run(published, file_server, home):
    def cancel(done, total):
        if done > 2 * MIB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(published, progress=cancel)
    folder = home / "checkpoints"
    assert leftovers(folder) == [f"{NAME}.pt.part", f"{NAME}.pt.part.json"]
    kept = (folder / f"{NAME}.pt.part").stat().st_size
    assert kept >= 2 * MIB
    assert fetch(published).read_bytes() == file_server.content
    assert file_server.requests[-1][1] == f"bytes={kept}-"


def test_a_server_without_ranges_starts_again(published, file_server):
    file_server.ranges = False
    file_server.drop_after = [3 * MIB]
    assert fetch(published).read_bytes() == file_server.content
    assert len(file_server.requests) == 2


def test_a_file_that_changed_on_the_server_is_not_glued_to_the_old_part(file_server):
    file_server.drop_after = [2 * MIB] * 9

    def stop(done, total):
        if done >= 2 * MIB:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        download_model(NAME, mirror=file_server.url, progress=stop)
    file_server.drop_after.clear()
    file_server.content, file_server.etag = file_server.content[::-1], '"two"'
    path = download_model(NAME, mirror=file_server.url)
    assert path.read_bytes() == file_server.content


def test_a_part_without_a_validator_is_not_trusted(file_server, downloader, tmp_path):
    file_server.etag = None
    downloader.part.write_bytes(b"x" * 100)
    downloader(f"{file_server.url}/a.pt", str(tmp_path / "a.pt"))
    assert (tmp_path / "a.pt").read_bytes() == file_server.content


def test_a_part_that_is_already_whole_is_fetched_afresh(file_server, downloader, tmp_path):
    url = f"{file_server.url}/a.pt"
    downloader.part.write_bytes(file_server.content)
    note = {"url": url, "validator": file_server.etag}
    (tmp_path / "file.part.json").write_text(json.dumps(note))
    downloader(url, str(tmp_path / "a.pt"))
    assert (tmp_path / "a.pt").read_bytes() == file_server.content
    assert leftovers(tmp_path) == ["a.pt"]


def test_giving_up_says_how_to_go_on(file_server, downloader, tmp_path):
    file_server.drop_after = [131072, 0, 0, 0, 0]
    with pytest.raises(ConnectionError, match=r"got 131,072 bytes before .* download again"):
        downloader(f"{file_server.url}/a.pt", str(tmp_path / "a.pt"))
    assert downloader.part.stat().st_size == 131072


def test_no_server_at_all(downloader, tmp_path, file_server):
    port_of_nobody = "http://127.0.0.1:9"
    with pytest.raises(ConnectionError, match=r"expected an answer from .*use a mirror"):
        downloader(f"{port_of_nobody}/a.pt", str(tmp_path / "a.pt"))


def test_a_refusal_names_the_status(file_server, downloader, tmp_path):
    file_server.status = 404
    with pytest.raises(ConnectionError, match="got 404 Not Found: check the address"):
        downloader(f"{file_server.url}/a.pt", str(tmp_path / "a.pt"))


def test_a_full_disk_is_said_before_the_first_byte(file_server, downloader, tmp_path):
    file_server.claimed = 10**17
    with pytest.raises(OSError, match=r"MB free in .* got .*NAPARI_SAM2_HOME"):
        downloader(f"{file_server.url}/a.pt", str(tmp_path / "a.pt"))
    assert leftovers(tmp_path) == []


def test_another_size_than_the_published_one(published, file_server, home):
    with pytest.raises(OSError, match=r"expected a file of 5,000,001 bytes, got .* 5,000,000"):
        fetch(replace(published, download_bytes=5_000_001))
    assert leftovers(home / "checkpoints") == []


def test_other_content_than_the_published_one_is_thrown_away(published, home):
    with pytest.raises(ValueError, match=r"checkpoint that Meta published .* thrown away"):
        fetch(replace(published, sha256="0" * 64))
    assert leftovers(home / "checkpoints") == []


def test_without_a_published_hash_the_first_is_kept_and_compared(published):
    unknown = replace(published, sha256=None)
    path = fetch(unknown)
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"as at its first use .* delete the file"):
        fetch(unknown)


def test_a_touched_file_is_hashed_again_and_accepted(published):
    path = fetch(published)
    before = read_record(path).modified_ns
    path.write_bytes(path.read_bytes())
    fetch(published)
    assert read_record(path).modified_ns >= before
    assert read_record(path).source == published.url


@pytest.mark.parametrize("ending", ["", "/", "/deep/other.pt"])
def test_a_mirror_is_a_folder_or_the_file(file_server, ending):
    download_model(NAME, mirror=f"{file_server.url}{ending}")
    expected = "/deep/other.pt" if "other" in ending else f"/{NAME}.pt"
    assert [path for path, _ in file_server.requests] == [expected]


def test_the_mirror_of_the_environment(file_server, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM2_MIRROR", file_server.url)
    assert download_model(NAME).read_bytes() == file_server.content


def test_a_mirror_may_serve_weights_of_its_own_but_that_is_said(file_server, caplog):
    download_model(NAME, mirror=file_server.url)
    assert "is not the file that Meta published" in caplog.text


@pytest.mark.parametrize("form", ["folder", "file", "address"])
def test_a_local_mirror(tmp_path, form):
    folder = tmp_path / "my mirror"
    folder.mkdir()
    (folder / f"{NAME}.pt").write_bytes(b"0123456789")
    mirror = {"folder": folder, "file": folder / f"{NAME}.pt", "address": folder.as_uri()}[form]
    assert download_model(NAME, mirror=mirror).read_bytes() == b"0123456789"


def test_a_local_copy_resumes(tmp_path):
    source = tmp_path / f"{NAME}.pt"
    source.write_bytes(bytes(range(256)) * 16384)
    seen = []

    def stop(done, total):
        seen.append(done)
        if len(seen) == 2:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        download_model(NAME, mirror=source, progress=stop)
    path = download_model(NAME, mirror=source, progress=lambda done, total: seen.append(done))
    assert path.read_bytes() == source.read_bytes()
    assert seen == [MIB, 2 * MIB, 3 * MIB, 4 * MIB]


def test_a_local_mirror_without_the_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"sam2.1_hiera_tiny.pt in the mirror"):
        download_model(NAME, mirror=tmp_path)


def test_a_mirror_of_another_kind():
    with pytest.raises(ValueError, match="http://, https:// or file:"):
        mirror_source("ftp://somewhere/else", PUBLISHED[NAME])


def test_what_needs_no_download():
    with pytest.raises(ValueError, match="already on this machine"):
        download_model("cells")
