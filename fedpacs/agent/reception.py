"""The receiving side of a push site, for as long as somebody lets it run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from fedpacs.config.pacs import PushPacs
from fedpacs.core.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.config.site import SiteConfig


class NotAPushSiteError(AgentError):
    """Nothing is sent to this site: it asks its PACS."""

    code = "agent.not-a-push-site"
    default_hint = 'Use `fedpacs site ingest`; only a [pacs] block with kind = "push" receives.'


@contextmanager
def receiving(config: SiteConfig) -> Iterator[str]:
    """Listen for what is pushed, for the length of a ``with`` block; gives AE title and address.

    Raises
    ------
    NotAPushSiteError
        If the site's PACS is of another kind.
    PacsError
        If the port is taken, another receiver works on the inbox, or a TLS file is unusable.
    """
    from fedpacs.pacs.push_receiver import PushReceiver

    pacs = config.pacs
    if not isinstance(pacs, PushPacs):
        raise NotAPushSiteError("This site asks its PACS; nothing is sent to it.")
    with PushReceiver(pacs):
        yield f"{pacs.ae_title} at {pacs.host}:{pacs.port}"
