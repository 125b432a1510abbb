"""Networks by allow-listed name: plain parameters in, a MONAI network out.

A job is data. It names a network and gives numbers; nothing in it is imported, evaluated or
looked up, so the server cannot bring code into a hospital through a job.

Only normalisation without running statistics is offered: the whole state of a network is then
floating point and may be averaged, and no site's intensity statistics ride along in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from monai.networks.nets.unet import UNet
from pydantic import Field, StrictBool, ValidationError, model_validator

from fedpacs.config.load import Frozen
from fedpacs.training.errors import BadNetworkError
from fedpacs.training.packing import float_state, pack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from fedpacs.config.job import JobConfig, Network

Channels = Annotated[int, Field(ge=1, le=1024, strict=True)]
Stride = Annotated[int, Field(ge=1, le=4, strict=True)]


class UNetParameters(Frozen):
    """What a job may say about a UNet.

    References
    ----------
    Ronneberger et al., U-Net, MICCAI 2015; Kerfoot et al., STACOM 2018 (residual units).
    """

    channels: Annotated[tuple[Channels, ...], Field(min_length=2, max_length=8)]
    """Feature channels per level, top first."""
    strides: tuple[Stride, ...]
    """Down-sampling between levels, one fewer than `channels`."""
    num_res_units: Annotated[int, Field(ge=0, le=8, strict=True)] = 0
    kernel_size: Literal[3, 5, 7] = 3
    norm: Literal["instance"] = "instance"
    affine: StrictBool = False
    """Whether the normalisation learns a scale and an offset."""
    act: Literal["PReLU", "ReLU", "LeakyReLU"] = "PReLU"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @model_validator(mode="after")
    def _one_stride_between_levels(self) -> UNetParameters:
        if len(self.strides) != len(self.channels) - 1:
            msg = "strides has one entry fewer than channels"
            raise ValueError(msg)
        return self

    @property
    def reduction(self) -> int:
        """Factor between the finest and the coarsest level; slices must be divisible by it."""
        factor = 1
        for stride in self.strides:
            factor *= stride
        return factor


def read_parameters(network: Network) -> UNetParameters:
    """Check the parameters of a network.

    Raises
    ------
    BadNetworkError
        With every fault found.
    """
    try:
        return UNetParameters.model_validate(network.parameters)
    except ValidationError as error:
        faults = "; ".join(
            f"network.parameters.{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise BadNetworkError(f"{network.name} cannot be built: {faults}.") from error


def build_network(network: Network, num_classes: int) -> nn.Module:
    """Build the network of a job with fresh, unseeded weights.

    Parameters
    ----------
    network
        Name and parameters, from the job.
    num_classes
        Classes of the label map, the background counted in.

    Returns
    -------
    torch.nn.Module
        Takes ``(N, 1, S, S)`` float32, gives logits ``(N, num_classes, S, S)``.

    Raises
    ------
    BadNetworkError
        If the parameters do not make a network.
    """
    parameters = read_parameters(network)
    module: nn.Module = UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=num_classes,
        channels=parameters.channels,
        strides=parameters.strides,
        kernel_size=parameters.kernel_size,
        up_kernel_size=parameters.kernel_size,
        num_res_units=parameters.num_res_units,
        norm=(parameters.norm, {"affine": parameters.affine}),
        act=parameters.act,
        dropout=parameters.dropout,
    )
    return module


def state_shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the floating-point state, in state-dict order."""
    return {name: tuple(tensor.shape) for name, tensor in float_state(module).items()}


def initial_weights(job: JobConfig) -> NDArray[np.float32]:
    """Packed weights of round 0, the same on every machine for one job and torch version."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.training.seed)
        return pack(build_network(job.network, len(job.cohort.labels) + 1))
