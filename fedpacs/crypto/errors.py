"""Errors of keys, seals and signatures. No message holds a key, a path below a home, or a value."""

from __future__ import annotations

from fedpacs.core.errors import CryptoError


class KeyUriError(CryptoError):
    """A key is named in a way that is not understood."""

    code = "crypto.key-uri"
    default_hint = "Name the key `file:PATH` or `env:NAME`."


class KeyMissingError(CryptoError):
    """The file or environment variable that should hold a key is not there or not readable."""

    code = "crypto.key-missing"
    default_hint = "Create the key as sites/_template/site.toml says, or correct its URI."


class KeyExposedError(CryptoError):
    """Others than the owner can get at a key file."""

    code = "crypto.key-exposed"
    default_hint = "Run `chmod 600` on the key file; if others may have read it, make a new key."


class KeyWeakError(CryptoError):
    """A key is too short, or looks as if a person or a constant made it."""

    code = "crypto.key-weak"
    default_hint = "Let FedPACS create the key, or take 32 bytes from the system's random source."


class KeyMalformedError(CryptoError):
    """A key file is not in the form that is needed."""

    code = "crypto.key-malformed"
    default_hint = "Check that the URI names the right file; the docs list the form of each key."


class KeyExistsError(CryptoError):
    """A key would be overwritten. That is never done: what it protects would be lost."""

    code = "crypto.key-exists"
    default_hint = "Keep the key that is there, or move it away yourself before making a new one."


class KeyUnwritableError(CryptoError):
    """A key or certificate could not be written."""

    code = "crypto.key-unwritable"
    default_hint = "Check that the folder exists, is yours and is on a disk with room."


class EmptyIdentityError(CryptoError):
    """There is no identity to make a pseudonym of.

    All patients without an ID would become one patient, so this is refused.
    """

    code = "crypto.empty-identity"
    default_hint = "The object lacks its UID or Patient ID; have it corrected in the PACS."


class BadSignatureError(CryptoError):
    """A signature does not hold."""

    code = "crypto.bad-signature"
    default_hint = "Stop. The signed content, the signature or the public key was changed."


class PublicKeyError(BadSignatureError):
    """A public key is malformed, or one under which signatures can be forged.

    64 zeros, the natural placeholder, are such a key.
    """

    code = "crypto.bad-public-key"
    default_hint = "Write it as `ed25519:` and 64 hexadecimal digits, as its owner's key shows it."


class BrokenSealError(CryptoError):
    """Sealed bytes were changed, swapped, cut, or sealed with another key."""

    code = "crypto.broken-seal"
    default_hint = "Check that the store and its key belong together; then restore it or re-ingest."


class SealTooLargeError(CryptoError):
    """More bytes than can be sealed in one piece."""

    code = "crypto.seal-too-large"
    default_hint = "One sealed piece holds just under 2 GiB; the object must be split."


class CertificateNameError(CryptoError):
    """A name or address cannot stand in a certificate."""

    code = "crypto.certificate-name"
    default_hint = (
        "Use DNS names and IP addresses, as the sites write them, without port or scheme."
    )


class CertificateError(CryptoError):
    """A custodian's certificate cannot be read, has run out, or has no RSA key of 2048 bits."""

    code = "crypto.certificate"
    default_hint = "Give a PEM certificate as `fedpacs deid custodian` makes one."


class NotRecipientError(CryptoError):
    """An envelope or a share was not sealed to this private key."""

    code = "crypto.not-recipient"
    default_hint = "Use the private key of the certificate that it was sealed to."


class EnvelopeMalformedError(CryptoError):
    """The bytes are not an envelope of the kind that is understood (CMS, RSA, AES-CBC)."""

    code = "crypto.envelope"
    default_hint = "Ask who sealed it for RSA key transport and AES in CBC mode (PS3.15 E.1.1)."
