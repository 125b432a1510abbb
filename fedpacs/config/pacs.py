"""``[pacs]`` of ``site.toml``: one block for each kind of PACS, and how it is made secure."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from fedpacs.config.fields import AETitle, KeyUri, Port
from fedpacs.config.load import Frozen

EVIDENCE = Path("data/pacs-evidence.json")


class Tls(Frozen):
    """Mutual TLS: whom we believe, and who we are. Files and URIs, never their contents."""

    ca: Path
    """PEM file with the certificates of the authority that signed the other side's."""
    certificate: Path | None = None
    """PEM file with our certificate, and those between it and the authority."""
    key: KeyUri | None = None
    """Private key (PEM) of the certificate."""
    key_passphrase: KeyUri | None = None
    server_name: str = ""
    """Name in the PACS's certificate, where it is not `host`."""

    @model_validator(mode="after")
    def _a_key_for_the_certificate(self) -> Tls:
        if (self.certificate is None) != (self.key is None):
            msg = "`certificate` and `key` belong together"
            raise ValueError(msg)
        return self

    def anchored(self, base: Path) -> Tls:
        """Make relative paths and ``file:`` keys relative to a folder."""
        return self.model_copy(
            update={
                "ca": base / self.ca,
                "certificate": base / self.certificate if self.certificate else None,
                "key": anchored_uri(self.key, base) if self.key else None,
                "key_passphrase": (
                    anchored_uri(self.key_passphrase, base) if self.key_passphrase else None
                ),
            }
        )


def _with_certificate(tls: Tls) -> Tls:
    if tls.certificate is None:
        msg = "DICOM TLS is mutual: `certificate` and `key` are needed"
        raise ValueError(msg)
    return tls


MutualTls = Annotated[Tls, AfterValidator(_with_certificate)]


class DimsePacs(Frozen):
    """A PACS reached over DIMSE."""

    kind: Literal["dimse"]
    host: str
    port: Port
    called_ae_title: AETitle
    calling_ae_title: AETitle
    retrieve: Literal["auto", "c-get", "c-move"] = "auto"
    """How objects come; ``auto`` takes what the last probe found, else C-GET, else C-MOVE."""
    storage_scp_host: str = "127.0.0.1"
    storage_scp_port: Port | None = None
    """Port of our Storage SCP, the destination of C-MOVE; the PACS admin must know it."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    tls: MutualTls | None = None
    evidence: Path = EVIDENCE
    """What the last probe found, in codes and words; holds nothing of a patient."""

    def anchored(self, base: Path) -> DimsePacs:
        """Make relative paths relative to a folder."""
        tls = self.tls.anchored(base) if self.tls else None
        return self.model_copy(update={"tls": tls, "evidence": base / self.evidence})


class DicomwebPacs(Frozen):
    """A PACS reached over DICOMweb: QIDO-RS, WADO-RS and STOW-RS below one URL."""

    kind: Literal["dicomweb"]
    url: str
    """For example ``https://pacs.hospital.example/dicom-web``."""
    user: str = ""
    password: KeyUri | None = None
    token: KeyUri | None = None
    """Bearer token, instead of user and password."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Longest silence."""
    tls: Tls | None = None
    """For https: the hospital's own authority, and our certificate where the PACS wants one."""
    evidence: Path = EVIDENCE

    @model_validator(mode="after")
    def _safe(self) -> DicomwebPacs:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            msg = "`url` begins with https:// (or http://) and a host"
            raise ValueError(msg)
        if parts.username or parts.password or parts.query or parts.fragment:
            msg = "`url` holds no user, password, query or fragment"
            raise ValueError(msg)
        if bool(self.user) != (self.password is not None):
            msg = "`user` and `password` belong together"
            raise ValueError(msg)
        if self.user and self.token:
            msg = "either `user` and `password`, or `token`"
            raise ValueError(msg)
        if parts.scheme == "http":
            self._refuse_in_the_clear(parts.hostname)
        return self

    def _refuse_in_the_clear(self, host: str) -> None:
        if self.tls is not None:
            msg = "[pacs.tls] needs a `url` that begins with https://"
            raise ValueError(msg)
        if (self.user or self.token) and not _is_loopback(host):
            msg = "a password or token is sent over https only"
            raise ValueError(msg)

    def anchored(self, base: Path) -> DicomwebPacs:
        """Make relative paths and ``file:`` keys relative to a folder."""
        return self.model_copy(
            update={
                "tls": self.tls.anchored(base) if self.tls else None,
                "password": anchored_uri(self.password, base) if self.password else None,
                "token": anchored_uri(self.token, base) if self.token else None,
                "evidence": base / self.evidence,
            }
        )


ResultsPacs = Annotated[DimsePacs | DicomwebPacs, Field(discriminator="kind")]
"""A PACS that takes results."""


class FolderPacs(Frozen):
    """An export folder in place of a query interface; results go to a PACS of their own."""

    kind: Literal["folder"]
    path: Path
    """Folder of DICOM Part 10 files; a DICOMDIR in it says what should be there."""
    results: ResultsPacs | None = None
    """Where results are stored and looked for; without it the site takes no results back."""
    evidence: Path = EVIDENCE

    def anchored(self, base: Path) -> FolderPacs:
        """Make relative paths relative to a folder."""
        results = self.results.anchored(base) if self.results else None
        return self.model_copy(
            update={
                "path": base / self.path,
                "results": results,
                "evidence": base / self.evidence,
            }
        )


class Sender(Frozen):
    """One application entity that may send; whoever is not named is refused."""

    ae_title: AETitle
    host: str
    """Name or address that its associations come from."""


class PushPacs(Frozen):
    """A PACS or scanner that sends of its own accord to our Storage SCP."""

    kind: Literal["push"]
    ae_title: AETitle
    host: str = "127.0.0.1"
    port: Port
    senders: Annotated[tuple[Sender, ...], Field(min_length=1)]
    inbox: Path = Path("data/inbox")
    """Identified: what was sent lies here until it is sealed."""
    quiet_s: Annotated[float, Field(gt=0, le=86400)] = 60.0
    """A study to which nothing was added for so long is taken to be complete."""
    minimum_free_bytes: Annotated[int, Field(ge=0)] = 1024**3
    """Below this, instances are refused (0xA700) instead of filling the disk."""
    maximum_associations: Annotated[int, Field(ge=1, le=200)] = 20
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    tls: MutualTls | None = None
    expected: ResultsPacs | None = None
    """A PACS that can be asked what a study should consist of, where there is one."""
    results: ResultsPacs | None = None
    evidence: Path = EVIDENCE

    @model_validator(mode="after")
    def _each_title_once(self) -> PushPacs:
        titles = [sender.ae_title.strip() for sender in self.senders]
        if len(set(titles)) != len(titles):
            msg = "`senders` names an AE title twice"
            raise ValueError(msg)
        return self

    def anchored(self, base: Path) -> PushPacs:
        """Make relative paths relative to a folder."""
        return self.model_copy(
            update={
                "inbox": base / self.inbox,
                "tls": self.tls.anchored(base) if self.tls else None,
                "expected": self.expected.anchored(base) if self.expected else None,
                "results": self.results.anchored(base) if self.results else None,
                "evidence": base / self.evidence,
            }
        )


Pacs = Annotated[
    DimsePacs | DicomwebPacs | FolderPacs | PushPacs,
    Field(discriminator="kind"),
]


def anchored_uri(uri: str, base: Path) -> str:
    """Make the path of a ``file:`` URI relative to a folder; others stay as they are."""
    scheme, _, rest = uri.partition(":")
    return f"file:{base / rest}" if scheme == "file" else uri


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
