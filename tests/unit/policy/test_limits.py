"""Site and job: the stricter of both, for every limit, whatever the numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedpacs.config.job import JobConfig
from fedpacs.config.site import Limits
from fedpacs.policy.limits import admits, stricter

CODE = {"value": "389081007", "scheme": "SCT", "meaning": "Grey matter"}


def make_job(*, patients=10, norm=5.0, cell=5, rounds=16, metrics=("loss",)):
    return JobConfig.model_validate(
        {
            "job": {"name": "brain-tissue", "title": "Brain tissue", "purpose": "Test"},
            "cohort": {
                "modality": "MR",
                "minimum_patients": patients,
                "labels": [{"name": "grey", "property_category": CODE, "property_type": CODE}],
            },
            "network": {"name": "UNet", "parameters": {}},
            "preparation": {"pixel_size": 64, "spacing_mm": 2.0},
            "training": {
                "loss": "DiceLoss",
                "optimiser": "Adam",
                "learning_rate": 0.001,
                "batch_size": 8,
                "local_epochs": 1,
            },
            "federation": {"rounds": rounds, "strategy": "FedAvg", "minimum_sites": 2},
            "egress": {"metrics": metrics, "maximum_update_norm": norm, "minimum_cell": cell},
        }
    )


LIMITS = st.builds(
    Limits,
    minimum_patients=st.integers(2, 100),
    minimum_cell=st.integers(2, 50),
    maximum_update_norm=st.floats(0.001, 1000),
    maximum_rounds=st.integers(1, 1000),
    maximum_update_bytes=st.integers(1, 10**9),
)
JOBS = st.builds(
    make_job,
    patients=st.integers(2, 100),
    norm=st.floats(0.001, 1000),
    cell=st.integers(2, 50),
    rounds=st.integers(1, 1000),
    metrics=st.sets(st.sampled_from(["loss", "dice", "num-examples"])).map(tuple),
)


@given(LIMITS, JOBS)
def test_the_result_is_as_strict_as_site_and_as_job(site, job):
    limits = stricter(site, job)
    for bound in (site.maximum_update_norm, job.egress.maximum_update_norm):
        assert limits.maximum_update_norm <= bound
    for cell in (site.minimum_cell, job.egress.minimum_cell):
        assert limits.minimum_cell >= cell
    for patients in (site.minimum_patients, job.cohort.minimum_patients):
        assert limits.minimum_patients >= patients
    for rounds in (site.maximum_rounds, job.federation.rounds):
        assert limits.maximum_rounds <= rounds
    assert limits.maximum_update_bytes <= site.maximum_update_bytes
    assert set(limits.allowed_metrics) == {*job.egress.metrics, "num-examples"}


@given(LIMITS, JOBS)
def test_the_result_is_never_stricter_than_both(site, job):
    limits = stricter(site, job)
    assert limits.maximum_update_norm in (site.maximum_update_norm, job.egress.maximum_update_norm)
    assert limits.minimum_cell in (site.minimum_cell, job.egress.minimum_cell)


def test_a_job_within_the_limits_is_admitted():
    assert admits(Limits(maximum_rounds=16), make_job(rounds=16), 1000).allowed


def test_a_job_beyond_the_limits_is_named_before_anybody_approves_it():
    decision = admits(Limits(maximum_rounds=15, maximum_update_bytes=999), make_job(), 1000)
    assert decision.codes == ("job.too-many-rounds", "job.update-too-large")


def test_a_network_without_parameters_is_not_admitted():
    assert admits(Limits(), make_job(), 0).codes == ("job.update-too-large",)
