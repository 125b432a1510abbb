"""A network's state as one flat array, and back.

With Flower the number of arrays, not their bytes, costs time: one array a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fedpacs.training.errors import BadNetworkError, NotFiniteError, WeightsMismatchError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn


def float_state(module: nn.Module) -> dict[str, torch.Tensor]:
    """State of a network in state-dict order.

    Raises
    ------
    BadNetworkError
        If part of the state is not float32: counters cannot be averaged, and leaving them out
        in silence would make two sites' networks differ.
    """
    state: dict[str, torch.Tensor] = module.state_dict()
    for name, tensor in state.items():
        if tensor.dtype is not torch.float32:
            raise BadNetworkError(f"The state {name} is {tensor.dtype}, not float32.")
    return state


def pack(module: nn.Module) -> NDArray[np.float32]:
    """Copy a network's state into one array.

    Returns
    -------
    ndarray
        Shape ``(sum of the sizes of state_shapes,)``, little-endian float32.
    """
    parts = [tensor.detach().cpu().numpy().ravel() for tensor in float_state(module).values()]
    return np.concatenate(parts).astype("<f4", copy=False)


def unpack(module: nn.Module, packed: NDArray[np.float32]) -> None:
    """Copy packed weights into a network.

    Parameters
    ----------
    module
        Changed in place; untouched if the weights do not fit.
    packed
        Shape ``(sum of the sizes of state_shapes,)``, float32.

    Raises
    ------
    WeightsMismatchError
        If number or type do not fit.
    NotFiniteError
        If a weight is NaN or infinite.
    """
    state = float_state(module)
    size = sum(tensor.numel() for tensor in state.values())
    if packed.dtype != np.float32 or packed.shape != (size,):
        raise WeightsMismatchError(
            f"The network takes {size} float32 numbers, not {packed.dtype} {packed.shape}."
        )
    if not np.isfinite(packed).all():
        raise NotFiniteError("The packed weights hold NaN or infinity.")
    start = 0
    with torch.no_grad():
        for tensor in state.values():
            part = packed[start : start + tensor.numel()].reshape(tuple(tensor.shape))
            tensor.copy_(torch.tensor(part))
            start += tensor.numel()
