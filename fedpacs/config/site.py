"""``site.toml``: one hospital. Relative paths and ``file:`` keys are relative to the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field, model_validator

from fedpacs.config.fields import KeyUri, Port
from fedpacs.config.ingest import Ingest, SchedulerTls
from fedpacs.config.load import Frozen, load
from fedpacs.config.pacs import DicomwebPacs, DimsePacs, Pacs, anchored_uri
from fedpacs.config.quality import Quality

ApproverName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
PublicKey = Annotated[str, Field(pattern=r"^ed25519:[0-9a-f]{64}$")]
SiteName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]


class Identity(Frozen):
    """Who the site is."""

    name: SiteName
    title: str = ""
    """Name of the hospital as people write it; shown at the site only, never sent."""


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
    statistics: Literal["never", "with-noise", "exact"] = "exact"
    """Which statistics of a cohort may leave, once they are approved."""


class Privacy(Frozen):
    """The privacy budget of the site, over all jobs, for each of its patients."""

    maximum_epsilon: Annotated[float, Field(ge=0)] = 3.0
    """At 0 nothing with noise is released."""
    delta: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6


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
    pacs: Pacs
    deidentification: Deidentification
    store: Store
    book: Book
    ingest: Ingest = Ingest()
    approval: Approval
    limits: Limits = Limits()
    quality: Quality = Quality()
    """Quality control; where a job asks for less, this holds."""
    standardisation: Standardisation = Standardisation()
    privacy: Privacy = Privacy()
    link: Link

    @property
    def results_pacs(self) -> DimsePacs | DicomwebPacs | None:
        """PACS that takes results back."""
        pacs = self.pacs
        return pacs if isinstance(pacs, (DimsePacs, DicomwebPacs)) else pacs.results


def load_site(path: Path) -> SiteConfig:
    """Read ``site.toml``; every relative path in it becomes relative to the file's folder."""
    return _anchored(load(SiteConfig, path), path.resolve().parent)


def _anchored(config: SiteConfig, base: Path) -> SiteConfig:
    def uri(value: str) -> str:
        return anchored_uri(value, base)

    store = config.store
    profile = config.deidentification.profile
    if profile.endswith(".toml"):
        profile = str(base / profile)
    url = _anchored_url(config.book.url, base)
    return config.model_copy(
        update={
            "pacs": config.pacs.anchored(base),
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
            "ingest": _anchored_ingest(config.ingest, url, base),
            "link": config.link.model_copy(
                update={
                    "root_certificates": base / config.link.root_certificates,
                    "node_key": uri(config.link.node_key),
                    "runtime_secret": uri(config.link.runtime_secret),
                }
            ),
        }
    )


def _anchored_url(url: str, base: Path) -> str:
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        # SQLAlchemy decodes the path, and would take a "?" in the folder's name for the query
        return f"sqlite:///{quote(str(base))}/{url.removeprefix('sqlite:///')}"
    return url


def _anchored_ingest(ingest: Ingest, book_url: str, base: Path) -> Ingest:
    index = _anchored_url(ingest.index, base)
    if not index:
        beside, _, _ = book_url.rpartition("/")
        index = f"{beside}/index.db" if book_url.startswith("sqlite:") else book_url
    tls = ingest.scheduler_tls
    if tls is not None:
        tls = SchedulerTls(
            certificate_authority=base / tls.certificate_authority,
            certificate=base / tls.certificate,
            key=base / tls.key,
        )
    opt_out = base / ingest.opt_out if ingest.opt_out else None
    return ingest.model_copy(update={"index": index, "scheduler_tls": tls, "opt_out": opt_out})
