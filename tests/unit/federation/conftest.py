from __future__ import annotations

import pytest

from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.core.wire import WireSchema


@pytest.fixture
def job():
    return load_job(shipped("configs", "jobs", "brain-tissue.toml"))


@pytest.fixture
def schema():
    shapes = {"body.weight": (2, 3), "body.bias": (2,), "scale": ()}
    return WireSchema.of(shapes, ("loss", "num-examples"))
