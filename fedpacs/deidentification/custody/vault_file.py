"""The vault's file: one SQLite database, mode 0600, safe for many processes and a kill at any time.

Every row carries an authentication code under the vault's key, so a row that was changed, or moved
from another vault, is noticed when it is read. An old value is never in it: only a keyed digest
of it and, where there are custodians, the value sealed to both of them together.

References
----------
RFC 2104; https://sqlite.org/wal.html.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fedpacs.crypto.keys import check_strength
from fedpacs.deidentification.custody.errors import (
    VaultBusyError,
    VaultDamagedError,
    VaultExistsError,
    VaultExposedError,
    VaultKeyError,
    VaultMissingError,
    VaultUnwritableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

APPLICATION_ID = 0x46505654
"""``FPVT``, in the header of the file."""
FORMAT = 1
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BUSY_S = 120.0
_DIGEST_BYTES = 16
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE codes (
    number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, code TEXT NOT NULL,
    session INTEGER NOT NULL, sealed BLOB, mac BLOB NOT NULL);
CREATE TABLE sessions (number INTEGER PRIMARY KEY, first BLOB NOT NULL, second BLOB NOT NULL);
CREATE TABLE exports (
    number INTEGER PRIMARY KEY, time TEXT NOT NULL, line TEXT NOT NULL, mac BLOB NOT NULL);
"""
_OWN_LOCK_CODES = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY"}
_DISK_CODES = {"SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR"}


class VaultKeys:
    """The keys that follow from the vault's key: each for one purpose.

    Raises
    ------
    KeyWeakError
        If the key is short or not random.
    """

    __slots__ = ("_digest", "_mac")

    def __init__(self, key: bytes) -> None:
        check_strength(key, "The vault's key")
        self._digest = hmac.new(_derive(key, b"digest"), digestmod=hashlib.sha256)
        self._mac = hmac.new(_derive(key, b"mac"), digestmod=hashlib.sha256)

    def digest(self, *parts: str) -> bytes:
        """Give the keyed digest of an old value and its purpose, 16 bytes."""
        return _keyed(self._digest, [p.encode("utf-8", "surrogatepass") for p in parts])

    def mac(self, *parts: bytes) -> bytes:
        """Give the authentication code of a row, 16 bytes."""
        return _keyed(self._mac, parts)

    def __repr__(self) -> str:
        return "VaultKeys()"


def _derive(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"fedpacs vault v1|" + purpose, "sha256")


def _keyed(keyed: hmac.HMAC, parts: Sequence[bytes]) -> bytes:
    keyed = keyed.copy()
    for part in parts:
        keyed.update(len(part).to_bytes(8, "big") + part)
    return keyed.digest()[:_DIGEST_BYTES]


def create_file(path: Path, keys: VaultKeys, certificates: Sequence[bytes]) -> None:
    """Make an empty vault; it appears complete or not at all.

    Parameters
    ----------
    certificates
        PEM of both custodians, or none.

    Raises
    ------
    VaultExistsError
        If there is anything at the path already.
    VaultUnwritableError
        If it cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        with translated(), _closing(sqlite3.connect(part, isolation_level=None)) as connection:
            _fill(connection, keys, certificates)
        os.link(part, path)
        _flush_folder(path.parent)
    except FileExistsError:
        raise VaultExistsError("There is a file at the vault's path already.") from None
    except OSError as error:
        raise VaultUnwritableError(f"A vault cannot be made: {error.strerror}.") from None
    finally:
        for name in (part, *(part.with_name(part.name + end) for end in ("-wal", "-shm"))):
            with suppress(OSError):
                name.unlink()


def _fill(connection: sqlite3.Connection, keys: VaultKeys, certificates: Sequence[bytes]) -> None:
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    identity = secrets.token_bytes(16)
    rows = [("identity", identity), *((f"custodian {i}", c) for i, c in enumerate(certificates))]
    rows.append(("check", keys.mac(b"meta", identity, *certificates)))
    connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    connection.execute("PRAGMA journal_mode = WAL")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file of a vault for reading and writing.

    Raises
    ------
    VaultMissingError, VaultExposedError, VaultDamagedError
        If it is not there, open to others, or not a vault.
    """
    try:
        status = path.stat()
    except OSError:
        raise VaultMissingError("There is no vault at the path that was given.") from None
    if not stat.S_ISREG(status.st_mode):
        raise VaultDamagedError("The vault's path is not a plain file.")
    if status.st_mode & _OTHERS:
        raise VaultExposedError(f"The vault has mode {stat.S_IMODE(status.st_mode):04o}, not 0600.")
    with translated():
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) != (APPLICATION_ID, FORMAT):
        raise VaultDamagedError("The file is not a vault of this version.")
    # every code is on the disk before a file that bears it can be
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -8000")
    connection.execute("PRAGMA trusted_schema = OFF")


def check_meta(connection: sqlite3.Connection, keys: VaultKeys) -> tuple[bytes, tuple[bytes, ...]]:
    """Give the vault's identity and its custodians' certificates, if the key is the right one.

    Raises
    ------
    VaultKeyError
        If the vault was made with another key, or its head was changed.
    """
    with translated():
        meta = dict(connection.execute("SELECT name, value FROM meta ORDER BY name").fetchall())
    certificates = tuple(value for name, value in meta.items() if name.startswith("custodian "))
    expected = keys.mac(b"meta", meta.get("identity", b""), *certificates)
    if not hmac.compare_digest(meta.get("check", b""), expected):
        raise VaultKeyError("The vault was made with another key, or its head was changed.")
    return meta["identity"], certificates


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the only write lock; all of the block is kept, or nothing."""
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLite says into errors of ours; its texts are not repeated."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name in _OWN_LOCK_CODES:
            raise VaultBusyError("The vault stayed locked by another process.") from None
        if any(name.startswith(code) for code in _DISK_CODES):
            raise VaultUnwritableError("The vault cannot be written.") from None
        raise VaultDamagedError("The vault cannot be read.") from None


@contextmanager
def _closing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        connection.close()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
