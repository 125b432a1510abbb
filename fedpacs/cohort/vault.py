"""A folder of sealed files: written whole or not at all, by one writer at a time.

Layout, everything 0700/0600 and every file but ``.lock`` sealed::

    header              format and random identity of the vault; opens with the right key only
    journal             what the writer is doing; there only while it does it, or after a kill
    .lock               writer's lock (flock)
    incoming/           files being written
    <shelf>/<ab>/<name> finished files

A file is written into ``incoming``, flushed to the disk and renamed to its place. The vault's
identity, shelf and name are part of what is authenticated, so no sealed file can stand in for
another one. Deleting a whole file is noticed by whoever refers to it: a study names its blobs,
a cohort's manifest names its studies' content.
"""

from __future__ import annotations

import json
import re
import secrets
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fedpacs.cohort.disk import (
    as_unwritable,
    empty,
    exclusive,
    flush_folders,
    make_folder,
    settle,
    write_draft,
    write_whole,
)
from fedpacs.cohort.errors import (
    DamagedStoreError,
    HalfWrittenStoreError,
    MissingBlobError,
    NotAStoreError,
    StoreBusyError,
    StoreKeyError,
    TooLargeError,
)
from fedpacs.core.digest import canonical_json
from fedpacs.core.errors import CryptoError
from fedpacs.crypto.sealing import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

_FORMAT = 1
_NAME = re.compile(r"[0-9a-z-]{1,64}")
_PURPOSE = b"fedpacs sealed store 1|"


class Shelf(StrEnum):
    """Kinds of sealed files."""

    BLOBS = "blobs"
    STUDIES = "studies"
    COHORTS = "cohorts"
    LEDGER = "ledger"
    PREPARATIONS = "preparations"


class Vault:
    """Sealed files on shelves. Use `Vault.open`.

    Parameters
    ----------
    path
        The folder.
    sealer
        Seals and opens.
    identity
        Random identity of this vault, 32 hexadecimal digits.
    """

    def __init__(self, path: Path, sealer: Sealer, identity: str) -> None:
        self._path = path
        self._sealer = sealer
        self._identity = identity
        self._unflushed: set[Path] = set()

    @classmethod
    def open(cls, path: Path, key: bytes) -> Vault:
        """Open the vault in a folder, or create it there.

        Raises
        ------
        NotAStoreError, HalfWrittenStoreError, StoreKeyError, StoreUnwritableError
            See each class.
        """
        sealer = Sealer(key)
        header = path / "header"
        if not header.exists():
            _create(path, sealer)
        try:
            content = json.loads(sealer.open(header.read_bytes(), _PURPOSE + b"header"))
        except (CryptoError, OSError) as error:
            raise StoreKeyError("The header of the sealed store does not open.") from error
        if content.get("format") != _FORMAT:
            raise NotAStoreError(
                "The sealed store has a format this version does not know.",
                hint="Use the FedPACS version that wrote the store.",
            )
        return cls(path, sealer, str(content["identity"]))

    def read(self, shelf: Shelf, name: str) -> bytes:
        """Open one sealed file.

        Raises
        ------
        MissingBlobError
            If it is not there.
        DamagedStoreError
            If its seal does not hold.
        """
        try:
            sealed = self._place(shelf, name).read_bytes()
        except FileNotFoundError as error:
            raise MissingBlobError(f"A file of the shelf {shelf} is missing.") from error
        except OSError as error:
            raise DamagedStoreError(f"A file of the shelf {shelf} cannot be read.") from error
        try:
            return self._sealer.open(sealed, self._context(shelf, name))
        except CryptoError as error:
            raise DamagedStoreError(f"A file of the shelf {shelf} was altered.") from error

    def write(self, shelf: Shelf, name: str, content: bytes) -> None:
        """Seal one file, whole or not at all. Needs the writer's lock.

        Its content is on the disk then; its name is after `flush`.

        Raises
        ------
        TooLargeError
            If it cannot be sealed in one piece.
        StoreUnwritableError
            If the file system refuses.
        """
        self.write_many(shelf, [(name, content)])

    def write_many(self, shelf: Shelf, files: Iterable[tuple[str, bytes]]) -> None:
        """Seal many files, each whole or not at all; see `write`.

        Parameters
        ----------
        shelf
            Where they go.
        files
            Name and content; one content is held in memory at a time.
        """
        drafts: dict[Path, Path] = {}
        for name, content in files:
            place = self._place(shelf, name)
            try:
                sealed = self._sealer.seal(content, self._context(shelf, name))
            except CryptoError as error:
                raise TooLargeError("A file is too large to be sealed.") from error
            with as_unwritable():
                for folder in (place.parent.parent, place.parent):
                    make_folder(folder)
                drafts[write_draft(self._path / "incoming", sealed)] = place
            self._unflushed |= {self._path, place.parent.parent, place.parent}
        with as_unwritable():
            settle(drafts)

    def flush(self) -> None:
        """Return only when everything written and removed so far is so on the disk.

        To be called before something is written that refers to what was written before.
        """
        with as_unwritable():
            flush_folders(self._unflushed)
        self._unflushed.clear()

    def remove(self, shelf: Shelf, name: str) -> None:
        """Remove one file if it is there. Needs the writer's lock."""
        place = self._place(shelf, name)
        with as_unwritable():
            place.unlink(missing_ok=True)
        self._unflushed.add(place.parent)

    def holds(self, shelf: Shelf, name: str) -> bool:
        """Tell whether the file is there; its seal is not looked at."""
        return self._place(shelf, name).is_file()

    def names(self, shelf: Shelf) -> Iterator[str]:
        """Give every name on a shelf, sorted."""
        for file in sorted((self._path / shelf).glob("*/*")):
            yield file.name

    @contextmanager
    def writing(
        self,
        intention: Mapping[str, Any],
        recover: Callable[[dict[str, Any]], None],
        *,
        wait_s: float,
    ) -> Iterator[None]:
        """Hold the writer's lock and leave a trace of the act while it lasts.

        Parameters
        ----------
        intention
            What is going to be done; written to the journal first and removed after success.
        recover
            Called first with the intention of a writer that was killed or failed.
        wait_s
            How long to wait for another writer.

        Raises
        ------
        StoreBusyError
            If the other writer is still there after that time.
        """
        with exclusive(self._path / ".lock", wait_s):
            self._recover(recover)
            self._write_journal(intention)
            yield
            self._drop_journal()

    def recover_if_abandoned(self, recover: Callable[[dict[str, Any]], None]) -> bool:
        """Finish what a killed writer left, unless a writer is at work now.

        Returns
        -------
        bool
            True when something was left and has been finished.
        """
        if not (self._path / "journal").exists():
            return False
        try:
            with exclusive(self._path / ".lock", wait_s=0.0):
                return self._recover(recover)
        except StoreBusyError:
            return False

    def _recover(self, recover: Callable[[dict[str, Any]], None]) -> bool:
        with as_unwritable():
            empty(self._path / "incoming")
        journal = self._path / "journal"
        if not journal.exists():
            return False
        try:
            content = self._sealer.open(journal.read_bytes(), self._journal_context)
        except CryptoError as error:
            raise DamagedStoreError("The journal of the sealed store was altered.") from error
        recover(json.loads(content))
        self._drop_journal()
        return True

    def _write_journal(self, intention: Mapping[str, Any]) -> None:
        sealed = self._sealer.seal(canonical_json(dict(intention)), self._journal_context)
        with as_unwritable():
            write_whole(self._path / "incoming", self._path / "journal", sealed)
        self._unflushed.add(self._path)
        self.flush()

    def _drop_journal(self) -> None:
        self.flush()
        with as_unwritable():
            (self._path / "journal").unlink()

    @property
    def _journal_context(self) -> bytes:
        return _PURPOSE + f"{self._identity}|journal".encode()

    def _context(self, shelf: Shelf, name: str) -> bytes:
        return _PURPOSE + f"{self._identity}|{shelf}|{name}".encode()

    def _place(self, shelf: Shelf, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise MissingBlobError(f"The shelf {shelf} has no file of that form of name.")
        return self._path / shelf / name[:2] / name


def _create(path: Path, sealer: Sealer) -> None:
    with as_unwritable():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        foreign = {entry.name for entry in path.iterdir()} - {".lock", "incoming", "header"}
        if foreign & set(Shelf):
            raise HalfWrittenStoreError("The sealed store has data but no header.")
        if foreign:
            raise NotAStoreError("The folder for the sealed store holds other files.")
        path.chmod(0o700)
        with exclusive(path / ".lock", wait_s=10.0):
            if (path / "header").exists():
                return
            incoming = path / "incoming"
            empty(incoming)
            header = {"format": _FORMAT, "identity": secrets.token_hex(16)}
            sealed = sealer.seal(canonical_json(header), _PURPOSE + b"header")
            write_whole(incoming, path / "header", sealed)
            flush_folders([path, path.parent])
