"""Networks to be timed: of a preset, with random weights."""

from __future__ import annotations

import torch

from napari_sam2.network import PRESETS, SAM2

PRESENT = 5.0  # logit of presence: an absent object would cost less than one that is there


def random_model(preset: str, *, device: torch.device, seed: int = 0) -> SAM2:
    """Build the network of a preset with random weights.

    Parameters
    ----------
    preset
        A name of `PRESETS`; ``tiny``, ``small``, ``base_plus`` and ``large`` mean those of SAM 2.1.
    device
        Where the weights go.
    seed
        Of the weights.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    full = preset if preset in PRESETS else f"sam2.1_hiera_{preset}"
    if full not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise ValueError(f"expected one of the presets {known}, got {preset!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SAM2(PRESETS[full])
    with torch.no_grad():
        model.sam_mask_decoder.pred_obj_score_head.layers[-1].get_parameter("bias").fill_(PRESENT)
    return model.to(device).eval().requires_grad_(requires_grad=False)
