"""A small job and volumes with something to learn: bright discs with a brighter core."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedpacs.config.job import JobConfig
from fedpacs.core.volume import LabelledVolume
from fedpacs.training.preparation import prepare

torch.set_num_threads(1)


def _code(value, meaning):
    return {"value": value, "scheme": "SCT", "meaning": meaning}


@pytest.fixture
def job():
    category = _code("123037004", "Anatomical Structure")
    labels = [
        {"name": "shell", "property_category": category, "property_type": _code("1", "Shell")},
        {"name": "core", "property_category": category, "property_type": _code("2", "Core")},
    ]
    return JobConfig.model_validate(
        {
            "job": {"name": "discs", "title": "Discs", "purpose": "test"},
            "cohort": {"modality": "MR", "minimum_patients": 2, "labels": labels},
            "network": {"name": "UNet", "parameters": {"channels": [8, 16], "strides": [2]}},
            "preparation": {"pixel_size": 32, "spacing_mm": 2.0},
            "training": {
                "loss": "DiceCELoss",
                "optimiser": "Adam",
                "learning_rate": 0.01,
                "batch_size": 4,
                "local_epochs": 2,
                "seed": 3,
            },
            "federation": {"rounds": 2, "strategy": "FedAvg", "minimum_sites": 2},
            "egress": {"metrics": ["num-examples"], "maximum_update_norm": 10.0},
        }
    )


@pytest.fixture
def changed(job):
    """The job with other values in one of its tables."""

    def change(table, **values):
        part = getattr(job, table).model_copy(update=values)
        return job.model_copy(update={table: part})

    return change


def disc_volume(patient, seed, *, shape=(4, 40, 36), spacing_mm=(5.0, 1.5, 1.8)):
    """Volume with a disc of radius 20 mm and a core of 10 mm, off the centre."""
    rng = np.random.default_rng(seed)
    y = (np.arange(shape[1]) - (shape[1] - 1) / 2) * spacing_mm[1]
    x = (np.arange(shape[2]) - (shape[2] - 1) / 2) * spacing_mm[2]
    label = np.zeros(shape, np.uint8)
    for plane in label:
        dy, dx = rng.uniform(-5, 5, 2)
        distance = np.hypot(y[:, None] - dy, x - dx)
        plane[distance < 20] = 1
        plane[distance < 10] = 2
    image = np.array([5.0, 100.0, 200.0])[label] + rng.normal(0, 5, shape)
    return LabelledVolume(image.astype(np.float32), label, spacing_mm, patient)


@pytest.fixture
def discs(job):
    return [prepare(disc_volume(f"p{k}", k), job.preparation) for k in range(4)]
