"""``site.toml``: one hospital. Relative paths and ``file:`` keys are relative to the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field, model_validator

from fedpacs.config.load import Frozen, load
from fedpacs.config.quality import Quality


def _ae_title(value: str) -> str:
    if not re.fullmatch(r"[\x20-\x5b\x5d-\x7e]{1,16}", value):
        msg = "an AE title has 1 to 16 printable ASCII characters and no backslash (PS3.5 6.2)"
        raise ValueError(msg)
    return value


def _key_uri(value: str) -> str:
    if not re.fullmatch(r"(file|env):.+", value):
        msg = "a key is named by URI, `file:PATH` or `env:NAME`; never write the key itself here"
        raise ValueError(msg)
    return value


AETitle = Annotated[str, AfterValidator(_ae_title)]
KeyUri = Annotated[str, AfterValidator(_key_uri)]
Port = Annotated[int, Field(ge=1, le=65535)]
ApproverName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
PublicKey = Annotated[str, Field(pattern=r"^ed25519:[0-9a-f]{64}$")]
SiteName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]


class Identity(Frozen):
    """Who the site is."""

    name: SiteName
    title: str = ""
    """Name of the hospital as people write it; shown at the site only, never sent."""


class DimsePacs(Frozen):
    """A PACS reached over DIMSE."""

    kind: Literal["dimse"]
    host: str
    port: Port
    called_ae_title: AETitle
    calling_ae_title: AETitle
    retrieve: Literal["c-get", "c-move"]
    storage_scp_host: str = "127.0.0.1"
    storage_scp_port: Port | None = None
    """Port of our Storage SCP, the destination of C-MOVE; the PACS admin must know it."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0


class FolderPacs(Frozen):
    """An export folder in place of a query interface; results go to a PACS over C-STORE."""

    kind: Literal["folder"]
    path: Path
    results: DimsePacs | None = None
    """Where results are stored and looked for; without it the site takes no results back."""


class Deidentification(Frozen):
    """How the site de-identifies."""

    profile: str
    """Name of a shipped profile or path of a TOML file."""
    project_key: KeyUri
    """32 bytes or more; new UIDs, pseudonyms and date shifts are derived from it."""
    vault: Path | None = None
    """The vault of random codes, for profiles that want one; the project key opens it."""


class Store(Frozen):
    """The sealed store of de-identified studies."""

    path: Path
    key: KeyUri
    staging: Path
    """Identified files live here only between retrieve and seal; it is emptied as it goes."""
    quarantine: Path
    """What was refused, with its reason; identified, so it has the staging's protection."""


class Book(Frozen):
    """The site's records."""

    url: str
    """SQLAlchemy URL, for example ``sqlite:///book.db`` (relative to the file) or PostgreSQL."""
    signing_key: KeyUri
    """Ed25519 private key (PEM) of the site's agent; checkpoints are signed with it."""


class Approval(Frozen):
    """Whose signature makes a job run here."""

    approvers: Annotated[dict[ApproverName, PublicKey], Field(min_length=1)]
    """Name to Ed25519 public key (``ed25519:`` and 64 hexadecimal digits)."""
    required: Annotated[int, Field(ge=1, le=5)] = 1

    @model_validator(mode="after")
    def _enough_approvers(self) -> Approval:
        if self.required > len(set(self.approvers.values())):
            msg = "fewer approvers with keys of their own than `required`"
            raise ValueError(msg)
        return self


class Limits(Frozen):
    """The site's own limits; a job may only be stricter."""

    minimum_patients: Annotated[int, Field(ge=2)] = 5
    minimum_cell: Annotated[int, Field(ge=2)] = 5
    """Numbers that rest on fewer patients than this are suppressed."""
    maximum_update_norm: Annotated[float, Field(gt=0)] = 100.0
    maximum_rounds: Annotated[int, Field(ge=1)] = 200
    maximum_update_bytes: Annotated[int, Field(ge=1)] = 512 * 1024 * 1024


class Standardisation(Frozen):
    """How the site's own names of series become codes. The files hold the site's own words."""

    mapping: Path = Path("series-mapping.toml")
    """Rules of the site; what a person answers in the review is written there."""
    series: Path = Path("data/series.db")
    """Codes of every series, and the questions that wait for a person."""


class Link(Frozen):
    """The way to the consortium."""

    superlink: Annotated[str, Field(pattern=r"^[^:/\s]+:\d{1,5}$")]
    root_certificates: Path
    node_key: KeyUri
    """NIST P-384 private key in OpenSSH form, made at the hospital."""
    runtime_port: Port
    """Loopback port of the SuperNode's Runtime API, where the executor takes its tasks."""
    runtime_secret: KeyUri
    """Secret shared by SuperNode and executor."""
    short_waits: bool = False
    """Let the SuperNode look for messages every 0.2 s during a run instead of every 3 s."""


class SiteConfig(Frozen):
    """One hospital, complete."""

    site: Identity
    pacs: Annotated[DimsePacs | FolderPacs, Field(discriminator="kind")]
    deidentification: Deidentification
    store: Store
    book: Book
    approval: Approval
    limits: Limits = Limits()
    quality: Quality = Quality()
    """Quality control; where a job asks for less, this holds."""
    standardisation: Standardisation = Standardisation()
    link: Link

    @property
    def results_pacs(self) -> DimsePacs | None:
        """PACS that takes results back."""
        return self.pacs if isinstance(self.pacs, DimsePacs) else self.pacs.results


def load_site(path: Path) -> SiteConfig:
    """Read ``site.toml``; every relative path in it becomes relative to the file's folder."""
    return _anchored(load(SiteConfig, path), path.resolve().parent)


def _anchored(config: SiteConfig, base: Path) -> SiteConfig:
    def uri(value: str) -> str:
        scheme, _, rest = value.partition(":")
        return f"file:{base / rest}" if scheme == "file" else value

    store = config.store
    pacs = config.pacs
    profile = config.deidentification.profile
    if profile.endswith(".toml"):
        profile = str(base / profile)
    url = config.book.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        # SQLAlchemy decodes the path, and would take a "?" in the folder's name for the query
        url = f"sqlite:///{quote(str(base))}/{url.removeprefix('sqlite:///')}"
    if isinstance(pacs, FolderPacs):
        pacs = pacs.model_copy(update={"path": base / pacs.path})
    return config.model_copy(
        update={
            "pacs": pacs,
            "deidentification": Deidentification(
                profile=profile,
                project_key=uri(config.deidentification.project_key),
                vault=base / vault if (vault := config.deidentification.vault) else None,
            ),
            "store": Store(
                path=base / store.path,
                key=uri(store.key),
                staging=base / store.staging,
                quarantine=base / store.quarantine,
            ),
            "standardisation": Standardisation(
                mapping=base / config.standardisation.mapping,
                series=base / config.standardisation.series,
            ),
            "book": Book(url=url, signing_key=uri(config.book.signing_key)),
            "link": config.link.model_copy(
                update={
                    "root_certificates": base / config.link.root_certificates,
                    "node_key": uri(config.link.node_key),
                    "runtime_secret": uri(config.link.runtime_secret),
                }
            ),
        }
    )
