"""Storing results: C-STORE of Part 10 files as they are, one association for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.pacs.associations import Proposal, open_association
from fedpacs.pacs.contexts import MAXIMUM_CONTEXTS, of_pairs
from fedpacs.pacs.errors import CorruptInstanceError
from fedpacs.pacs.part10 import read_dataset, read_header
from fedpacs.pacs.ports import StoreReceipt
from fedpacs.pacs.status import STORED_WITH_WARNING, SUCCESS, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pynetdicom.association import Association

    from fedpacs.config.pacs import DimsePacs

_DROPPED = "pacs.association-dropped"
_NO_CONTEXT = "pacs.sop-class-not-accepted"


class DimseWriter:
    """Writes to a PACS over DIMSE.

    Parameters
    ----------
    pacs
        Where it is and who we are.
    """

    def __init__(self, pacs: DimsePacs) -> None:
        self._pacs = pacs

    def store(self, files: Sequence[Path]) -> StoreReceipt:
        """Send files; see `fedpacs.pacs.ports.ArchiveWriter`."""
        stored = 0
        failed: list[str] = []
        pairs: dict[Path, tuple[str, str]] = {}
        for path in files:
            try:
                header = read_header(path)
            except CorruptInstanceError as error:
                failed.append(error.code)
                continue
            pairs[path] = (header.sop_class_uid, header.transfer_syntax_uid)
        for batch in _batches(pairs):
            association = open_association(
                self._pacs, Proposal(of_pairs(sorted({pairs[path] for path in batch})))
            )
            try:
                for path in batch:
                    code = _send(association, path)
                    if code:
                        failed.append(code)
                    else:
                        stored += 1
            finally:
                if association.is_established:
                    association.release()
        return StoreReceipt(stored, tuple(failed))

    def close(self) -> None:
        """Nothing is held between calls."""


def _send(association: Association, path: Path) -> str:
    """Send one file; gives an error code, empty when stored."""
    if not association.is_established:
        return _DROPPED
    try:
        status = status_of(association.send_c_store(read_dataset(path, pixels=True)))
    except ValueError:  # pynetdicom: no accepted context fits
        return _NO_CONTEXT
    except RuntimeError:  # pynetdicom: the association has just ended
        return _DROPPED
    if status is None:
        return _DROPPED
    if status == SUCCESS or status in STORED_WITH_WARNING:
        return ""
    return f"pacs.store-0x{status:04x}"


def _batches(pairs: dict[Path, tuple[str, str]]) -> Iterator[list[Path]]:
    """Divide files so that each part needs no more contexts than one association has."""
    batch: list[Path] = []
    needed: set[tuple[str, str]] = set()
    for path, pair in pairs.items():
        if pair not in needed and len(needed) == MAXIMUM_CONTEXTS:
            yield batch
            batch, needed = [], set()
        batch.append(path)
        needed.add(pair)
    if batch:
        yield batch
