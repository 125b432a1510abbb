from __future__ import annotations

import pytest

from fedpacs.federation.errors import UnexpectedRecordError
from fedpacs.federation.schema import wire_schema

SHAPES = {"w": (2, 2), "b": (2,)}


def test_it_names_the_network_s_state_in_order_and_the_job_s_metrics(job):
    schema = wire_schema(job, SHAPES)
    assert [(p.name, p.shape) for p in schema.parameters] == [("w", (2, 2)), ("b", (2,))]
    assert set(schema.metrics) == {*job.egress.metrics, "num-examples"}


def test_the_number_of_examples_travels_even_if_the_job_forgets_it(job):
    egress = job.egress.model_copy(update={"metrics": ()})
    schema = wire_schema(job.model_copy(update={"egress": egress}), SHAPES)
    assert schema.metrics == ("num-examples",)


def test_a_network_without_state_has_no_schema(job):
    with pytest.raises(UnexpectedRecordError):
        wire_schema(job, {})
