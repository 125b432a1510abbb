"""Mutual TLS for DIMSE and DICOMweb: contexts from files and key URIs, failures put into words.

pynetdicom reports every TLS failure as "aborted". So when an association cannot be had, the
handshake is tried once more by hand, and what it says becomes a code and a next step.

References
----------
PS3.15 B.12 and BCP 195: TLS 1.2 or later, and no falling back to anything else.
"""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fedpacs.core.errors import CryptoError
from fedpacs.crypto.keys import read_key_material
from fedpacs.pacs.errors import UnreachablePacsError
from fedpacs.pacs.tls_errors import (
    ClientCertificateRefusedError,
    ExpiredCertificateError,
    HostNameMismatchError,
    PlaintextPeerError,
    TlsExpectedError,
    TlsFailedError,
    TlsFilesError,
    TlsVersionError,
    UntrustedCertificateError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.config.pacs import Tls

_EXPIRED = (9, 10)
_HOST_NAME = (62, 64)
_SETTLING_S = 0.25
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH",
    "EOF",
    "RECORD_LAYER_FAILURE",
    "BAD_RECORD_TYPE",
)
_VERSION = ("ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE")
_ABOUT_US = (
    "CERTIFICATE_REQUIRED",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_NO_CERTIFICATE",
    "ALERT_ACCESS_DENIED",
    "ALERT_DECRYPT_ERROR",
    "ALERT_HANDSHAKE_FAILURE",
)


def client_context(tls: Tls | None) -> ssl.SSLContext:
    """Build the context with which we call a PACS; its certificate and name are verified.

    Parameters
    ----------
    tls
        None: the authorities of this machine, and no certificate of ours.

    Raises
    ------
    TlsFilesError
        If a file is missing, unreadable, exposed or not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls is None:
        context.load_default_certs()
    else:
        _trust(context, tls)
        _identify(context, tls)
    return context


def server_context(tls: Tls) -> ssl.SSLContext:
    """Build the context with which we take calls; a caller without a certificate is refused.

    Raises
    ------
    TlsFilesError
        If a file is missing, unreadable, exposed or not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # no resumption: each caller shows its certificate
    _trust(context, tls)
    _identify(context, tls)
    return context


def check_handshake(host: str, port: int, tls: Tls, timeout_s: float) -> None:
    """Shake hands and wait a moment: TLS 1.3 refuses our certificate only afterwards.

    Raises
    ------
    TlsFailedError
        One subclass for each reason.
    UnreachablePacsError
        If there is not even a connection.
    """
    context = client_context(tls)
    try:
        raw = socket.create_connection((host, port), timeout=timeout_s)
    except OSError:
        raise UnreachablePacsError(f"No connection to {host}:{port}.") from None
    try:
        with raw, context.wrap_socket(raw, server_hostname=tls.server_name or host) as secured:
            secured.settimeout(min(_SETTLING_S, timeout_s))
            ended = _ended(secured)
    except OSError as error:
        raise tls_error(error, host, port) from None
    if ended:
        raise ClientCertificateRefusedError(
            f"{host}:{port} closed the connection right after it had seen our certificate."
        )


def speaks_tls(host: str, port: int, timeout_s: float) -> bool:
    """Tell whether a port answers a TLS greeting; for a configuration without TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent: only whether the port answers counts
    try:
        with (
            socket.create_connection((host, port), timeout=timeout_s) as raw,
            context.wrap_socket(raw, server_hostname=host),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def tls_expected(host: str, port: int) -> TlsExpectedError:
    """Say that a port speaks TLS where we did not."""
    return TlsExpectedError(f"{host}:{port} speaks TLS, and the site file names none.")


def tls_error(error: OSError, host: str, port: int) -> TlsFailedError:
    """Put a failed handshake into words; the library's own text names files and subjects."""
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _not_believed(error, where)
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if not reason or any(word in reason for word in _NOT_TLS):
        # also closed, reset or silent in the greeting: what a plain DICOM server does
        return PlaintextPeerError(f"{where} does not answer in TLS.")
    if any(word in reason for word in _VERSION):
        return TlsVersionError(f"{where} speaks no TLS 1.2 or later.")
    if any(word in reason for word in _ABOUT_US):
        return ClientCertificateRefusedError(f"{where} does not accept our certificate.")
    return TlsFailedError(f"The TLS handshake with {where} failed ({reason}).")


def _not_believed(error: ssl.SSLCertVerificationError, where: str) -> TlsFailedError:
    if error.verify_code in _HOST_NAME:
        return HostNameMismatchError(f"The certificate of {where} is made out to other names.")
    if error.verify_code in _EXPIRED:
        return ExpiredCertificateError(f"The certificate of {where} is not valid today.")
    return UntrustedCertificateError(
        f"The certificate of {where} was not signed by an authority in `ca`."
    )


def refusal_code(error: OSError) -> str:
    """Name why a caller's handshake with us failed, as a code."""
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if "PEER_DID_NOT_RETURN_A_CERTIFICATE" in reason:
            return "pacs.tls-caller-without-certificate"
        if isinstance(error, ssl.SSLCertVerificationError) or "VERIFY_FAILED" in reason:
            return "pacs.tls-caller-untrusted"
        if "ALERT" in reason:
            return "pacs.tls-caller-refused-us"
    return "pacs.tls-caller-in-the-clear"


def _ended(secured: ssl.SSLSocket) -> bool:
    try:
        return not secured.recv(1)
    except TimeoutError:
        return False  # waiting for us, as a DICOM server does


def _trust(context: ssl.SSLContext, tls: Tls) -> None:
    try:
        context.load_verify_locations(cafile=str(tls.ca))
    except (OSError, ssl.SSLError):
        raise TlsFilesError("`ca` of [pacs.tls] is missing, or holds no PEM certificate.") from None


def _identify(context: ssl.SSLContext, tls: Tls) -> None:
    if tls.certificate is None or tls.key is None:
        return
    try:
        key = read_key_material(tls.key)
        phrase = read_key_material(tls.key_passphrase).strip() if tls.key_passphrase else b""
    except CryptoError as error:
        raise TlsFilesError(
            f"`key` of [pacs.tls] cannot be used: {error.message}", hint=error.hint
        ) from None
    try:
        with _readable(key) as path:
            context.load_cert_chain(str(tls.certificate), path, password=lambda: phrase)
    except (OSError, ssl.SSLError):
        raise TlsFilesError(
            "`certificate` and `key` of [pacs.tls] are not a pair of PEM files, or the pass "
            "phrase is wrong."
        ) from None


@contextmanager
def _readable(key: bytes) -> Iterator[str]:
    """Give OpenSSL a path to read the key from: in memory where there is such a file."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("key")
        try:
            os.write(descriptor, key)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(key)
        file.flush()
        yield file.name
