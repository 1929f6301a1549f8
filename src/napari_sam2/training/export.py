"""Turn a training run into a model folder: averaged weights in bfloat16 and their numbers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from napari_sam2.network import SAM2

WEIGHTS_NAME = "weights.safetensors"
CONFIG_NAME = "config.json"


def export_model(model: SAM2, folder: Path, *, preset: str) -> Path:
    """Write a network's weights and numbers.

    Parameters
    ----------
    model : SAM2
        The network, usually the running average of a run.
    folder : Path
        Where ``weights.safetensors`` (bfloat16) and ``config.json`` go; made if missing.
    preset : str
        Name that the numbers are filed under.

    Returns
    -------
    Path
        The weights.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.detach().to(torch.bfloat16).contiguous()
        for name, value in model.state_dict().items()
    }
    path = folder / WEIGHTS_NAME
    part = path.with_suffix(".part")
    save_file(weights, part, metadata={"format": "pt", "preset": preset})
    part.replace(path)
    config = {"preset": preset, "network": dataclasses.asdict(model.config)}
    text = json.dumps(config, indent=2) + "\n"
    (folder / CONFIG_NAME).write_text(text, encoding="utf-8")
    return path
