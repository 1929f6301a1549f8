"""Colours of objects: bright on dark images, neighbours in number apart, none of them red."""

from __future__ import annotations

import colorsys

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap

_COLORS = 60
_GOLDEN = 0.618034
# Red says "not here" in the prompts: hues go from orange over green and blue to pink.
_FIRST_HUE, _LAST_HUE = 0.07, 0.92
_TONES = ((0.95, 1.0), (0.5, 1.0), (0.75, 0.85))  # saturation and brightness, in turn


def object_colormap() -> CyclicLabelColormap:
    """Return the colormap of the labels layer; the colours come again after sixty objects."""
    colors = [(0.0, 0.0, 0.0, 0.0)]
    for number in range(_COLORS):
        share = (0.55 + number * _GOLDEN) % 1
        saturation, value = _TONES[number % len(_TONES)]
        hue = _FIRST_HUE + share * (_LAST_HUE - _FIRST_HUE)
        colors.append((*colorsys.hsv_to_rgb(hue, saturation, value), 1.0))
    return CyclicLabelColormap(
        name="objects",
        display_name="objects",
        # In steps of a byte, so that processor and graphics card agree.
        colors=np.round(np.array(colors) * 255).astype(np.float32) / 255,
        controls=np.linspace(0, 1, len(colors) + 1),
        interpolation="zero",
        background_value=0,
    )
