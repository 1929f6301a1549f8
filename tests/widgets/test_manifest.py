from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
from importlib import resources

import pytest
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name
from qtpy.QtWidgets import QDockWidget

MANIFEST = resources.files("napari_sam2") / "napari.yaml"


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_file(str(MANIFEST))


@pytest.fixture
def application(viewer):
    """What napari makes of the manifests of all plugins."""
    from napari._app_model import get_app_model

    return get_app_model()


def commands_of(application, menu: str) -> dict[str, str]:
    """Ids of the commands in a menu by title; napari 0.6 has ids of its own making."""
    items = application.menus.get_menu(menu)
    return {item.command.title: item.command.id for item in items if hasattr(item, "command")}


def test_npe2_finds_the_manifest_valid():
    # An invalid manifest is no error in napari: the plugin is just not there.
    command = [sys.executable, "-m", "npe2", "validate", "napari-sam2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid" in done.stdout


def test_the_installed_package_points_to_the_manifest():
    (entry,) = importlib.metadata.entry_points(group="napari.manifest", name="napari-sam2")
    assert entry.value == "napari_sam2:napari.yaml"


def test_every_command_names_something_that_can_be_called(manifest):
    for command in manifest.contributions.commands:
        assert callable(import_python_name(command.python_name)), command.id


def test_every_contribution_has_a_command(manifest):
    commands = {command.id for command in manifest.contributions.commands}
    told = manifest.contributions
    lists = (told.widgets, told.sample_data, told.readers, told.writers, *told.menus.values())
    used = {item.command for each in lists for item in each}
    assert used == commands


def test_no_module_of_the_manifest_loads_torch_before_a_widget_opens():
    code = (
        "import sys, napari_sam2.widgets.samples, napari_sam2.widgets.reader, "
        "napari_sam2.widgets.writer; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.gui
@pytest.mark.parametrize("menu", ["napari/layers/segment", "napari/layers/track"])
def test_the_menus_of_layers_offer_the_widget(application, menu):
    assert "Segment && track (napari-sam2)" in commands_of(application, menu)


@pytest.mark.gui
def test_the_palette_offers_widgets_and_samples_but_no_reader(application):
    palette = application.menus.get_menu(application.menus.COMMAND_PALETTE_ID)
    ours = [item.command for item in palette if item.command.id.startswith("napari-sam2")]
    offered = [
        command.title
        for command in ours
        if command.enablement is None or command.enablement.eval({})
    ]
    assert sorted(offered) == [
        "Models (napari-sam2)",
        "Nuclei time-lapse (drawn, with exact labels)",
        "Nuclei time-lapse (real, with reference outlines)",
        "Segment && track (napari-sam2)",
    ]


@pytest.mark.gui
def test_a_sample_opens_from_its_menu(application, viewer):
    commands = commands_of(application, "napari/file/samples/napari-sam2")
    title = "Nuclei time-lapse (drawn, with exact labels)"
    application.commands.execute_command(commands[title]).result()
    assert [layer.name for layer in viewer.layers] == ["synthetic", "synthetic truth"]


@pytest.mark.gui
@pytest.mark.parametrize("title", ["Segment & track (napari-sam2)", "Models (napari-sam2)"])
def test_a_widget_opens_from_its_menu(application, viewer, title):
    commands = commands_of(application, "napari/plugins/napari-sam2")
    application.commands.execute_command(commands[title.replace("&", "&&")]).result()
    docks = viewer.window._qt_window.findChildren(QDockWidget)
    assert title in [dock.windowTitle() for dock in docks]


@pytest.mark.gui
@pytest.mark.parametrize("title", ["Segment & track", "Models"])
def test_a_widget_opens_from_a_script(viewer, title):
    dock, widget = viewer.window.add_plugin_dock_widget("napari-sam2", title)
    assert dock.isVisibleTo(viewer.window._qt_window)
    viewer.window.remove_dock_widget(dock)
    widget.deleteLater()
