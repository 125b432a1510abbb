"""The embedded PACS's store: files first, index second, so that a kill loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.pacs.archive_index import ArchiveIndex
from fedpacs.pacs.errors import CorruptInstanceError, DuplicateInstanceError
from fedpacs.pacs.part10 import file_name, header_of, read_dataset, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from fedpacs.pacs.archive_index import StoredInstance


class ArchiveStore:
    """A folder of Part 10 files and its index.

    Parameters
    ----------
    root
        Folder, created when missing. Files that a killed process wrote but did not index are
        indexed now; half-written ones are removed.
    """

    def __init__(self, root: Path) -> None:
        self._files = root / "files"
        self._files.mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)
        self.index = ArchiveIndex(root / "index.db")
        self._repair()

    def put(self, content: bytes, sop_instance_uid: str) -> None:
        """Store an instance; storing the same bytes again changes nothing.

        Parameters
        ----------
        content
            DICOM Part 10 file.
        sop_instance_uid
            UID that the sender announced; must be the one in the file.

        Raises
        ------
        CorruptInstanceError
            If it is unreadable or not the instance it was announced as.
        DuplicateInstanceError
            If the UID is taken by other bytes; the first writer wins.
        """
        ds = read_dataset(content, pixels=False)
        header = header_of(ds)
        if header.sop_instance_uid != sop_instance_uid:
            raise CorruptInstanceError("An object is not the instance it was announced as.")
        path = self._files / file_name(sop_instance_uid)
        if path.exists():
            if path.read_bytes() != content:
                raise DuplicateInstanceError("An instance with the same UID is stored already.")
        else:
            write_atomically(path, content, durable=True)
        self.index.add(ds, header.transfer_syntax_uid, path.name)

    def read(self, instance: StoredInstance) -> Dataset:
        """Read a stored instance.

        Raises
        ------
        CorruptInstanceError
            If its file is gone or unreadable.
        """
        return read_dataset(self._files / instance.file_name, pixels=True)

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def _repair(self) -> None:
        indexed = self.index.files()
        present: set[str] = set()
        for path in self._files.iterdir():
            if path.suffix == ".partial":
                path.unlink()
                continue
            present.add(path.name)
            if path.name not in indexed:
                self._index_again(path)
        for lost in indexed - present:
            self.index.drop(lost)

    def _index_again(self, path: Path) -> None:
        try:
            ds = read_dataset(path, pixels=False)
            self.index.add(ds, header_of(ds).transfer_syntax_uid, path.name)
        except CorruptInstanceError:
            return  # left where it is, for a person to look at; it is not served
