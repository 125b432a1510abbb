"""What is in place at a site and what is not: checked part by part, without touching the PACS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError
from fedpacs.crypto.keys import load_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.agent.premises import Premises


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing that was checked.

    Attributes
    ----------
    name
        What was looked at.
    passed
        Whether it is in order.
    code
        Stable code of what is wrong; empty when it passed.
    advice
        The next step; empty when it passed.
    """

    name: str
    passed: bool
    code: str = ""
    advice: str = ""


def check(premises: Premises) -> tuple[CheckItem, ...]:
    """Check configuration, keys, profile, store, book and certificate of a site.

    Every part is tried even when an earlier one failed, so that all faults are seen at once.
    """
    config = premises.config
    parts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("project key", lambda: premises.pseudonyms),
        ("profile", lambda: premises.profile),
        ("store key and store", lambda: len(premises.store.studies())),
        ("agent's signing key", lambda: premises.signing_key),
        ("book", lambda: premises.book),
        ("book verifies", lambda: _require_true_book(premises)),
        ("approvals", lambda: premises.approvals),
        ("SuperNode key", lambda: _require_file(config.link.node_key)),
        ("runtime secret", lambda: load_secret(config.link.runtime_secret)),
        ("consortium certificate", lambda: _require_file(f"file:{config.link.root_certificates}")),
    )
    return (CheckItem("site file", passed=True), *(_try(name, part) for name, part in parts))


def _try(name: str, part: Callable[[], object]) -> CheckItem:
    try:
        part()
    except FedpacsError as error:
        return CheckItem(name, passed=False, code=error.code, advice=error.hint)
    return CheckItem(name, passed=True)


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
