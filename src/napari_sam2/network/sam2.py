"""SAM 2 as one stateless module: the caller owns prompts, memories and their order."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.network.config import ConvolutionalConfig, SAM2Config
from napari_sam2.network.image_encoder import ImageEncoder
from napari_sam2.network.kept import Conv2d, Linear
from napari_sam2.network.layers import MLP
from napari_sam2.network.mask_decoder import Decoded, MaskDecoder, join_decoded
from napari_sam2.network.memory_attention import MemoryAttention, MemoryTokens
from napari_sam2.network.memory_encoder import MemoryEncoder
from napari_sam2.network.positions import sine_grid, sine_times
from napari_sam2.network.prompt_encoder import PromptEncoder, PromptTensors
from napari_sam2.network.rows import distinct_rows, rows_at_once, rows_of, same_rows, slices

MASK_SCALE, MASK_BIAS = 20.0, -10.0  # of mask probabilities before the memory encoder
STRIDE = 16  # input pixels an embedding pixel spans


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """An encoded batch of images.

    Parameters
    ----------
    embedding_bchw
        (B, C, S / 16, S / 16).
    stride8_bchw, stride4_bchw
        (B, C / 4, S / 8, S / 8) and (B, C / 8, S / 4, S / 4), ready for the mask decoder.
    """

    embedding_bchw: Tensor
    stride8_bchw: Tensor
    stride4_bchw: Tensor

    @property
    def size(self) -> int:
        """Side S of the encoded input, in pixels."""
        return STRIDE * self.embedding_bchw.shape[-1]

    def select(self, index_n: Tensor) -> ImageFeatures:
        """Gather rows: one image for each object, in the order of `index_n`."""
        return ImageFeatures(
            self.embedding_bchw[index_n], self.stride8_bchw[index_n], self.stride4_bchw[index_n]
        )

    def expand(self, batch: int) -> ImageFeatures:
        """Repeat a single image for `batch` objects without copying it."""
        return ImageFeatures(
            self.embedding_bchw.expand(batch, -1, -1, -1),
            self.stride8_bchw.expand(batch, -1, -1, -1),
            self.stride4_bchw.expand(batch, -1, -1, -1),
        )


class SAM2(nn.Module):
    """The whole network; parameter names are those of the published checkpoints.

    Parameters
    ----------
    config
        The numbers of a preset, or your own.
    """

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.config = config
        dim, memory_dim = config.hidden_dim, config.memory_dim
        self.image_encoder = ImageEncoder(config)
        self.mask_downsample = Conv2d(1, 1, kernel_size=4, stride=4)
        self.memory_attention = MemoryAttention(
            dim, memory_dim, config.feedforward_dim, layers=config.memory_layers
        )
        self.memory_encoder = MemoryEncoder(dim, memory_dim)
        self.sam_prompt_encoder = PromptEncoder(dim)
        self.sam_mask_decoder = MaskDecoder(dim, config.feedforward_dim)
        self.obj_ptr_proj = MLP(dim, dim, dim, depth=3)
        self.maskmem_tpos_enc = _embedding(config.memory_frames, 1, 1, memory_dim)
        self.no_mem_embed = _embedding(1, 1, dim)
        self.no_mem_pos_enc = _embedding(1, 1, dim)  # in every checkpoint, read by nobody
        self.no_obj_ptr = _embedding(1, dim)
        if config.occlusion_embedding:
            self.no_obj_embed_spatial = _embedding(1, memory_dim)
        if config.pointer_times:
            self.obj_ptr_tpos_proj = Linear(dim, memory_dim)
        if isinstance(config.encoder, ConvolutionalConfig):
            self._balance_prompts()

    @torch.no_grad()
    def _balance_prompts(self) -> None:
        """Let prompts speak up against image features when training starts from nothing."""
        self.sam_mask_decoder.conv_s0.weight *= 0.3
        self.sam_mask_decoder.conv_s1.weight *= 0.3
        self.sam_prompt_encoder.mask_downscaling.get_parameter("6.weight").mul_(3.0)
        for index in range(2):
            self.memory_encoder.fuser.get_parameter(f"layers.{index}.gamma").fill_(0.1)

    def encode_image(self, images_b3hw: Tensor) -> ImageFeatures:
        """Encode normalised images (B, 3, S, S); S a multiple of 32.

        Raises
        ------
        ValueError
            If the images are not square or S is not a multiple of 32.
        """
        height, width = images_b3hw.shape[-2:]
        if height != width or height % 32:
            raise ValueError(
                f"expected square images with a side that is a multiple of 32, got {height} x "
                f"{width}; resize or pad them"
            )
        decoder = self.sam_mask_decoder
        reductions = (decoder.conv_s0, decoder.conv_s1)
        stride4, stride8, embedding = self.image_encoder(images_b3hw, reductions)
        return ImageFeatures(embedding, stride8, stride4)

    def without_memory(self, features: ImageFeatures) -> Tensor:
        """Return the embedding (B, C, S / 16, S / 16) of a frame that nothing is remembered for."""
        return features.embedding_bchw + self.no_mem_embed[0, 0, :, None, None]

    def with_memory(self, features: ImageFeatures, memory: MemoryTokens) -> Tensor:
        """Return the embedding (N, C, S / 16, S / 16) conditioned on each object's memory."""
        return self.memory_attention(features.embedding_bchw, memory)

    def memory_tokens(
        self,
        spatial_nmchw: Tensor,
        slots_nm: Tensor,
        pointers_npc: Tensor,
        offsets_np: Tensor,
    ) -> MemoryTokens:
        """Lay out memories as tokens with their positions.

        Parameters
        ----------
        spatial_nmchw
            (N, M, memory_dim, S / 16, S / 16) memory maps, best laid out channels last.
        slots_nm
            (N, M) int: 0 for a prompt memory, k >= 1 for a frame k steps back.
        pointers_npc
            (N, P, C) object pointers; P may be 0.
        offsets_np
            (N, P) distance in time of each pointer, divided by the most that is attended less one.
        """
        _, maps, channels, height, width = spatial_nmchw.shape
        grid = sine_grid(channels, height, width, spatial_nmchw.device)
        # a view where maps lie channels last
        spatial = spatial_nmchw.flatten(3).transpose(2, 3).flatten(1, 2)
        if same_rows(slots_nm, offsets_np):  # objects followed over the same frames
            slots_nm, offsets_np = slots_nm[:1], offsets_np[:1]
        times = self.maskmem_tpos_enc[(slots_nm - 1) % self.config.memory_frames].flatten(2)
        positions = (times[:, :, None] + grid[None]).flatten(1, 2)
        # A pointer is wider than a memory pixel and is split into several tokens.
        pieces = pointers_npc.shape[2] // channels
        pointers = pointers_npc.unflatten(2, (pieces, channels)).flatten(1, 2)
        pointer_times = self._pointer_times(offsets_np, pieces)
        return MemoryTokens(
            torch.cat((spatial, pointers.to(spatial.dtype)), dim=1),
            torch.cat((positions, pointer_times.to(positions.dtype)), dim=1),
            maps,
        )

    def _pointer_times(self, offsets_np: Tensor, pieces: int) -> Tensor:
        config = self.config
        if not config.pointer_times:
            number, pointers = offsets_np.shape
            return self.no_obj_ptr.new_zeros(number, pointers * pieces, config.memory_dim)
        times = self.obj_ptr_tpos_proj(sine_times(offsets_np, config.hidden_dim))
        return times.repeat_interleave(pieces, dim=1)

    def decode(
        self, embedding_bchw: Tensor, features: ImageFeatures, prompts: PromptTensors
    ) -> Decoded:
        """Predict the candidate masks of B objects.

        Parameters
        ----------
        embedding_bchw
            (B, C, S / 16, S / 16) from `without_memory` or `with_memory`.
        features
            The same B images (or one row for all), for the high-resolution skips.
        prompts
            B rows of prompts; empty ones on tracked frames.
        """
        batch, height, width = len(embedding_bchw), *embedding_bchw.shape[-2:]
        tokens, dense = self.sam_prompt_encoder(prompts, batch, STRIDE * height)
        positions = self.sam_prompt_encoder.image_positions(height, width)
        skips = (features.stride8_bchw, features.stride4_bchw)
        together = rows_at_once(height * width, embedding_bchw.device, light=True)
        parts = [
            self.sam_mask_decoder(
                embedding_bchw[part],
                positions,
                tokens[part],
                dense[part],
                (rows_of(skips[0], part), rows_of(skips[1], part)),
            )
            for part in slices(batch, together)
        ]
        return join_decoded(parts)

    def downsample_mask(self, mask_b1hw: Tensor) -> Tensor:
        """Bring a given mask (B, 1, S, S), 0 or 1, to a mask prompt (B, 1, S / 4, S / 4)."""
        return self.mask_downsample(mask_b1hw)

    def object_pointers(self, output_tokens_bc: Tensor, object_score_b1: Tensor) -> Tensor:
        """Turn output tokens (B, C) into pointers (B, C); absent objects get the learned one."""
        present = (object_score_b1 > 0).to(output_tokens_bc.dtype)
        pointers = self.obj_ptr_proj(output_tokens_bc)
        return present * pointers + (1 - present) * self.no_obj_ptr

    def encode_memory(
        self,
        features: ImageFeatures,
        mask_logits_b1hw: Tensor,
        object_score_b1: Tensor,
        *,
        binarize: bool,
    ) -> Tensor:
        """Encode masks as memory maps (B, memory_dim, S / 16, S / 16).

        Parameters
        ----------
        features
            B images, or one row for all.
        mask_logits_b1hw
            (B, 1, S, S) logits at the resolution of the input.
        object_score_b1
            (B, 1) logits; at 0 and below the memory says "absent".
        binarize
            Use the sign of the logits instead of their sigmoid, as for prompted frames.
        """
        logits, embedding = mask_logits_b1hw, distinct_rows(features.embedding_bchw)
        together = rows_at_once(features.size**2 // STRIDE**2, logits.device, light=True)
        parts = [
            self.memory_encoder(
                rows_of(embedding, part), _as_memory_input(logits[part], binarize=binarize)
            )
            for part in slices(len(logits), together)
        ]
        memory = parts[0] if len(parts) == 1 else torch.cat(parts)
        if self.config.occlusion_embedding:
            absent = (object_score_b1 <= 0).to(memory.dtype)
            vectors = (absent * self.no_obj_embed_spatial).to(memory.dtype)
            memory = memory + vectors[..., None, None]
        return memory


def upsample_logits(mask_logits_bkhw: Tensor, size: int) -> Tensor:
    """Interpolate mask logits (B, K, h, w) to (B, K, size, size)."""
    return F.interpolate(mask_logits_bkhw, (size, size), mode="bilinear", align_corners=False)


def _as_memory_input(mask_logits: Tensor, *, binarize: bool) -> Tensor:
    masks = (mask_logits > 0).to(mask_logits.dtype) if binarize else mask_logits.sigmoid()
    return torch.add(masks.new_tensor(MASK_BIAS), masks, alpha=MASK_SCALE)


def _embedding(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(shape), std=0.02))
