"""Weights and movies behind the golden outputs: made from names and seeds alone, NumPy only."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def manifest(name):
    """Names and shapes of a published state dict."""
    return json.loads(gzip.decompress((FOLDER / "manifests.json.gz").read_bytes()))[name]


def golden(name, size, kind):
    """Recorded outputs; `kind` is "present" or "absent"."""
    with np.load(FOLDER / f"{name}_{size}_{kind}.npz") as file:
        return dict(file)


def weights(name, *, present=True):
    """Every tensor from a generator seeded by its own name."""
    return {key: _tensor(key, shape, present) for key, shape in manifest(name).items()}


def _tensor(name, shape, present):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    noise = np.asarray(rng.standard_normal(shape, dtype=np.float32), np.float32)
    if name.endswith("pred_obj_score_head.layers.2.bias"):
        return np.full(shape, 3.0 if present else -3.0, np.float32)
    value = noise * _spread(name, shape) + _offset(name, shape)
    # The memory path is amplified, so that an error in it cannot hide.
    if "memory_attention" in name and "cross_attn_image" in name and name.endswith("weight"):
        value = value * (8.0 if "out_proj" in name else 3.0)
    if name.endswith("maskmem_tpos_enc"):
        value = value * 5.0
    return np.ascontiguousarray(value, np.float32)


def _offset(name, shape):
    if name.endswith(".weight") and len(shape) == 1:
        return 1.0
    return 0.2 if name.endswith(".gamma") else 0.0


def _spread(name, shape):
    parts = name.split(".")
    leaf = parts[-1]
    if "positional_encoding_gaussian_matrix" in name:
        return 1.0
    if leaf == "weight" and len(shape) == 1:
        return 0.1
    if leaf in ("gamma", "bias"):
        return 0.05
    if leaf == "weight" and "embed" not in parts[-2]:
        return 1 / np.sqrt(np.prod(shape[1:]))
    return 0.2


def movie(frames, size, seed=0):
    """Moving, slowly turning blobs on a wavy background: float32 (frames, size, size) in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    blobs = [_blob(rng) for _ in range(5)]
    waves = [
        (rng.uniform(2, 12, 2), rng.uniform(0, 6.28), rng.uniform(0.01, 0.04)) for _ in range(12)
    ]
    texture = sum(a * np.sin(6.28 * (k[0] * y + k[1] * x) + p) for k, p, a in waves)
    return np.stack([_frame(t, y, x, texture, blobs) for t in range(frames)])


def _blob(rng):
    centre, velocity = rng.uniform(0.25, 0.75, 2), rng.uniform(-0.015, 0.015, 2)
    radii, brightness = rng.uniform(0.06, 0.12, 2), rng.uniform(0.4, 0.8)
    return centre, velocity, radii, brightness, rng.uniform(0, np.pi)


def _frame(t, y, x, texture, blobs):
    frame = 0.2 + texture
    for centre, velocity, radii, brightness, angle in blobs:
        u, v = y - (centre[0] + t * velocity[0]), x - (centre[1] + t * velocity[1])
        turn = angle + 0.1 * t
        p, q = u * np.cos(turn) + v * np.sin(turn), -u * np.sin(turn) + v * np.cos(turn)
        distance = np.sqrt((p / radii[0]) ** 2 + (q / radii[1]) ** 2)
        frame = frame + brightness / (1 + np.exp(14 * (distance - 1)))
    return np.clip(frame, 0, 1).astype(np.float32)
