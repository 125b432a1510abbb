"""What can go wrong with TLS between a site and its PACS, and whom to ask."""

from __future__ import annotations

from fedpacs.core.errors import PacsError


class TlsFailedError(PacsError):
    """No secure connection, for a reason that has no class of its own."""

    code = "pacs.tls-failed"
    default_hint = "Show the reason to the PACS administrator; compare the [pacs.tls] block."


class TlsFilesError(TlsFailedError):
    """One of our own TLS files cannot be used."""

    code = "pacs.tls-files"
    default_hint = (
        "Check `ca`, `certificate` and `key` of the [pacs.tls] block; keys have mode 0600."
    )


class UntrustedCertificateError(TlsFailedError):
    """The PACS shows a certificate of an authority we were not told to trust."""

    code = "pacs.tls-untrusted"
    default_hint = (
        "Ask the PACS administrator which authority signed its certificate, and enter that "
        "authority's certificate as `ca`. Do not go on without: it may be another machine."
    )


class HostNameMismatchError(TlsFailedError):
    """The certificate of the PACS is made out to another name."""

    code = "pacs.tls-host-name"
    default_hint = (
        "Write `host` as the certificate has it, or name what the certificate says as "
        "`server_name` of the [pacs.tls] block, once the PACS administrator has confirmed it."
    )


class ExpiredCertificateError(TlsFailedError):
    """The certificate of the PACS has expired or is not valid yet."""

    code = "pacs.tls-expired"
    default_hint = "Ask the PACS administrator to renew it; check this machine's clock."


class ClientCertificateRefusedError(TlsFailedError):
    """The PACS wants a certificate from us, and none or not this one."""

    code = "pacs.tls-client-certificate"
    default_hint = (
        "Enter `certificate` and `key` in the [pacs.tls] block, and ask the PACS administrator to "
        "trust the authority that signed our certificate; check that it has not expired."
    )


class PlaintextPeerError(TlsFailedError):
    """The port does not speak TLS."""

    code = "pacs.tls-not-spoken"
    default_hint = (
        "Ask the PACS administrator for its TLS port (often 2762); without TLS, take the "
        "[pacs.tls] block away."
    )


class TlsVersionError(TlsFailedError):
    """The PACS speaks only versions of TLS that are no longer safe."""

    code = "pacs.tls-version"
    default_hint = (
        "Ask the PACS administrator for TLS 1.2 or 1.3; an old PACS can stand behind a TLS proxy "
        "(stunnel)."
    )


class TlsExpectedError(TlsFailedError):
    """The port speaks TLS, and we do not."""

    code = "pacs.tls-expected"
    default_hint = "Add a [pacs.tls] block, or ask the PACS administrator for a port without TLS."
