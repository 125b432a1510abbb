"""From configuration to adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.config.site import FolderPacs
from fedpacs.pacs.dimse import DimseReader
from fedpacs.pacs.folder import FolderReader
from fedpacs.pacs.store_scu import DimseWriter

if TYPE_CHECKING:
    from fedpacs.config.site import DimsePacs
    from fedpacs.pacs.ports import ArchiveReader, ArchiveWriter


def open_reader(config: DimsePacs | FolderPacs) -> ArchiveReader:
    """Give the reader of a site's PACS; it connects when first used."""
    if isinstance(config, FolderPacs):
        return FolderReader(config.path)
    return DimseReader(config)


def open_writer(config: DimsePacs) -> ArchiveWriter:
    """Give the writer to a site's PACS; it connects when first used."""
    return DimseWriter(config)
