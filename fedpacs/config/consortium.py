"""``consortium.toml``: the other half. Relative paths are relative to the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from fedpacs.config.fields import Port
from fedpacs.config.load import Frozen, load
from fedpacs.config.site import PublicKey, SiteName


class ConsortiumIdentity(Frozen):
    """Who the consortium is."""

    name: SiteName
    title: str = ""


class SuperLinkConfig(Frozen):
    """The Flower SuperLink."""

    host: str = "127.0.0.1"
    port: Port = 8000
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    """DNS names and addresses in its certificate, as the sites write them."""


class ConsortiumConfig(Frozen):
    """One consortium, complete."""

    consortium: ConsortiumIdentity
    superlink: SuperLinkConfig = SuperLinkConfig()
    home: Path = Path("state")
    """PKI, SuperLink database, jobs and models live here."""
    members: Annotated[tuple[SiteName, ...], Field(min_length=2)]
    agents: Annotated[dict[SiteName, PublicKey], Field(default_factory=dict)]
    """Public key of each member's agent, which signs the statistics that the site hands over."""

    @model_validator(mode="after")
    def _agents_of_members(self) -> ConsortiumConfig:
        if not self.agents.keys() <= set(self.members):
            msg = "agents: only members have agents"
            raise ValueError(msg)
        return self


def load_consortium(path: Path) -> ConsortiumConfig:
    """Read ``consortium.toml``."""
    config = load(ConsortiumConfig, path)
    return config.model_copy(update={"home": path.resolve().parent / config.home})
