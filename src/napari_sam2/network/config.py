"""The numbers that define a network, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HieraConfig:
    """Numbers of a Hiera trunk.

    Parameters
    ----------
    embed_dim, heads
        Channels and attention heads of the first stage; both double at each further stage.
    depths
        Blocks of the four stages.
    global_blocks
        Indices of the blocks that attend over the whole map.
    windows
        Window side of each stage, in its own pixels.
    position_grid
        (rows, columns) of the low-resolution position table.
    """

    embed_dim: int
    heads: int
    depths: tuple[int, int, int, int]
    global_blocks: tuple[int, ...]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    position_grid: tuple[int, int] = (7, 7)


@dataclass(frozen=True, slots=True)
class ConvolutionalConfig:
    """Numbers of the residual convolutional trunk: channels and blocks of the four stages."""

    widths: tuple[int, int, int, int] = (48, 96, 192, 256)
    depths: tuple[int, int, int, int] = (2, 2, 4, 2)


@dataclass(frozen=True, slots=True)
class SAM2Config:
    """Numbers of a whole SAM 2 network.

    Parameters
    ----------
    encoder
        The image trunk.
    image_size
        Side S of the square input that the weights were trained on, in pixels. Any multiple of
        32 can be fed.
    hidden_dim, memory_dim
        Channels of the embeddings and of the memory maps.
    memory_layers, feedforward_dim
        Layers of the memory attention; hidden width of every feed-forward block behind the
        encoder.
    memory_frames
        Memory maps attended at most: prompted ones share one time slot, recent frames have one
        each (`memory_frames` - 1).
    max_pointers
        Object pointers attended at most.
    occlusion_embedding
        Absent objects leave their own vector in the memory (SAM 2.1).
    pointer_times
        Object pointers carry their distance in time (SAM 2.1).
    dense_prompts
        Points and boxes are also drawn into the mask prompt.
    previous_mask_prompt
        On tracked frames the softened mask of the previous frame is the mask prompt.
    multimask
        Ambiguous prompts and tracked frames take the best of the three candidate masks by its
        predicted IoU; otherwise always the single mask.
    """

    encoder: HieraConfig | ConvolutionalConfig
    image_size: int = 1024
    hidden_dim: int = 256
    memory_dim: int = 64
    memory_layers: int = 4
    feedforward_dim: int = 2048
    memory_frames: int = 7
    max_pointers: int = 16
    occlusion_embedding: bool = True
    pointer_times: bool = True
    dense_prompts: bool = False
    previous_mask_prompt: bool = False
    multimask: bool = True
