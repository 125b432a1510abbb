"""From configuration to adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.config.pacs import DicomwebPacs, FolderPacs, PushPacs

if TYPE_CHECKING:
    from fedpacs.config.pacs import DimsePacs
    from fedpacs.pacs.ports import ArchiveReader, ArchiveWriter


def open_reader(config: DimsePacs | DicomwebPacs | FolderPacs | PushPacs) -> ArchiveReader:
    """Give the reader of a site's PACS; it connects when first used."""
    if isinstance(config, DicomwebPacs):
        from fedpacs.pacs.dicomweb import DicomwebReader

        return DicomwebReader(config)
    if isinstance(config, FolderPacs):
        from fedpacs.pacs.folder import FolderReader

        return FolderReader(config)
    if isinstance(config, PushPacs):
        from fedpacs.pacs.push import PushReader

        expected = config.expected
        return PushReader(config, None if expected is None else lambda: open_reader(expected))
    from fedpacs.pacs.dimse import DimseReader

    return DimseReader(config)


def open_writer(config: DimsePacs | DicomwebPacs) -> ArchiveWriter:
    """Give the writer to a site's PACS; it connects when first used."""
    if isinstance(config, DicomwebPacs):
        from fedpacs.pacs.stow import StowWriter

        return StowWriter(config)
    from fedpacs.pacs.store_scu import DimseWriter

    return DimseWriter(config)
