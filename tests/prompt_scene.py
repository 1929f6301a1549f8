"""An image with its prompt layers, for tests of what users do to them."""

from __future__ import annotations

import numpy as np

from napari_sam2.session.prompt_book import PromptBook
from napari_sam2.tracking.prompts import Box, Point, Polygon, Scribble
from napari_sam2.widgets.layers.layer_movie import view_of
from napari_sam2.widgets.layers.object_colors import object_colormap
from napari_sam2.widgets.layers.prompt_layers import PromptLayers

FRAMES, YX = 5, (40, 60)
BOX = (5, 5), (5, 20), (15, 20), (15, 5)


class Scene:
    """An image, its prompt layers, and what was refused."""

    def __init__(self, viewer, *, shape=(FRAMES, *YX), axes="tyx", **placed):
        self.viewer = viewer
        self.image = viewer.add_image(
            np.zeros(shape, np.uint8), axis_labels=tuple(axes), contrast_limits=(0, 1), **placed
        )
        viewer.dims.set_current_step(0, 2)
        self.view = view_of(self.image, viewer.dims)
        self.book = PromptBook(self.view.frames, self.view.shape_yx)
        self.refused = []
        self.layers = PromptLayers(viewer, self.book, self.view, on_refused=self.refused.append)
        self.steps = []
        self.book.changed.connect(self.steps.append)

    @property
    def points(self):
        return self.layers.points

    @property
    def shapes(self):
        return self.layers.shapes

    def at(self, frame, *yx):
        """Layer positions of (y, x) on a frame."""
        return np.array([self.view.to_data(frame, each) for each in yx])

    def click(self, frame, y, x):
        self.points.add(self.at(frame, (y, x)))

    def draw(self, kind, frame, *yx):
        self.shapes.add(self.at(frame, *yx), shape_type=kind)

    def check(self):
        """Both layers show exactly the prompts of the book, each as what it is."""
        seen = []
        rows = zip(self.points.data, self.points.features.itertuples(), strict=True)
        for position, mark in rows:
            frame, yx = self.view.to_frame_yx(position)
            seen.append(Point(frame, int(mark.object_id), yx, bool(mark.positive)))
        clicks = [prompt for prompt in self.book.prompts if isinstance(prompt, Point)]
        assert sorted(seen, key=repr) == sorted(clicks, key=repr)
        drawn = [p for p in self.book.prompts if isinstance(p, Box | Polygon | Scribble)]
        assert sorted(self.shapes.features["object_id"]) == sorted(p.object_id for p in drawn)
        assert len(self.shapes.data) == len(drawn)
        self.check_looks()

    def check_looks(self):
        colormap = object_colormap()
        for index, mark in enumerate(self.points.features.itertuples()):
            color = colormap.map(mark.object_id)
            shown = self.points.face_color if mark.positive else self.points.border_color
            np.testing.assert_allclose(shown[index], color, atol=1e-6)
            assert str(self.points.symbol[index]) == ("disc" if mark.positive else "cross")
        assert len(self.shapes.edge_color) == len(self.shapes.data)
        for index, mark in enumerate(self.shapes.features.itertuples()):
            if mark.positive:
                color = colormap.map(mark.object_id)
                np.testing.assert_allclose(self.shapes.edge_color[index], color, atol=1e-6)
