"""The built-in recipe for training a given network further on users' own data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_sam2.network.config import HieraConfig, SAM2Config
from napari_sam2.training.config import (
    OptimizerSettings,
    PromptSettings,
    Recipe,
    Stage,
    Tuning,
)

# SAM 2's decay of the learning rate per layer, by the number of the trunk's blocks: tiny has 12,
# small 16, base_plus 24, large 48.
_LAYER_DECAY = {12: 0.8, 16: 0.8, 24: 0.9, 48: 0.925}
_LARGEST_DEFAULT_PX = 512
_VALIDATIONS = 12


@dataclass(frozen=True, slots=True)
class FineTuning:
    """What a user may want otherwise than the built-in recipe has it.

    Parameters
    ----------
    init
        Name or path of the model to start from.
    minutes, steps
        Budget; steps where positive.
    image_size
        Side of the windows in pixels, a multiple of 32. By default the network's own, at most 512.
    freeze_encoder, lora_rank
        Leave the image encoder as it is, or let it learn through adapters of this rank.
    patience
        Validations without a better model after which the run ends; 0 for never.
    seed
        Of the run.
    """

    init: str
    minutes: float = 30.0
    steps: int = 0
    image_size: int = 0
    freeze_encoder: bool = False
    lora_rank: int = 0
    patience: int = 6
    seed: int = 0


def fine_tuning_recipe(wanted: FineTuning, config: SAM2Config) -> Recipe:
    """Make the recipe for a network.

    The published networks learn at the rates of SAM 2's own fine-tuning, scaled for small batches;
    the small convolutional network stands higher ones. Both see stills and clips in turn, and both
    get a first prompt of every kind.

    Parameters
    ----------
    wanted
        The user's choices.
    config
        Numbers of the network that `wanted.init` names.
    """
    size = wanted.image_size or min(config.image_size, _LARGEST_DEFAULT_PX)
    published = isinstance(config.encoder, HieraConfig)
    stage = _published_stage() if published else _small_stage()
    prompts = PromptSettings(clips=(0.25, 0.25, 0.5), prompted_frames=2, prompted_corrections=2)
    decay = _LAYER_DECAY.get(sum(config.encoder.depths), 0.9) if published else 1.0
    recipe = Recipe(
        preset=wanted.init,
        stages=(stage,),
        seed=wanted.seed,
        minutes=wanted.minutes,
        steps=wanted.steps,
        log_every=10,
        save_minutes=2.0,
        prompts=prompts if published else PromptSettings(),
        optimizer=OptimizerSettings(
            weight_decay=0.1 if published else 0.02,
            clip_norm=0.1 if published else 1.0,
            warmup_steps=20,
            ema=0.99,
        ),
        tuning=Tuning(
            init=wanted.init,
            image_size=size,
            encoder_share=0.6 if published else 0.5,
            layer_decay=decay,
            freeze_encoder=wanted.freeze_encoder,
            lora_rank=wanted.lora_rank,
            accumulate=4 if published else 1,
            recompute=published,
            patience=wanted.patience,
        ),
    )
    return validation_times(recipe)


def validation_times(recipe: Recipe) -> Recipe:
    """Return the recipe with about twelve validations, spread over its budget."""
    every = max(recipe.steps // _VALIDATIONS, 1) if recipe.steps else 0
    return replace(
        recipe,
        validate_minutes=max(recipe.minutes / _VALIDATIONS, 0.25),
        tuning=replace(recipe.tuning, validate_steps=every),
    )


def _published_stage() -> Stage:
    """Give small batches at small rates: the network knows what an object is."""
    return Stage(
        "fine-tuning",
        share=1.0,
        learning_rate=2e-5,
        final_learning_rate=1e-6,
        images=2,
        objects=3,
        clip_share=0.5,
        clips=1,
        frames=4,
        clip_objects=3,
    )


def _small_stage() -> Stage:
    """Give the embedded network the batches that it was trained with, at a lower rate."""
    return Stage(
        "fine-tuning",
        share=1.0,
        learning_rate=1.5e-4,
        final_learning_rate=4e-6,
        images=6,
        objects=4,
        clip_share=0.5,
        clips=3,
        frames=5,
        clip_objects=4,
        clips_teach_encoder=False,
    )
