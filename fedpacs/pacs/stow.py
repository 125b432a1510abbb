"""Storing results by STOW-RS: Part 10 files as they are, streamed from disk.

References
----------
PS3.18 10.5.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from fedpacs.pacs.errors import CorruptInstanceError
from fedpacs.pacs.part10 import read_header
from fedpacs.pacs.ports import StoreReceipt
from fedpacs.pacs.web_client import CHUNK_BYTES, WebClient
from fedpacs.pacs.web_status import web_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fedpacs.config.pacs import DicomwebPacs

_BATCH_BYTES = 64 * CHUNK_BYTES
_STORED, _FAILED = "00081199", "00081198"
_INSTANCE, _REASON = "00081155", "00081197"
_ANSWERED = (200, 202, 409)
_UNCONFIRMED = "pacs.store-unconfirmed"


class StowWriter:
    """Writes to a PACS over STOW-RS.

    Parameters
    ----------
    pacs
        Where it is and who we are.
    """

    def __init__(self, pacs: DicomwebPacs) -> None:
        self._pacs = pacs
        self._client = WebClient(pacs)

    def store(self, files: Sequence[Path]) -> StoreReceipt:
        """Send files; see `fedpacs.pacs.ports.ArchiveWriter`."""
        stored = 0
        failed: list[str] = []
        uids: dict[str, Path] = {}
        for path in files:
            try:
                uids[read_header(path).sop_instance_uid] = path
            except CorruptInstanceError as error:
                failed.append(error.code)
        for batch in _batches(uids):
            kept, reasons = self._send(batch)
            stored += len(kept)
            failed += [reasons.get(uid, _UNCONFIRMED) for uid in batch if uid not in kept]
        return StoreReceipt(stored, tuple(failed))

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _send(self, batch: dict[str, Path]) -> tuple[frozenset[str], dict[str, str]]:
        boundary = uuid.uuid4().hex
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Content-Length": str(
                sum(len(piece) for piece in _frame(batch, boundary, sizes=True))
                + sum(path.stat().st_size for path in batch.values())
            ),
        }
        status, answer = self._client.post("studies", _frame(batch, boundary), headers)
        if status not in _ANSWERED:
            raise web_error(status, self._pacs)
        report = answer[0] if isinstance(answer, list) and answer else answer
        if not isinstance(report, dict):
            return frozenset(), {}
        kept = frozenset(
            uid for item in _items(report, _STORED) if (uid := _first(item, _INSTANCE))
        )
        reasons = {
            uid: _code(_first(item, _REASON))
            for item in _items(report, _FAILED)
            if (uid := _first(item, _INSTANCE))
        }
        return kept & batch.keys(), reasons


def _frame(batch: dict[str, Path], boundary: str, *, sizes: bool = False) -> Iterator[bytes]:
    """Give the body piece by piece; with `sizes` what lies around the files alone."""
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    for path in batch.values():
        yield head
        if not sizes:
            with path.open("rb") as file:
                while piece := file.read(CHUNK_BYTES):
                    yield piece
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _batches(uids: dict[str, Path]) -> Iterator[dict[str, Path]]:
    batch: dict[str, Path] = {}
    size = 0
    for uid, path in uids.items():
        length = path.stat().st_size
        if batch and size + length > _BATCH_BYTES:
            yield batch
            batch, size = {}, 0
        batch[uid] = path
        size += length
    if batch:
        yield batch


def _items(report: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    element = report.get(tag)
    values = element.get("Value", []) if isinstance(element, dict) else []
    return [item for item in values if isinstance(item, dict)] if isinstance(values, list) else []


def _first(item: dict[str, Any], tag: str) -> Any:  # noqa: ANN401 - JSON data is what it is
    element = item.get(tag)
    values = element.get("Value", []) if isinstance(element, dict) else []
    return values[0] if isinstance(values, list) and values else None


def _code(reason: object) -> str:
    return f"pacs.store-0x{reason:04x}" if isinstance(reason, int) else "pacs.store-refused"
