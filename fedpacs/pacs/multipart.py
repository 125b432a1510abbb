"""``multipart/related`` read as a stream: a part is handed on while it arrives, never held.

References
----------
RFC 2046 5.1.1 (the delimiter), RFC 2387, PS3.18 8.6.1.
"""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

from fedpacs.pacs.web_errors import CutShortError, UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAXIMUM_HEADER_BYTES = 16 * 1024
_BLANK = b" \t"
_LINE = b"\r\n"


def boundary_of(content_type: str) -> bytes | None:
    """Give the boundary that a Content-Type names; None when it is not a multipart type."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if message.get_content_maintype() != "multipart" or not boundary:
        return None
    return boundary.encode("ascii", errors="replace")


class Part:
    """One part: its content type, and its body once.

    Attributes
    ----------
    content_type
        Media type without parameters, in lower case; empty when the part does not say.
    """

    def __init__(self, content_type: str, body: Iterator[bytes | memoryview]) -> None:
        self.content_type = content_type
        self.body = body


class MultipartStream:
    """Parts of a multipart body, one after the other.

    Parameters
    ----------
    chunks
        The body as it arrives, in pieces of any size.
    boundary
        As `boundary_of` gives it.
    """

    def __init__(self, chunks: Iterable[bytes], boundary: bytes) -> None:
        self._chunks = iter(chunks)
        self._delimiter = b"\r\n--" + boundary
        self._held = _LINE  # the first delimiter may stand at the very beginning
        self._at = 0
        """Where in what is held the rest begins: cutting it off would copy it for each part."""

    def parts(self) -> Iterator[Part]:
        """Give each part; what its reader leaves unread is skipped.

        Raises
        ------
        CutShortError
            If the stream ends before the closing delimiter. The part in progress is then not
            whole, those before it are.
        UnreadableAnswerError
            If what arrives is not a multipart body.
        """
        for _ in self._body():
            pass  # the preamble
        while not self._closed():
            body = self._body_after(self._header())
            yield body
            for _ in body.body:
                pass

    def _body_after(self, header: bytes) -> Part:
        content_type = ""
        for line in header.split(_LINE):
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-type":
                text = value.decode("ascii", errors="replace")
                content_type = text.partition(";")[0].strip().lower()
        return Part(content_type, self._body())

    def _body(self) -> Iterator[memoryview]:
        """Give the bytes up to the next delimiter, and pass over the delimiter."""
        delimiter = self._delimiter
        kept = len(delimiter) - 1  # so many bytes may be the beginning of one
        while True:
            start = self._at
            found = self._held.find(delimiter, start)
            end = found if found >= 0 else max(start, len(self._held) - kept)
            body = memoryview(self._held)[start:end]
            self._at = end if found < 0 else found + len(delimiter)
            if body:
                yield body
            if found >= 0:
                return
            self._more()

    def _closed(self) -> bool:
        """Read the rest of a delimiter's line; tell whether it is the closing one."""
        self._need(len(_LINE))
        if self._held.startswith(b"--", self._at):
            return True
        line = self._up_to(_LINE)
        if line.strip(_BLANK):
            raise UnreadableAnswerError("A delimiter is followed by something else than a line.")
        return False

    def _header(self) -> bytes:
        self._need(len(_LINE))
        if self._held.startswith(_LINE, self._at):
            self._at += len(_LINE)
            return b""
        return self._up_to(b"\r\n\r\n")

    def _need(self, length: int) -> None:
        while len(self._held) - self._at < length:
            self._more()

    def _up_to(self, end: bytes) -> bytes:
        while (found := self._held.find(end, self._at, self._at + MAXIMUM_HEADER_BYTES)) < 0:
            if len(self._held) - self._at >= MAXIMUM_HEADER_BYTES:
                raise UnreadableAnswerError("The header of a part does not end.")
            self._more()
        passed = self._held[self._at : found]
        self._at = found + len(end)
        return passed

    def _more(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise CutShortError("The answer ended in the middle.")
        self._held = self._held[self._at :] + chunk
        self._at = 0
