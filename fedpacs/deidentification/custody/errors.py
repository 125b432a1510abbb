"""Errors of the vault, of export and of re-identification. No message holds a value or a code."""

from __future__ import annotations

from fedpacs.core.errors import DeidentificationError


class VaultError(DeidentificationError):
    """The vault cannot be used."""

    code = "deid.vault"
    default_hint = "Run `fedpacs deid vault status` on it."


class VaultMissingError(VaultError):
    """There is no vault at this path."""

    code = "deid.vault-missing"
    default_hint = "Correct the path, or make one with `fedpacs deid vault create`."


class VaultExistsError(VaultError):
    """There is something at the path already. It is never overwritten: its codes would be lost."""

    code = "deid.vault-exists"
    default_hint = "Use the vault that is there, or choose another path."


class VaultKeyError(VaultError):
    """The vault belongs to another key."""

    code = "deid.vault-key"
    default_hint = "Give the key that the vault was made with."


class VaultDamagedError(VaultError):
    """The file is not a vault, or a row of it was changed."""

    code = "deid.vault-damaged"
    default_hint = "Stop. Keep the file as it is, and restore the vault from its backup."


class VaultExposedError(VaultError):
    """Others than the owner can get at the vault's file."""

    code = "deid.vault-exposed"
    default_hint = "Run `chmod 600` on the vault's file, and find out who could read it."


class VaultBusyError(VaultError):
    """Another process kept the vault locked for too long."""

    code = "deid.vault-busy"
    default_hint = "Find the process that holds the vault, then run again: nothing is done twice."


class VaultUnwritableError(VaultError):
    """The vault cannot be written."""

    code = "deid.vault-unwritable"
    default_hint = "Check that its folder is yours and on a disk with room; not on a network share."


class VaultNeededError(DeidentificationError):
    """The profile wants random codes, and no vault was named."""

    code = "deid.vault-needed"
    default_hint = "Name a vault with --vault; `fedpacs deid vault create` makes one."


class KeyNeededError(DeidentificationError):
    """The profile makes pseudonyms with a key, and none was named."""

    code = "deid.key-needed"
    default_hint = "Name the project's key with --key, as file:PATH or env:NAME."


class CustodiansError(DeidentificationError):
    """A vault wants two different custodians, or none."""

    code = "deid.custodians"
    default_hint = "Give --custodian twice, with the certificates of two different people."


class ExportRefusedError(DeidentificationError):
    """The vault cannot be exported as asked; nothing was opened."""

    code = "deid.export-refused"
    default_hint = "Give the private keys of both custodians; `vault status` names them."


class NoEnvelopeError(DeidentificationError):
    """The object holds no encrypted attributes, so it cannot be re-identified from itself."""

    code = "deid.no-envelope"
    default_hint = "Only what was written with --custodian can be re-identified by private key."


class EnvelopeContentError(DeidentificationError):
    """What the envelope holds is not a set of original attributes, or it was changed."""

    code = "deid.envelope-damaged"
    default_hint = "Do not trust the object: it was changed after it was de-identified."


class EnvelopeMisplacedError(EnvelopeContentError):
    """The envelope was sealed for another object."""

    code = "deid.envelope-misplaced"


class ReidentifiedExistsError(DeidentificationError):
    """There is a file of this name in the output folder already."""

    code = "deid.reidentified-exists"
    default_hint = "Write into an empty folder."
