"""Where new pixel content is written: in memory while it is small, else in a scratch file."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fedpacs.deidentification.errors import UnwritableOutputError
from fedpacs.deidentification.pixels.content import PixelContent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from fedpacs.deidentification.dicom.elements import Element
    from fedpacs.deidentification.pixels.facts import PictureFacts

_IN_MEMORY_BYTES = 16 << 20


class ContentFile:
    """New pixel content while it is written; removed again when that fails.

    Parameters
    ----------
    scratch
        Folder for a file, used when the content is large.
    expected_bytes
        How large it will become, about.

    Attributes
    ----------
    out
        Open for reading and writing.
    """

    __slots__ = ("_path", "out")

    def __init__(self, scratch: Path, expected_bytes: int) -> None:
        self._path: Path | None = None
        self.out: BinaryIO = io.BytesIO()
        if expected_bytes > _IN_MEMORY_BYTES:
            try:
                descriptor, name = tempfile.mkstemp(prefix="pixels-", dir=scratch)
            except OSError:
                raise UnwritableOutputError("The scratch folder cannot be written.") from None
            self._path = Path(name)
            self.out = os.fdopen(descriptor, "w+b")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.out.close()
        finally:
            if kind is not None and self._path is not None:
                self._path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UnwritableOutputError("The scratch folder cannot be written.") from None

    def content(
        self, facts: PictureFacts, attributes: Mapping[int, Element | None]
    ) -> PixelContent:
        """Give what was written.

        Parameters
        ----------
        facts
            What the header says about the pixels.
        attributes
            Elements that change with it.
        """
        length = self.out.seek(0, os.SEEK_END)
        if length % 2:
            length += self.out.write(b"\0")
        self.out.flush()
        if self._path is None:
            self.out.seek(0)
            return PixelContent(
                self.out.read(), length, facts.transfer_syntax_uid, facts.encapsulated, attributes
            )
        return PixelContent(
            self._path, length, facts.transfer_syntax_uid, facts.encapsulated, attributes
        )
