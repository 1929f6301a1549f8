"""Training recipes: a TOML file read into frozen values, and the schedule they define."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from napari_sam2.training.displacement import Displacement
from napari_sam2.training.losses import LossWeights

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """How prompts are drawn.

    ``stills`` and ``clips`` are the chances of click, box and mask as the first prompt. On stills
    a mask prompt is displaced by ``displaced``, as if it came from an earlier frame. On tracked
    frames the previous mask is disturbed by ``drift`` and withheld from a share ``drop`` of the
    objects; for a share ``forced`` the true mask is remembered instead of the predicted one.
    ``correct`` is the chance that a clip is corrected by a click on one later frame.

    The paper's other points, off by default: up to ``prompted_frames`` frames of a clip get a first
    prompt (the first frame always) and are corrected by ``prompted_corrections`` clicks each unless
    that prompt was a mask; a corrected later frame gets ``correct_clicks`` clicks. A fraction of a
    click is the chance of one more. ``from_truth``
    is the share of corrective clicks that fall anywhere on the object, ``reverse`` that of the
    clips that run backward in time.
    """

    stills: tuple[float, float, float] = (0.5, 0.2, 0.3)
    clips: tuple[float, float, float] = (0.4, 0.2, 0.4)
    displaced: Displacement = Displacement()
    drift: Displacement = Displacement(shift=0.1, scale=1.1, turn=8.0, threshold=0.3)
    drop: float = 0.3
    forced: float = 0.1
    correct: float = 0.3
    correct_clicks: float = 1.0
    prompted_frames: int = 1
    prompted_corrections: float = 0.0
    from_truth: float = 0.1
    reverse: float = 0.5


@dataclass(frozen=True, slots=True)
class OptimizerSettings:
    """AdamW and what surrounds it; with ``muon`` the matrices learn by `Muon` instead."""

    weight_decay: float = 0.02
    clip_norm: float = 1.0
    warmup_steps: int = 60
    ema: float = 0.999
    muon: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of training.

    ``share`` is its part of the whole budget; the learning rate falls along a cosine from
    ``learning_rate`` to ``final_learning_rate``. ``clip_share`` of the steps take a batch of
    ``clips`` x ``frames``, the others one of ``images`` stills. ``objects`` and ``clip_objects``
    are the most objects of a window; ``corrections`` the corrective passes after the first
    prompt (a fraction is the chance of one more). Without ``clips_teach_encoder`` clips leave the
    image encoder to the stills, which makes them a third cheaper; ``freeze_encoder`` spares it in
    stills, too. Of the clips drawn only the ``hardest`` share is kept, in which objects move and
    change most from frame to frame.
    """

    name: str
    share: float
    learning_rate: float
    final_learning_rate: float
    images: int = 8
    objects: int = 4
    corrections: float = 1.2
    clip_share: float = 0.0
    clips: int = 3
    frames: int = 4
    clip_objects: int = 3
    clips_teach_encoder: bool = True
    freeze_encoder: bool = False
    hardest: float = 1.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a trained network is trained further, and how memory is spared.

    ``init`` is the name or path of the model to start from; without it weights are drawn at
    random. ``image_size`` is the side of the windows, a multiple of 32; 0 keeps the network's.
    The image encoder learns at ``encoder_share`` of the rate, its layers at ``layer_decay`` of the
    rate of the layer above; or not at all with ``freeze_encoder``; or through adapters of
    ``lora_rank``. Nothing but ``parts`` learns if there are any, names of modules such as
    ``sam_mask_decoder.iou_prediction_head``. A step is the mean of ``accumulate`` batches; with
    ``recompute`` the encoder's blocks are computed twice instead of kept. There is a validation
    every ``validate_steps`` steps (0: by the recipe's minutes); the best model so far is kept, and
    after ``patience`` validations without a better one the run ends (0: never).
    """

    init: str = ""
    image_size: int = 0
    encoder_share: float = 1.0
    layer_decay: float = 1.0
    freeze_encoder: bool = False
    lora_rank: int = 0
    parts: tuple[str, ...] = ()
    accumulate: int = 1
    recompute: bool = False
    validate_steps: int = 0
    patience: int = 0

    def __post_init__(self) -> None:
        """Check numbers that would fail later, or silently do nothing."""
        if self.image_size < 0 or self.image_size % 32:
            raise ValueError(
                f"Expected windows whose side is a multiple of 32, got {self.image_size}; take "
                "256, 512, 768 or 1024."
            )
        if self.lora_rank and self.freeze_encoder:
            raise ValueError(
                "Expected either a frozen encoder or LoRA, got both; LoRA freezes the encoder's "
                "own weights already."
            )
        if self.lora_rank and self.parts:
            raise ValueError(
                f"Expected either parts that learn or LoRA, got both ({', '.join(self.parts)}); "
                "leave one of them out."
            )
        if self.accumulate < 1:
            raise ValueError(f"Expected 1 batch a step or more, got {self.accumulate}.")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a training run depends on.

    ``preset`` names the network, unless it comes from ``tuning.init``. The budget is ``minutes`` of
    wall-clock time or, if positive, ``steps``; only the latter makes two runs equal to the last
    bit. ``data`` is the folder of training data, relative to the recipe unless absolute;
    ``still_shares`` and ``clip_shares`` are the weights of its data sets (see `balance`).
    """

    preset: str
    stages: tuple[Stage, ...]
    data: str = ""
    still_shares: dict[str, float] = field(default_factory=dict)
    clip_shares: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    minutes: float = 60.0
    steps: int = 0
    bfloat16: bool = True
    log_every: int = 20
    save_minutes: float = 3.0
    validate_minutes: float = 8.0
    loss: LossWeights = field(default_factory=LossWeights)
    prompts: PromptSettings = field(default_factory=PromptSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    tuning: Tuning = field(default_factory=Tuning)

    def __post_init__(self) -> None:
        """Check that the stages share the whole budget."""
        total = sum(stage.share for stage in self.stages)
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(
                f"Expected stages whose shares add up to 1, got {total:g}; change `share` in the "
                "recipe's [[stages]]."
            )


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: its stage, and the learning rate before warm-up."""

    stage: Stage
    learning_rate: float


def position(recipe: Recipe, progress: float) -> Position:
    """Find stage and learning rate at a share of the budget in [0, 1]."""
    start = 0.0
    stage = recipe.stages[0]
    for stage in recipe.stages:
        if progress < start + stage.share:
            break
        start += stage.share
    else:
        start -= stage.share
    within = min(max((progress - start) / stage.share, 0.0), 1.0)
    cosine = 0.5 * (1.0 + math.cos(math.pi * within))
    span = stage.learning_rate - stage.final_learning_rate
    return Position(stage, stage.final_learning_rate + span * cosine)


def read_recipe(path: Path | str) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : Path or str
        A TOML file whose tables and keys are the fields of `Recipe`.

    Returns
    -------
    Recipe
        The recipe, its data folder made absolute.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no TOML, names an unknown key or lacks a needed one.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"Expected a TOML recipe, got {path} with {error}; mend it.") from error
    if table.get("data"):
        table["data"] = str((path.parent / table["data"]).resolve())
    return _build(Recipe, table, "recipe")


def _build(kind: type[_Value], table: dict[str, Any], place: str) -> _Value:
    """Fill a dataclass from a table, going into nested ones."""
    hints = get_type_hints(kind)
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(
            f"Expected keys among {sorted(known)} in {place}, got {', '.join(unknown)}; "
            "remove or rename them."
        )
    values = {key: _convert(hints[key], value, f"{place}.{key}") for key, value in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(
            f"Expected all needed keys of {place}, got {sorted(table)}: {error}; add them."
        ) from error


def _convert(hint: Any, value: Any, place: str) -> Any:
    """Convert a TOML value to the type of its field."""
    if is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, place)
    if hint == tuple[Stage, ...]:
        return tuple(_build(Stage, item, place) for item in value)
    return tuple(value) if isinstance(value, list) else value
