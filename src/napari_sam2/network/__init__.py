"""The SAM 2 network: plain PyTorch modules over tensors, stateless, no device choice."""

from napari_sam2.network.config import ConvolutionalConfig, HieraConfig, SAM2Config
from napari_sam2.network.mask_decoder import Decoded
from napari_sam2.network.memory_attention import MemoryTokens
from napari_sam2.network.presets import PRESETS
from napari_sam2.network.prompt_encoder import PromptTensors
from napari_sam2.network.sam2 import SAM2, ImageFeatures, upsample_logits

__all__ = [
    "PRESETS",
    "SAM2",
    "ConvolutionalConfig",
    "Decoded",
    "HieraConfig",
    "ImageFeatures",
    "MemoryTokens",
    "PromptTensors",
    "SAM2Config",
    "upsample_logits",
]
