"""A real napari viewer for the tests, on a real or a virtual screen."""

from __future__ import annotations

import pytest

from screen import why_no_qt, why_no_screen


class WithoutQt(pytest.Module):
    """A test file that cannot even be imported here."""

    def collect(self):
        pytest.skip(f"no tests with a window: {why_no_qt()}", allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    return WithoutQt.from_parent(parent, path=module_path) if why_no_qt() else None


def pytest_collection_modifyitems(items):
    reason = why_no_screen()
    if reason is None:
        return
    for item in items:
        if item.get_closest_marker("gui"):
            item.add_marker(pytest.mark.skip(reason=f"no tests with a window: {reason}"))


@pytest.fixture
def viewer(make_napari_viewer):
    """A viewer whose window is not shown, closed after the test."""
    return make_napari_viewer(show=False)


@pytest.fixture
def shown_viewer(make_napari_viewer):
    """A viewer with its window on the screen, for pictures and for keys and clicks."""
    return make_napari_viewer(show=True)


@pytest.fixture
def notifications():
    """The messages that napari has shown during the test, oldest first, as a function."""
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()
    yield lambda: [record.message for record in notification_manager.records]
    notification_manager.records.clear()
