from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.components import ViewerModel

from napari_sam2.session.label_store import LabelStore
from napari_sam2.widgets.layers.layer_movie import view_of

pytestmark = pytest.mark.gui

YX = (6, 9)


@pytest.fixture
def model():
    """A viewer without a window."""
    return ViewerModel()


def numbered(*shape):
    """An array in which every pixel says where it is."""
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


def shown(model, data, *, axes=None, limits=(0, 65535), rgb=False, **options):
    names = None if axes is None else tuple(axes.lower())
    return model.add_image(
        data, axis_labels=names, contrast_limits=limits, rgb=rgb, name="cells", **options
    )


class Counting:
    """An array that counts what is read of it."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim
        self.reads = []

    def __getitem__(self, index):
        part = self._array[index]
        self.reads.append(np.shape(part))
        return part


@pytest.mark.parametrize(
    ("axes", "shape", "step", "wanted", "labels_shape"),
    [
        ("TYX", (4, *YX), {}, lambda a, t: a[t], (4, *YX)),
        ("ZYX", (4, *YX), {}, lambda a, t: a[t], (4, *YX)),
        ("TCYX", (4, 2, *YX), {1: 1}, lambda a, t: a[t, 1], (4, 1, *YX)),
        ("CTYX", (2, 4, *YX), {0: 1}, lambda a, t: a[1, t], (1, 4, *YX)),
        ("TZYX", (4, 5, *YX), {1: 3}, lambda a, t: a[t, 3], (4, 1, *YX)),
        ("ZTYX", (5, 4, *YX), {0: 3}, lambda a, t: a[3, t], (1, 4, *YX)),
        ("CTZYX", (2, 4, 3, *YX), {0: 1, 2: 2}, lambda a, t: a[1, t, 2], (1, 4, 1, *YX)),
        ("TZYX", (1, 4, *YX), {}, lambda a, t: a[0, t], (1, 4, *YX)),
    ],
)
def test_frames_of_any_order_of_axes(model, axes, shape, step, wanted, labels_shape):
    pixels = numbered(*shape)
    layer = shown(model, pixels, axes=axes)
    for axis, where in step.items():
        model.dims.set_current_step(axis, where)
    view = view_of(layer, model.dims)
    movie = view.movie()
    assert len(movie) == view.frames == 4
    assert movie.shape_yx == view.shape_yx == YX
    assert view.labels_shape == labels_shape
    for frame in range(4):
        np.testing.assert_array_equal(movie.read_raw(frame), wanted(pixels, frame))
    assert LabelStore.create(view.labels_shape, view.frame_axis).frames == 4


@pytest.mark.parametrize("axes", [None, "YX"])
def test_a_single_picture_is_a_movie_of_one_frame(model, axes):
    pixels = numbered(*YX)
    view = view_of(shown(model, pixels, axes=axes), model.dims)
    assert view.labels_shape == (1, *YX)
    assert view.frame_of(model.dims) == 0
    np.testing.assert_array_equal(view.movie().read_raw(0), pixels)
    assert view.to_frame_yx(view.to_data(0, (2.0, 3.0))) == (0, (2.0, 3.0))
    view.show(model.dims, 0)


def test_axes_without_names_are_taken_in_order(model):
    layer = shown(model, numbered(4, 3, *YX))
    model.dims.set_current_step(1, 2)
    view = view_of(layer, model.dims)
    assert (view.frame_axis, view.fixed) == (0, (0, 2, 0, 0))
    assert view_of(layer, model.dims, frame_axis=1).frames == 3
    view = view_of(layer, model.dims, frame_axis=0, channel_axis=1)
    assert view.scale == (1, 3, 1, 1)


def test_channels_only_are_one_frame(model):
    layer = shown(model, numbered(3, *YX), axes="CYX")
    model.dims.set_current_step(0, 2)
    view = view_of(layer, model.dims)
    assert (view.frames, view.labels_shape) == (1, (1, *YX))
    np.testing.assert_array_equal(view.movie().read_raw(0), numbered(3, *YX)[2])
    assert view_of(layer, model.dims, frame_axis=0).frames == 3


def test_more_axes_than_letters_have_names(model):
    pixels = numbered(2, 3, 2, 2, *YX)
    layer = shown(model, pixels)
    model.dims.set_current_step((0, 1, 2, 3), (1, 2, 1, 0))
    view = view_of(layer, model.dims, frame_axis=1)
    np.testing.assert_array_equal(view.movie().read_raw(2), pixels[1, 2, 1, 0])


@pytest.mark.parametrize("samples", [3, 4])
def test_colour_is_read_as_it_is_shown(model, samples):
    pixels = np.zeros((4, *YX, samples), np.uint8)
    pixels[2, ..., 0] = 51
    view = view_of(shown(model, pixels, axes="TYX", rgb=True, limits=None), model.dims)
    frame = view.movie().read(2)
    assert frame.shape == (*YX, 3)
    assert frame.max() == pytest.approx(0.2)
    assert view.labels_shape == (4, *YX)


def test_one_colour_picture(model):
    view = view_of(shown(model, np.zeros((*YX, 3)), rgb=True, limits=None), model.dims)
    assert view.movie().is_rgb
    assert view.window.high == 1.0


def test_the_contrast_limits_are_the_window_for_good(model):
    layer = shown(model, numbered(4, *YX), limits=(10, 30))
    movie = view_of(layer, model.dims).movie()
    layer.contrast_limits = (0, 5)
    layer.gamma = 0.3
    frame = movie.read(0).ravel()
    assert (frame[10], frame[20], frame[30]) == (0.0, 0.5, 1.0)
    assert frame.max() == 1.0


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_every_kind_of_array(model, kind, tmp_path):
    pixels = numbered(4, *YX)
    if kind == "dask":
        data = da.from_array(pixels, chunks=(1, *YX))
    elif kind == "zarr":
        data = zarr.create_array(str(tmp_path / "a"), data=pixels, chunks=(1, *YX))
    else:
        data = pixels
    movie = view_of(shown(model, data, axes="TYX"), model.dims).movie()
    np.testing.assert_array_equal(movie.read_raw(3), pixels[3])


def test_only_the_frame_that_is_asked_for_is_read(model):
    counting = Counting(numbered(7, 2, *YX))
    layer = shown(model, counting, axes="TCYX")
    view = view_of(layer, model.dims)
    counting.reads.clear()
    movie = view.movie()
    assert counting.reads == []
    movie.read(5)
    assert counting.reads == [YX]


def test_only_the_frame_that_is_asked_for_is_computed(model):
    computed = []

    def block(block_info=None):
        computed.append(block_info[None]["chunk-location"][0])
        return np.zeros((1, *YX), np.uint16)

    data = da.map_blocks(block, chunks=((1,) * 9, (YX[0],), (YX[1],)), dtype=np.uint16)
    layer = shown(model, data, axes="TYX")
    movie = view_of(layer, model.dims).movie()
    computed.clear()
    movie.read(7)
    assert computed == [7]


def test_multiscale_is_read_at_its_finest_level(model):
    fine = numbered(4, 16, 16)
    layer = shown(model, [fine, fine[:, ::2, ::2]], axes="TYX", multiscale=True)
    view = view_of(layer, model.dims)
    assert view.labels_shape == (4, 16, 16)
    np.testing.assert_array_equal(view.movie().read_raw(1), fine[1])


@pytest.mark.parametrize(
    "placed",
    [
        {},
        {"scale": (2.0, 3.0, 0.5, 0.25), "translate": (7.0, -4.0, 100.0, 3.0)},
        {"rotate": 30, "scale": (1, 1, 0.5, 0.5), "translate": (0, 0, 5, 6)},
        {"affine": np.diag([1.0, 1.0, 2.0, 2.0, 1.0])},
        {"shear": (0, 0, 0, 0, 0, 0.2)},
    ],
)
@pytest.mark.parametrize("axes", ["TZYX", "TCYX"])
def test_labels_lie_over_the_image(model, axes, placed):
    layer = shown(model, numbered(4, 3, *YX), axes=axes, **placed)
    model.dims.set_point((0, 1), np.asarray(layer.data_to_world((2, 1, 0, 0)))[:2])
    view = view_of(layer, model.dims)
    assert view.fixed == (0, 1, 0, 0)
    labels = model.add_labels(np.zeros(view.labels_shape, np.uint32), **view.placement())
    seen = layer.data_to_world((2, 1, 4, 7))
    assert view.to_frame_yx(labels.world_to_data(seen)) == (2, pytest.approx((4, 7)))
    np.testing.assert_allclose(labels.data_to_world(view.to_data(2, (4, 7))), seen)


@pytest.mark.parametrize("turned", [{}, {"rotate": 20}, {"shear": (0.2,)}])
def test_labels_lie_over_a_single_picture(model, turned):
    layer = shown(model, numbered(*YX), scale=(0.5, 0.5), translate=(3, 4), **turned)
    view = view_of(layer, model.dims)
    labels = model.add_labels(np.zeros(view.labels_shape, np.uint32), **view.placement())
    np.testing.assert_allclose(
        labels.data_to_world(view.to_data(0, (4, 7)))[1:], layer.data_to_world((4, 7))
    )


def test_labels_show_on_every_channel(model):
    layer = shown(model, numbered(4, 3, *YX), axes="TCYX", scale=(1, 5, 1, 1))
    model.dims.set_current_step(1, 2)
    view = view_of(layer, model.dims)
    labels = model.add_labels(np.zeros(view.labels_shape, np.uint32), **view.placement())
    before = model.dims.nsteps
    for channel in range(3):
        model.dims.set_current_step(1, channel)
        world = layer.data_to_world((2, channel, 1, 1))
        assert round(labels.world_to_data(world)[1]) == 0
        assert view.to_frame_yx(labels.world_to_data(world))[0] == 2
        assert view.shows_plane(model.dims)
    assert model.dims.nsteps == before


def test_other_planes_are_refused(model):
    layer = shown(model, numbered(4, 3, *YX), axes="TZYX")
    model.dims.set_current_step(1, 1)
    view = view_of(layer, model.dims)
    with pytest.raises(ValueError, match=r"on step 1 of axis 1 \(z\).*got step 2"):
        view.to_frame_yx((0, 1, 4, 4))
    with pytest.raises(ValueError, match="on a frame from 0 to 3, got frame 4"):
        view.to_frame_yx((4, 0, 4, 4))
    assert view.shows_plane(model.dims)
    model.dims.set_current_step(1, 2)
    assert not view.shows_plane(model.dims)


def test_the_viewer_is_led_to_a_frame(model):
    layer = shown(
        model, numbered(4, 3, *YX), axes="ZTYX", scale=(2, 3, 1, 1), translate=(5, 7, 0, 0)
    )
    model.add_image(np.zeros((2, 4, 3, *YX)))
    view = view_of(layer, model.dims)
    step = model.dims.current_step
    view.show(model.dims, 2)
    assert view.frame_of(model.dims) == 2
    assert model.dims.current_step[1] == step[1]
    assert model.dims.point[2] == 13


def test_scale_and_units_reach_the_movie(model):
    layer = shown(
        model,
        numbered(4, *YX),
        axes="TYX",
        scale=(1, 0.5, 0.5),
        units=("pixel", "micrometer", "micrometer"),
    )
    movie = view_of(layer, model.dims).movie()
    assert movie.scale == {"T": 1.0, "Y": 0.5, "X": 0.5}
    assert movie.units == {"Y": "micrometer", "X": "micrometer"}


class TestWhatCannotBeFollowed:
    def test_no_layer(self, model):
        with pytest.raises(TypeError, match="got none"):
            view_of(None, model.dims)

    def test_another_kind_of_layer(self, model):
        labels = model.add_labels(np.zeros((4, *YX), int), name="nuclei")
        with pytest.raises(TypeError, match="got the labels layer 'nuclei'"):
            view_of(labels, model.dims)

    def test_complex_pixels(self, model, monkeypatch):
        layer = shown(model, numbered(*YX))  # this napari refuses complex pixels itself
        monkeypatch.setattr(type(layer), "dtype", np.dtype(np.complex64))
        with pytest.raises(TypeError, match="integers or floats, got complex64"):
            view_of(layer, model.dims)

    def test_a_viewer_in_3d(self, model):
        layer = shown(model, numbered(4, *YX))
        model.dims.ndisplay = 3
        with pytest.raises(ValueError, match="viewer in 2D, got 3D"):
            view_of(layer, model.dims)

    def test_other_axes_on_the_screen(self, model):
        layer = shown(model, numbered(4, *YX))
        model.dims.order = (1, 0, 2)
        with pytest.raises(ValueError, match="show the last two axes"):
            view_of(layer, model.dims)

    def test_a_transposed_view_is_fine(self, model):
        layer = shown(model, numbered(4, *YX))
        model.dims.order = (0, 2, 1)
        assert view_of(layer, model.dims).shape_yx == YX

    @pytest.mark.parametrize("axes", ["YXT", "ZTX", "YXC"])
    def test_no_rows_and_columns_at_the_end(self, model, axes):
        layer = shown(model, numbered(4, *YX), axes=axes)
        with pytest.raises(ValueError, match="Expected Y and X as the last two axes"):
            view_of(layer, model.dims)

    def test_axes_that_are_not_there(self, model):
        layer = shown(model, numbered(4, 2, *YX))
        with pytest.raises(ValueError, match="axis of the frames to be in front of Y and X"):
            view_of(layer, model.dims, frame_axis=2)
        with pytest.raises(ValueError, match="different axes for frames and channels"):
            view_of(layer, model.dims, frame_axis=1, channel_axis=1)
