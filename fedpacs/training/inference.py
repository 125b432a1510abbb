"""From a volume to the model's label map, on the volume's own grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fedpacs.training.preparation import prepare, restore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from fedpacs.config.job import JobConfig
    from fedpacs.core.volume import LabelledVolume

_SLICES_AT_ONCE = 32


def predict(module: nn.Module, volume: LabelledVolume, job: JobConfig) -> NDArray[np.uint8]:
    """Segment one volume.

    Parameters
    ----------
    module
        Trained network of the job.
    volume
        Its label map is not looked at.
    job
        The job.

    Returns
    -------
    ndarray
        Shape ``(Z, Y, X)`` of the volume, uint8, classes as the job numbers them.

    Raises
    ------
    BadVolumeError
        If the volume cannot be prepared.
    """
    prepared = prepare(volume, job.preparation)
    scores = torch.softmax(logits(module, prepared.images), dim=1)
    restored = restore(scores, prepared.geometry)
    # Where the prepared slice did not reach, every class is 0 and argmax gives the background.
    return restored.argmax(dim=1).to(torch.uint8).numpy()


def logits(module: nn.Module, images: NDArray[np.float32]) -> torch.Tensor:
    """Run a network over slices.

    Parameters
    ----------
    module
        Put into evaluation mode.
    images
        Shape ``(N, 1, S, S)``, normalised.

    Returns
    -------
    torch.Tensor
        Shape ``(N, C, S, S)``.
    """
    module.eval()
    with torch.inference_mode():
        parts = [module(part) for part in torch.split(torch.from_numpy(images), _SLICES_AT_ONCE)]
        return torch.cat(parts)
