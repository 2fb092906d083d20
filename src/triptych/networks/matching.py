"""Matching of two feature maps: the cost volume, and the warps before it."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from triptych.geometry.grid import pixel_grid, sample
from triptych.networks.layers import LEAKY_SLOPE, single_precision

TILE = 8
"""Columns of the target in one matrix product; measured best of 8 to 64 on a CPU."""

VARIANCE_FLOOR = 1e-12
"""Added to the variance of features: a hundredth of the smallest that untrained networks show."""


def cost_volume(
    target: Float[Tensor, "batch channels height width"],
    source: Float[Tensor, "batch channels height width"],
    *,
    search_radius: int = 4,
) -> Float[Tensor, "batch displacements height width"]:
    """Mean over channels of the products of target features with their neighborhood in the source.

    cost(p, d) = mean_c target_c(p) source_c(p + d) for |d_x|, |d_y| <= r. Computed as banded
    matrix products: TILE columns of a target row times the TILE + 2 r columns of a source
    row that they can meet; the diagonals of each product are the costs.

    Args:
        target: features of the target frame.
        source: features of the source frame, already brought to the target's grid.
        search_radius: r (px of this grid).

    Returns:
        Channel (d_y + r) (2 r + 1) + d_x + r holds displacement d; zero where p + d is outside.
    """
    target, source = single_precision(target), single_precision(source)
    if torch.is_grad_enabled() and (target.requires_grad or source.requires_grad):
        return cast(Tensor, _CostVolume.apply(target, source, search_radius))
    tiles = _Tiles(target, search_radius)
    return tiles.costs(tiles.target_tiles(target), tiles.source_tiles(source))


def normalized_pair(
    target: Float[Tensor, "batch channels height width"], source: Float[Tensor, "batch channels height width"]
) -> tuple[Float[Tensor, "batch channels height width"], Float[Tensor, "batch channels height width"]]:
    """Both features with their joint mean taken off, divided by their joint standard deviation.

    The moments are over channels, places and both images (Jonschkowski et al., What matters in
    unsupervised optical flow, ECCV 2020). Costs are then correlations of about unit size, also
    before training, where those of raw features are too small to be heard.

    Args:
        target: features of the target frame.
        source: features of the source frame.

    Returns:
        Target and source. Features that are constant give zeros, by `VARIANCE_FLOOR`.
    """
    target, source = single_precision(target), single_precision(source)
    moments = [torch.var_mean(maps, dim=(1, 2, 3), keepdim=True, correction=0) for maps in (target, source)]
    mean = (moments[0][1] + moments[1][1]) / 2
    # Spread within each image, and of the two means about the common one.
    variance = (moments[0][0] + moments[1][0]) / 2 + ((moments[0][1] - moments[1][1]) / 2) ** 2
    scale = torch.rsqrt(variance + VARIANCE_FLOOR)
    return (target - mean) * scale, (source - mean) * scale


def matching_cost(
    target: Float[Tensor, "batch channels height width"],
    source: Float[Tensor, "batch channels height width"],
    *,
    search_radius: int,
    normalized: bool,
) -> Float[Tensor, "batch displacements height width"]:
    """The cost volume as the decoder takes it: through a LeakyReLU.

    Args:
        target: features of the target frame.
        source: features of the source frame on the target's grid.
        search_radius: see `cost_volume`.
        normalized: normalize the features first, see `normalized_pair`.
    """
    if normalized:
        target, source = normalized_pair(target, source)
    return F.leaky_relu(cost_volume(target, source, search_radius=search_radius), LEAKY_SLOPE)


class _Tiles:
    """The cutting of a target and its padded source into tiles, for one size.

    Tiles are (rows, batch x tiles in a row, channels, columns), so that the source rows
    that lie at one vertical displacement from all target rows are one contiguous slice.
    """

    def __init__(self, target: Tensor, radius: int) -> None:
        self.batch, self.channels, self.height, self.width = target.shape
        self.radius = radius
        self.side = 2 * radius + 1
        self.tile = min(TILE, self.width)
        self.wide = self.tile + 2 * radius
        self.count = -(-self.width // self.tile)
        self.extra = self.count * self.tile - self.width

    def target_tiles(self, target: Tensor) -> Tensor:
        """(rows x batch x tiles, columns + 1, channels), divided by the number of channels."""
        tiles = torch.unflatten(F.pad(target / self.channels, (0, self.extra)), -1, (self.count, self.tile))
        # One column of zeros more: the product then has room to be read along its diagonals.
        return F.pad(tiles.permute(2, 0, 3, 4, 1), (0, 0, 0, 1)).flatten(0, 2)

    def source_tiles(self, source: Tensor) -> Tensor:
        """(rows + 2 r, batch x tiles, channels, columns + 2 r); neighbors overlap by 2 r."""
        margin = self.radius
        padded = F.pad(source, (margin, margin + self.extra, margin, margin)).permute(2, 0, 1, 3)
        tiles = padded.unfold(-1, self.wide, self.tile).permute(0, 1, 3, 2, 4)
        return tiles.reshape(-1, self.batch * self.count, self.channels, self.wide).contiguous()

    def row_slice(self, source_tiles: Tensor, displacement: int) -> Tensor:
        """The source tiles under each target tile at a vertical displacement (0 .. 2 r)."""
        return source_tiles[displacement : displacement + self.height].flatten(0, 1)

    def diagonals(self, products: Tensor) -> Tensor:
        """A view (rows, batch, tiles, columns, 2 r + 1) of the products' entries [x, x + d]."""
        entries = products.flatten(1)[:, : self.tile * (self.wide + 1)]
        band = torch.unflatten(entries, 1, (self.tile, self.wide + 1))[..., : self.side]
        return torch.unflatten(band, 0, (self.height, self.batch, self.count))

    def costs(self, target_tiles: Tensor, source_tiles: Tensor) -> Tensor:
        """The cost volume of tiled features."""
        bands = [
            self.diagonals(torch.bmm(target_tiles, self.row_slice(source_tiles, y))).permute(1, 4, 0, 2, 3)
            for y in range(self.side)
        ]
        return torch.stack(bands, dim=1).flatten(4, 5).flatten(1, 2)[..., : self.width]

    def gradients(self, gradient: Tensor, target_tiles: Tensor, source_tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the target and of the source features."""
        gradient = F.pad(gradient, (0, self.extra))
        gradient = torch.unflatten(torch.unflatten(gradient, -1, (self.count, self.tile)), 1, (self.side,) * 2)
        products = target_tiles.new_zeros(target_tiles.shape[0], self.tile + 1, self.wide)
        band = self.diagonals(products)
        of_target, of_source = torch.zeros_like(target_tiles), torch.zeros_like(source_tiles)
        for y in range(self.side):
            band.copy_(gradient[:, y].permute(2, 0, 3, 4, 1))
            of_target.baddbmm_(products, self.row_slice(source_tiles, y).transpose(1, 2))
            self.row_slice(of_source, y).baddbmm_(target_tiles.transpose(1, 2), products)
        return self._joined_target(of_target), self._joined_source(of_source)

    def _joined_target(self, tiles: Tensor) -> Tensor:
        rows = torch.unflatten(tiles[:, : self.tile], 0, (self.height, self.batch, self.count)).flatten(2, 3)
        return rows[:, :, : self.width].permute(1, 3, 0, 2) / self.channels

    def _joined_source(self, tiles: Tensor) -> Tensor:
        """The sum of the overlapping tiles, without the padding: the reverse of `source_tiles`."""
        rows = torch.unflatten(tiles[self.radius : self.radius + self.height], 1, (self.batch, self.count))
        rows = rows.permute(1, 3, 0, 2, 4)
        pieces = -(-self.wide // self.tile)
        length = (self.count + pieces - 1) * self.tile
        joined = tiles.new_zeros(*rows.shape[:3], length)
        for start in range(0, self.wide, self.tile):
            part = rows[..., start : start + self.tile]
            place = torch.unflatten(joined[..., start : start + self.count * self.tile], -1, (self.count, self.tile))
            place[..., : part.shape[-1]] += part
        return joined[..., self.radius : self.radius + self.width]


class _CostVolume(torch.autograd.Function):
    """The cost volume with its gradient as banded products of the same kind.

    Left to autograd, each of the 2 r + 1 products would pad and sum gradients of its own.
    """

    @staticmethod
    def forward(ctx: Any, target: Tensor, source: Tensor, search_radius: int) -> Tensor:
        tiles = _Tiles(target, search_radius)
        target_tiles, source_tiles = tiles.target_tiles(target), tiles.source_tiles(source)
        ctx.tiles = tiles
        ctx.save_for_backward(target_tiles, source_tiles)
        return tiles.costs(target_tiles, source_tiles)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        of_target, of_source = ctx.tiles.gradients(gradients[0], *ctx.saved_tensors)
        return of_target, of_source, None


class DeformableWarp(nn.Module):
    """A 3x3 deformable convolution whose nine taps share one offset, as conv-then-warp.

    With a shared offset the convolution and the bilinear interpolation are linear maps
    that commute: sampling the *convolved* source, known one pixel beyond its borders (zero
    padding 2), with zeros outside is the same as torchvision's deform_conv2d with the offset
    repeated for nine taps, at a twentieth of its time. The bias is added after the sampling:
    it is there also where the taps are all outside.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.dirac_(self.weight)  # an untrained layer is plain warping, which matches from the start

    def forward(
        self,
        source: Float[Tensor, "batch channels height width"],
        flow: Float[Tensor, "batch 2 height width"],
    ) -> Float[Tensor, "batch channels height width"]:
        """Convolved source features at the places where the flow points.

        Args:
            source: features of the source frame.
            flow: displacement on the target grid, px of this grid.

        Returns:
            Features on the target grid; the bias alone where all taps fall outside.
        """
        convolved = F.conv2d(source, self.weight, padding=2)
        # The padding of 2 makes one more row and column before the first: positions shift by one.
        return warped_features(convolved, flow, margin=1) + self.bias[:, None, None]


def warped_features(
    source: Float[Tensor, "batch channels _ _"],
    flow: Float[Tensor, "batch 2 height width"],
    *,
    margin: int = 0,
) -> Float[Tensor, "batch channels height width"]:
    """Source features at the places where the flow points, zero outside.

    Args:
        source: features, known `margin` pixels beyond each border of the flow's grid.
        flow: displacement on the target grid, px of this grid.
        margin: rows and columns of the source before the grid's first.

    Returns:
        Features on the target grid, in float32 at least: a bfloat16 cannot count pixels.
    """
    height, width = flow.shape[-2:]
    source, flow = single_precision(source), single_precision(flow)
    pixels = pixel_grid(height, width, dtype=flow.dtype, device=flow.device) + flow + margin
    return sample(source, pixels, padding="zeros")
