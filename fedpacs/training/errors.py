"""What can be wrong with a network, its weights or the data it is given."""

from __future__ import annotations

from fedpacs.core.errors import TrainingError


class BadNetworkError(TrainingError):
    """The job's network parameters do not make a network."""

    code = "training.bad-network"
    default_hint = "Correct [network] in the job file; configs/jobs/brain-tissue.toml shows one."


class WeightsMismatchError(TrainingError):
    """Packed weights do not fit the network."""

    code = "training.weights-mismatch"
    default_hint = "Both sides must run the same job and the same FedPACS version."


class NotFiniteError(TrainingError):
    """The loss or the weights are no longer finite numbers."""

    code = "training.not-finite"
    default_hint = "Lower the job's learning rate, and check the series for broken intensities."


class NoDataError(TrainingError):
    """There is nothing to train or to score."""

    code = "training.no-data"
    default_hint = "Ingest studies first, and check the cohort's parts with `fedpacs site status`."


class BadVolumeError(TrainingError):
    """A volume cannot be brought into the shape the network sees."""

    code = "training.bad-volume"
    default_hint = "Check the series with `fedpacs site ingest`; quality findings name the fault."
