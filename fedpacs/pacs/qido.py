"""QIDO-RS: one question, page by page until nothing new comes.

Servers cap pages below what was asked for, ignore ``offset``, or send everything at once. So a
short page is never taken for the last one: the last one is that which brings nothing new.

References
----------
PS3.18 10.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydicom.datadict import tag_for_keyword

from fedpacs.pacs.web_errors import WebRequestFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fedpacs.pacs.finding import Answer
    from fedpacs.pacs.web_client import WebClient

PAGE = 500
_UNIQUE = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
_ON_REQUEST = (
    "SOPClassesInStudy",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
    "NumberOfSeriesRelatedInstances",
    "SOPClassUID",
)


def resource(keys: Mapping[str, str]) -> str:
    """Write the path of a study or series below the server's URL."""
    path = f"studies/{quote(keys['StudyInstanceUID'], safe='')}"
    if keys.get("SeriesInstanceUID"):
        path += f"/series/{quote(keys['SeriesInstanceUID'], safe='')}"
    return path


class QidoQuery:
    """Asks one archive by QIDO-RS.

    Parameters
    ----------
    client
        Speaks to it.
    page
        Answers to ask for at a time.
    """

    def __init__(self, client: WebClient, page: int = PAGE) -> None:
        self._client = client
        self._page = page

    def ask(self, level: str, keys: Mapping[str, str]) -> Iterator[Answer]:
        """Give the answers at a level; see `fedpacs.pacs.finding.Asking`."""
        path, in_path = _path(level, keys)
        parameters = [(k, v) for k, v in keys.items() if v and k not in in_path]
        parameters += [("includefield", k) for k in _ON_REQUEST if k in keys]
        seen: set[tuple[str, ...]] = set()
        offset = 0
        while True:
            page = [("limit", str(self._page)), ("offset", str(offset))]
            answers = self._client.get_json(path, [*parameters, *page])
            fresh = False
            for found in answers:
                answer = {keyword: _values(found, keyword) for keyword in keys}
                uid = answer.get(_UNIQUE[level], ())
                if uid and uid in seen:
                    continue
                fresh = fresh or bool(uid)
                seen.add(uid)
                yield answer
            offset += len(answers)
            if not fresh:
                return


def _path(level: str, keys: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    if level == "STUDY":
        return "studies", ()
    if level == "SERIES":
        return f"{resource(keys)}/series", ("StudyInstanceUID",)
    return f"{resource(keys)}/instances", ("StudyInstanceUID", "SeriesInstanceUID")


def _values(answer: Mapping[str, Any], keyword: str) -> tuple[str, ...]:
    """Read one element of DICOM JSON (PS3.18 F.2)."""
    element = answer.get(f"{tag_for_keyword(keyword):08X}")
    if not isinstance(element, dict):
        return ()
    listed = element.get("Value", [])
    if not isinstance(listed, list):
        raise WebRequestFailedError("The PACS answered with malformed DICOM JSON.")
    values = (
        str(value.get("Alphabetic", "")) if isinstance(value, dict) else str(value)
        for value in listed
        if value is not None
    )
    found = tuple(value.strip(" \x00") for value in values)
    return () if found == ("",) else found
