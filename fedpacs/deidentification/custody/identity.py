"""Where new identities come from: the project's key, a vault, or a key that nobody will ever have.

A run opens one source and hands it to its workers; each worker opens its own pseudonyms from it.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fedpacs.crypto.keys import load_secret
from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.custody.errors import (
    KeyNeededError,
    VaultExistsError,
    VaultNeededError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fedpacs.crypto.pseudonyms import Pseudonyms

IdentityKind = Literal["keyed", "vault", "ephemeral"]
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class IdentitySource:
    """What a worker needs to make the same new identities as every other worker.

    It may be pickled to a worker's pipe and nowhere else. `repr` shows neither key nor path.

    Attributes
    ----------
    kind
        ``keyed``, ``vault`` or ``ephemeral``, as the profile says.
    """

    kind: IdentityKind
    _key_uri: str = field(default="", repr=False)
    _vault: Path | None = field(default=None, repr=False)
    _secret: bytearray = field(default_factory=bytearray, repr=False, compare=False)

    def open(self) -> Pseudonyms:
        """Open the pseudonyms in this process.

        Raises
        ------
        KeyNeededError, VaultNeededError
            If what the kind needs was not named.
        CryptoError, VaultError
            If the key or the vault cannot be used.
        """
        if self.kind == "ephemeral":
            return Pseudonymiser(bytes(self._secret))
        if not self._key_uri:
            raise KeyNeededError("The profile needs a key, and none was named.")
        key = load_secret(self._key_uri)
        if self.kind == "keyed":
            return Pseudonymiser(key)
        if self._vault is None:
            raise VaultNeededError("The profile wants random codes, and no vault was named.")
        from fedpacs.deidentification.custody.vault import Vault  # only who has one pays for it

        return Vault.open(self._vault, key)


def vault_beside(out: Path) -> Path:
    """Say where the vault of an output folder lies when none was named: beside it, never in it."""
    resolved = out.resolve()
    return resolved.parent / f"{resolved.name}.vault"


def make_vault_beside(out: Path, key_uri: str) -> Path:
    """Make the vault of an output folder, if it is not there yet, and give its path.

    It has no custodians: old values are not stored, and nobody can ever export it.

    Raises
    ------
    CryptoError, VaultUnwritableError
        If the key cannot be used, or the vault not be written.
    """
    from fedpacs.deidentification.custody.vault import Vault

    vault = vault_beside(out)
    with suppress(VaultExistsError):  # made before, or by another run at this moment
        Vault.create(vault, load_secret(key_uri))
    return vault


@contextmanager
def identity_source(
    kind: IdentityKind, *, key_uri: str = "", vault: Path | None = None, out: Path | None = None
) -> Iterator[IdentitySource]:
    """Give the source of one run's new identities.

    Parameters
    ----------
    kind
        As the profile's policy says.
    key_uri
        ``file:PATH`` or ``env:NAME``; of the project, or of the vault. An ephemeral run uses
        none: its key is drawn here, is never written anywhere, and is overwritten at the end.
    vault
        A vault that was made before.
    out
        Output folder; where no vault is named, one beside it is used, and made when it is not
        there yet: without custodians, so that it can never be exported.

    Raises
    ------
    KeyNeededError, VaultNeededError, CryptoError, VaultError
        If it cannot be opened; nothing was done then.
    """
    if kind == "ephemeral":
        secret = bytearray(secrets.token_bytes(_KEY_BYTES))
        try:
            yield IdentitySource(kind, _secret=secret)
        finally:
            secret[:] = bytes(len(secret))
        return
    if kind == "vault" and vault is None and out is not None and key_uri:
        vault = make_vault_beside(out, key_uri)
    source = IdentitySource(kind, key_uri, vault)
    opened = source.open()
    if kind == "vault":
        opened.close()  # type: ignore[attr-defined]  # a vault then
    yield source
