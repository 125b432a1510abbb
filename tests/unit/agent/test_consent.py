"""The terms that people sign name everything that decides what will run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fedpacs.agent import consent
from fedpacs.agent.consent import terms_of
from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.config.site import Limits

JOB = load_job(shipped("configs", "jobs", "brain-tissue.toml"))


@pytest.fixture
def premises(monkeypatch):
    cohort = SimpleNamespace(digest="c" * 64)
    monkeypatch.setattr(consent, "current_cohort", lambda _premises, _job: cohort)
    return SimpleNamespace(
        config=SimpleNamespace(limits=Limits(), site=SimpleNamespace(name="aurora")),
        profile=SimpleNamespace(digest="p" * 64),
    )


def test_the_same_job_at_the_same_site_has_the_same_terms(premises):
    assert terms_of(premises, JOB) == terms_of(premises, JOB)


def test_another_version_of_the_software_is_another_act(premises, monkeypatch):
    before = terms_of(premises, JOB)
    monkeypatch.setattr(consent, "version", lambda _name: "99.0.0")
    assert terms_of(premises, JOB).digest != before.digest
