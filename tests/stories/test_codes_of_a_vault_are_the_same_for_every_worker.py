"""A profile with random codes: workers of a pool draw from one vault, and agree."""

from __future__ import annotations

import pytest

from fedpacs.agent.intake.machines import VaultOnClusterError, require_one_machine
from fedpacs.deidentification.custody.vault import Vault


@pytest.fixture
def coded(clinic):
    """The clinic with random codes in a vault instead of keyed ones."""
    keys = clinic.place.folder / "keys"
    secret = bytes.fromhex((keys / "project.key").read_text().strip())
    Vault.create(keys / "codes.vault", secret)
    parent = clinic.site().config.deidentification.profile
    (clinic.place.folder / "random.toml").write_text(
        f'name = "random-codes"\ntitle = "Random codes"\ninherits = "{parent}"\n'
        '[policies]\nidentity = "vault"\n'
    )
    clinic.edit_site(deidentification={"profile": "random.toml", "vault": "keys/codes.vault"})
    return clinic


def test_a_pool_draws_each_code_once(coded):
    coded.edit_site(ingest={"workers": 2})
    report = coded.site().ingest(coded.job)
    assert (report.sealed, report.not_ready) == (14, {})
    store = coded.site().premises.store
    assert len({study.patient for study in store.each_study()}) == 13
    again = coded.site().ingest(coded.job)
    assert (again.already_sealed, again.retrieved) == (14, 0)


@pytest.mark.parametrize("host", ["dask.example.org", "10.0.0.7"])
def test_a_vault_is_not_shared_between_machines(coded, host):
    keys = coded.place.folder / "keys"
    tls = {name: str(keys / "project.key") for name in ("certificate_authority", "certificate")}
    coded.edit_site(
        ingest={
            "scheduler": f"tls://{host}:8786",
            "scheduler_tls": tls | {"key": str(keys / "project.key")},
        }
    )
    with pytest.raises(VaultOnClusterError):
        coded.site().ingest(coded.job)


def test_workers_on_other_machines_are_refused_a_vault():
    here, there = "tls://127.0.0.1:40001", "tls://10.0.0.7:40001"
    require_one_machine("tcp://localhost:8786", [here])
    with pytest.raises(VaultOnClusterError):
        require_one_machine("tcp://localhost:8786", [here, there])
