"""HTTP to one DICOMweb server: one origin, our credentials, limits, every failure in words.

Redirects to another host are refused, because credentials and patients' UIDs would follow them;
proxies from the environment are not used. The library's own log lines, which quote URLs and so
UIDs, are replaced by the place that spoke.
"""

from __future__ import annotations

import json
import logging
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import SSLError as WrappedSslError
from urllib3.exceptions import TimeoutError as ReadOrConnectTimeoutError

from fedpacs.crypto.keys import read_key_material
from fedpacs.pacs.errors import UnreachablePacsError
from fedpacs.pacs.tls import check_handshake, client_context, speaks_tls, tls_error, tls_expected
from fedpacs.pacs.web_errors import CutShortError, RedirectedError, UnreadableAnswerError
from fedpacs.pacs.web_status import web_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from urllib3.response import BaseHTTPResponse

    from fedpacs.config.pacs import DicomwebPacs
    from fedpacs.core.errors import PacsError

CHUNK_BYTES = 1024 * 1024
_MAXIMUM_JSON_BYTES = 64 * CHUNK_BYTES
_MAXIMUM_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_OK = (200, 202, 204, 206)
_PORTS = {"http": 80, "https": 443}


class _PlaceOnly(logging.Filter):
    """Replace a record's text by the line that spoke, before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = f"urllib3 {record.module} line {record.lineno}"
        record.args = None
        record.exc_info = record.exc_text = record.stack_info = None
        return True


_PLACE_ONLY = _PlaceOnly()


def _redact() -> None:
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] == "urllib3":
            logging.getLogger(name).addFilter(_PLACE_ONLY)


class WebClient:
    """Speaks to one server; connections are kept and reused.

    Parameters
    ----------
    pacs
        Where it is and who we are.

    Raises
    ------
    TlsFilesError
        If a TLS file of ours cannot be used.
    """

    def __init__(self, pacs: DicomwebPacs) -> None:
        _redact()
        parts = urlsplit(pacs.url)
        self._pacs = pacs
        self._base = pacs.url.rstrip("/") + "/"
        self._origin = (parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])
        self.host = parts.hostname or ""
        self.port = parts.port or _PORTS[parts.scheme]
        options: dict[str, Any] = {}
        if parts.scheme == "https":
            options["ssl_context"] = client_context(pacs.tls)
            if pacs.tls is not None and pacs.tls.server_name:
                options["server_hostname"] = pacs.tls.server_name
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=4, retries=False, timeout=pacs.timeout_s, **options
        )

    def get_json(self, path: str, parameters: Iterable[tuple[str, str]]) -> list[Any]:
        """Ask for DICOM JSON; no content is an empty list.

        Raises
        ------
        PacsError
            If the server refuses, fails, or answers something else.
        """
        query = urlencode(list(parameters))
        with self.get(f"{path}?{query}" if query else path, "application/dicom+json") as response:
            body = b""
            for chunk in self.chunks(response):
                body += chunk
                if len(body) > _MAXIMUM_JSON_BYTES:
                    raise UnreadableAnswerError("The PACS sent an answer that is far too long.")
        return answers_of(body)

    @contextmanager
    def get(self, path: str, accept: str) -> Iterator[BaseHTTPResponse]:
        """Ask for a resource below the URL; its body is read by the caller, while it arrives.

        Raises
        ------
        PacsError
            If the server refuses or fails.
        """
        url = urljoin(self._base, path)
        for _ in range(_MAXIMUM_REDIRECTS + 1):
            response = self._send("GET", url, {"Accept": accept})
            if response.status not in _REDIRECTS:
                break
            url = self._redirected(url, response)
        else:
            raise RedirectedError("The PACS sends us in circles.")
        try:
            if response.status not in _OK:
                raise web_error(response.status, self._pacs)
            yield response
        finally:
            # what was not read to its end is not reused
            response.close() if not response.closed else response.release_conn()

    def post(self, path: str, body: Iterable[bytes], headers: Mapping[str, str]) -> tuple[int, Any]:
        """Send a body; gives the status and the DICOM JSON that came back, if any.

        Raises
        ------
        PacsError
            If the server cannot be reached or asks for another place.
        """
        response = self._send(
            "POST",
            urljoin(self._base, path),
            {"Accept": "application/dicom+json", **headers},
            body=body,
        )
        try:
            if response.status in _REDIRECTS:
                self._redirected(self._base, response)
                raise RedirectedError("The PACS sends results on to another place.")
            content = response.read(_MAXIMUM_JSON_BYTES, decode_content=True)
        except HTTPError as error:
            raise self._put_into_words(error, sent=True) from None
        finally:
            response.close()
        try:
            return response.status, json.loads(content) if content else None
        except ValueError:
            return response.status, None

    def chunks(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        """Give a body as it arrives.

        Raises
        ------
        CutShortError
            If it ends before its announced end, or falls silent.
        """
        try:
            yield from response.stream(CHUNK_BYTES, decode_content=True)
        except (HTTPError, OSError) as error:
            raise self._put_into_words(error, sent=True) from None

    def close(self) -> None:
        """Close connections."""
        self._pool.clear()

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Iterable[bytes] | None = None
    ) -> BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                url,
                headers={**headers, **self._credentials()},
                body=body,
                preload_content=False,
                redirect=False,
            )
        except (HTTPError, OSError) as error:
            raise self._put_into_words(error, sent=False) from None

    def _credentials(self) -> dict[str, str]:
        """Read them anew each time: a token in a file is renewed by whoever keeps it."""
        pacs = self._pacs
        if pacs.token is not None:
            return {"Authorization": "Bearer " + read_key_material(pacs.token).decode().strip()}
        if pacs.password is not None:
            password = read_key_material(pacs.password).decode().rstrip("\r\n")
            return dict(urllib3.make_headers(basic_auth=f"{pacs.user}:{password}"))
        return {}

    def _redirected(self, url: str, response: BaseHTTPResponse) -> str:
        response.drain_conn()
        target = urljoin(url, response.headers.get("Location", ""))
        parts = urlsplit(target)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        if (parts.scheme, parts.hostname, port) != self._origin:
            raise RedirectedError("The PACS sends us on to another host, which is refused.")
        return target

    def _put_into_words(self, error: Exception, *, sent: bool) -> PacsError:
        where = f"{self.host}:{self.port}"
        if isinstance(error, NewConnectionError):
            return UnreachablePacsError(f"No connection to {where}.")
        cause = _ssl_cause(error)
        if cause is not None and not sent:
            return tls_error(cause, self.host, self.port)
        if isinstance(error, ReadOrConnectTimeoutError):
            if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
                return UnreachablePacsError(f"No connection to {where}.")
            return CutShortError("The PACS fell silent in the middle of an answer.")
        if not sent:
            self._look_closer()
        return CutShortError("The connection ended in the middle of an answer.")

    def _look_closer(self) -> None:
        """Find out whether a connection that ended without an answer ended because of TLS."""
        pacs = self._pacs
        if self._origin[0] == "https" and pacs.tls is not None:
            check_handshake(self.host, self.port, pacs.tls, pacs.timeout_s)
        if self._origin[0] == "http" and speaks_tls(self.host, self.port, pacs.timeout_s):
            raise tls_expected(self.host, self.port)


def answers_of(body: bytes) -> list[Any]:
    """Parse DICOM JSON.

    Raises
    ------
    UnreadableAnswerError
        If it is not a list of objects.
    """
    if not body.strip():
        return []
    try:
        answers = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableAnswerError("The PACS answered something else than DICOM JSON.") from None
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise UnreadableAnswerError("The PACS answered something else than DICOM JSON.")
    return answers


def _ssl_cause(error: BaseException | None) -> OSError | None:
    seen = 0
    while error is not None and seen < 6:  # noqa: PLR2004 - no chain of causes is longer
        if isinstance(error, ssl.SSLError):
            return error
        inner = error.args[0] if isinstance(error, WrappedSslError) and error.args else None
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
        seen += 1
    return None
