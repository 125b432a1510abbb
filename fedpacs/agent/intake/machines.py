"""Which machines workers are on: a vault is a file that processes of one machine may share."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fedpacs.core.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterable

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}


class VaultOnClusterError(AgentError):
    """Workers on other machines were to draw random codes from this site's vault."""

    code = "agent.vault-on-cluster"
    default_hint = (
        "A vault is one file on one machine, and file systems that machines share cannot lock it "
        "safely. Leave [ingest] scheduler out, or choose a profile with keyed identities."
    )


def require_one_machine(scheduler: str, workers: Iterable[str]) -> None:
    """Return only if a scheduler and its workers are at addresses of this machine alone.

    Raises
    ------
    VaultOnClusterError
        If one of them is not.
    """
    hosts = {urlsplit(address).hostname for address in (scheduler, *workers)}
    if not hosts <= _THIS_MACHINE:
        raise VaultOnClusterError("The profile draws random codes, and workers are elsewhere.")
