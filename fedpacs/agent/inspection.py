"""What is in place at a site and what is not: checked part by part, without touching the PACS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.agent.doctor import CheckItem
from fedpacs.core.errors import AgentError, FedpacsError
from fedpacs.crypto.keys import load_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.agent.premises import Premises


def check(premises: Premises) -> tuple[CheckItem, ...]:
    """Check configuration, keys, profile, store, book and certificate of a site.

    Every part is tried even when an earlier one failed, so that all faults are seen at once.
    """
    config = premises.config
    parts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("project key", lambda: premises.pseudonyms),
        ("profile", lambda: premises.profile),
        ("store key and store", lambda: sum(1 for _ in premises.store.each_study())),
        ("staging is empty", lambda: _require_empty_staging(premises)),
        ("agent's signing key", lambda: premises.signing_key),
        ("book", lambda: premises.book),
        ("book verifies", lambda: _require_true_book(premises)),
        ("approvals", lambda: premises.approvals),
        ("SuperNode key", lambda: _require_file(config.link.node_key)),
        ("runtime secret", lambda: load_secret(config.link.runtime_secret)),
        ("consortium certificate", lambda: _require_file(f"file:{config.link.root_certificates}")),
    )
    return (_passed("site file"), *(_try(name, part) for name, part in parts))


class StagingLeftError(AgentError):
    """A killed run left identified files in the staging area."""

    code = "agent.staging-left"
    default_hint = "Run `fedpacs site ingest`: it empties the staging area before anything else."


def _require_empty_staging(premises: Premises) -> None:
    area = premises.config.store.staging
    left = [entry for entry in area.glob("*") if entry.name != ".lock"] if area.exists() else []
    if left and not premises.is_busy():
        raise StagingLeftError("The staging area holds identified files of a run that was killed.")


def _try(name: str, part: Callable[[], object]) -> CheckItem:
    try:
        part()
    except FedpacsError as error:
        return CheckItem(
            name, passed=False, code=error.code, advice=f"{error.message} {error.hint}"
        )
    return _passed(name)


def _passed(name: str) -> CheckItem:
    return CheckItem(name, passed=True, code="ok", advice="")


def _require_true_book(premises: Premises) -> None:
    from fedpacs.records.book import BookUnreadableError

    verification = premises.book.verify(premises.signing_key.public)
    if not verification.ok:
        raise BookUnreadableError(
            f"The book does not verify ({verification.fault_code}).",
            hint="Stop. Keep the file as it is, and call whoever is responsible for the site.",
        )


def _require_file(uri: str) -> None:
    from pathlib import Path

    from fedpacs.crypto.keys import KeyMissingError

    scheme, _, name = uri.partition(":")
    if scheme == "file" and not Path(name).is_file():
        raise KeyMissingError("A file that the site file names does not exist.")
