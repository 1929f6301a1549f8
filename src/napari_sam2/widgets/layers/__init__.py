"""napari layers: which plane of an image is meant, prompts and labels as layers."""
