"""Where a site's new identities come from is what its profile says, or the site does not start."""

from __future__ import annotations

import secrets

import pytest

from fedpacs.agent.premises import ForgetfulProfileError, Premises
from fedpacs.config.shipped import shipped
from fedpacs.deidentification.custody.errors import VaultNeededError
from fedpacs.deidentification.custody.vault import Vault


@pytest.fixture
def opened(tmp_path):
    key = tmp_path / "keys" / "project.key"
    key.parent.mkdir()
    key.write_text(secrets.token_hex(32))
    key.chmod(0o600)

    def open_(profile, vault=""):
        text = shipped("sites", "_template", "site.toml").read_text()
        text = text.replace('profile = "gdpr-pseudonymised"', f'profile = "{profile}"\n{vault}')
        (tmp_path / "site.toml").write_text(text)
        return Premises.open(tmp_path / "site.toml")

    return open_


def test_a_keyed_profile_derives_them_from_the_project_key(opened):
    assert opened("basic").pseudonyms.uid("1.2.3") == opened("basic").pseudonyms.uid("1.2.3")


def test_a_vault_profile_needs_the_vault(opened):
    with pytest.raises(VaultNeededError):
        _ = opened("hipaa-safe-harbor").pseudonyms


def test_a_vault_profile_draws_them_once_and_finds_them_again(opened, tmp_path):
    Vault.create(
        tmp_path / "keys" / "vault.db",
        bytes.fromhex((tmp_path / "keys" / "project.key").read_text()),
    )
    premises = opened("hipaa-safe-harbor", 'vault = "keys/vault.db"')
    first = premises.pseudonyms.uid("1.2.3")
    again = opened("hipaa-safe-harbor", 'vault = "keys/vault.db"')
    assert again.pseudonyms.uid("1.2.3") == first
    assert first != opened("basic").pseudonyms.uid("1.2.3")
    for opened_premises in (premises, again):
        opened_premises.pseudonyms.close()


def test_a_profile_that_forgets_its_patients_is_refused(opened):
    with pytest.raises(ForgetfulProfileError):
        _ = opened("gdpr-anonymous-candidate").pseudonyms
