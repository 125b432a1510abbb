"""The vault: random codes in place of keyed pseudonyms, where law wants codes derived from nothing.

A code is drawn once, from the system's random source, and remembered: the same old value has the
same code for every worker and every run with this vault. Old values are known only to the two
custodians together, by `fedpacs.deidentification.custody.vault_export`.

References
----------
45 CFR 164.514(c)(1): a code may not be derived from or related to information about the
individual; (c)(2): nor may the mechanism for re-identification be disclosed. PS3.5 B.2.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.crypto.custodians import Custodian
from fedpacs.crypto.errors import EmptyIdentityError
from fedpacs.crypto.pseudonyms import MAXIMUM_SHIFT_WEEKS
from fedpacs.crypto.splitting import split_sealer
from fedpacs.deidentification.custody.errors import CustodiansError, VaultDamagedError
from fedpacs.deidentification.custody.vault_file import (
    VaultKeys,
    check_meta,
    connect,
    create_file,
    transaction,
    translated,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Self

    from fedpacs.crypto.sealing import Sealer

CUSTODIANS = 2
_CACHED_CODES = 20_000
_BASE32_BYTES = 10
_UUID_MASK = ~((0xF << 76) | (0x3 << 62))
_UUID_VERSION_8 = (0x8 << 76) | (0x2 << 62)


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """What a vault holds, in numbers.

    Attributes
    ----------
    custodians
        Fingerprints of the two who must export together; none if it can never be exported.
    exports
        How often it was exported.
    """

    codes: int
    sealed: int
    custodians: tuple[str, ...]
    exports: int


class Vault:
    """An open vault; answers as `fedpacs.crypto.pseudonyms.Pseudonymiser` does.

    Each process opens its own. `repr` shows nothing of what is inside.
    """

    __slots__ = (
        "_cache", "_certificates", "_connection", "_identity", "_keys", "_lock", "_older",
        "_sealer", "_session",
    )  # fmt: skip

    def __init__(self, connection: sqlite3.Connection, keys: VaultKeys) -> None:
        self._connection = connection
        self._keys = keys
        self._identity, self._certificates = check_meta(connection, keys)
        self._lock = threading.Lock()
        self._cache: dict[bytes, str] = {}
        self._older: dict[bytes, str] = {}
        self._sealer: Sealer | None = None
        self._session = 0

    @classmethod
    def create(cls, path: Path, key: bytes, custodians: Sequence[Custodian] = ()) -> None:
        """Make an empty vault.

        Parameters
        ----------
        key
            32 random bytes or more.
        custodians
            Two different ones, who can export the vault together; or none, and then nobody can
            ever: old values are not stored at all.

        Raises
        ------
        CustodiansError
            If there is one, more than two, or twice the same.
        VaultExistsError, VaultUnwritableError
            If there is something at the path already, or it cannot be written.
        KeyWeakError
            If the key is short or not random.
        """
        different = len({custodian.fingerprint for custodian in custodians})
        if len(custodians) not in {0, CUSTODIANS} or different != len(custodians):
            raise CustodiansError("A vault has two different custodians, or none.")
        create_file(path, VaultKeys(key), [custodian.pem for custodian in custodians])

    @classmethod
    def open(cls, path: Path, key: bytes) -> Self:
        """Open a vault.

        Raises
        ------
        VaultMissingError, VaultExposedError, VaultDamagedError
            If it is not there, open to others, or not a vault.
        VaultKeyError
            If it was made with another key.
        """
        keys = VaultKeys(key)
        connection = connect(path)
        try:
            return cls(connection, keys)
        except BaseException:
            connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and forget the key that sealed this process's old values."""
        self._sealer = None
        self._connection.close()

    def uid(self, old: str) -> str:
        """Give the code of a UID: ``2.25.`` and a random version 8 UUID (122 bits)."""
        return self._code("uid", "", old.strip(" \0"), _random_uid)

    def patient(self, old_patient_id: str) -> str:
        """Give the patient's code: ``P-`` and 16 random base32 characters (80 bits)."""
        return self._code("patient", "", _normal(old_patient_id), lambda: "P-" + _random_base32())

    def identifier(self, purpose: str, old: str) -> str:
        """Give the code of an identifier: 16 random base32 characters."""
        return self._code("identifier", purpose, _normal(old), _random_base32)

    def shift_days(self, old_patient_id: str) -> int:
        """Give the days to add to the patient's dates: one to 261 whole weeks, into the past."""
        return int(self._code("date-shift", "", _normal(old_patient_id), _random_shift))

    def status(self) -> VaultStatus:
        """Count what the vault holds."""
        with translated():
            codes, sealed = self._connection.execute(
                "SELECT count(*), count(sealed) FROM codes"
            ).fetchone()
            (exports,) = self._connection.execute("SELECT count(*) FROM exports").fetchone()
        custodians = tuple(Custodian.of_pem(c).fingerprint for c in self._certificates)
        return VaultStatus(codes, sealed, custodians, exports)

    def __repr__(self) -> str:
        return "Vault()"

    def __reduce__(self) -> str:
        msg = "each process opens the vault itself"
        raise TypeError(msg)

    def _code(self, kind: str, purpose: str, old: str, draw: Callable[[], str]) -> str:
        if not old:
            raise EmptyIdentityError(f"There is no value to draw a code ({kind}) for.")
        digest = self._keys.digest(kind, purpose, old)
        code = self._cache.get(digest)
        if code is not None:
            return code
        with self._lock:
            code = self._older.get(digest) or self._find(digest)
            if code is None:
                code = self._draw_or_forget(digest, (kind, purpose, old), draw)
            self._remember(digest, code)
        return code

    def _find(self, digest: bytes) -> str | None:
        with translated():
            row = self._connection.execute(
                "SELECT code, session, sealed, mac FROM codes WHERE digest = ?", (digest,)
            ).fetchone()
        if row is None:
            return None
        code, session, sealed, mac = row
        if not hmac.compare_digest(mac, row_mac(self._keys, digest, code, (session, sealed))):
            raise VaultDamagedError("A row of the vault was changed.")
        return str(code)

    def _draw_or_forget(
        self, digest: bytes, value: tuple[str, str, str], draw: Callable[[], str]
    ) -> str:
        try:
            return self._draw(digest, value, draw)
        except BaseException:
            self._sealer = None  # its session may not have been kept
            raise

    def _draw(self, digest: bytes, value: tuple[str, str, str], draw: Callable[[], str]) -> str:
        with transaction(self._connection):
            found = self._find(digest)  # another process may have been first
            if found is not None:
                return found
            code = draw()
            sealed = self._seal(value, digest + code.encode())
            mac = row_mac(self._keys, digest, code, (self._session, sealed))
            self._connection.execute(
                "INSERT INTO codes (digest, code, session, sealed, mac) VALUES (?, ?, ?, ?, ?)",
                (digest, code, self._session, sealed, mac),
            )
        return code

    def _seal(self, value: tuple[str, str, str], context: bytes) -> bytes | None:
        if not self._certificates:
            return None
        if self._sealer is None:
            self._sealer, self._session = self._begin_session()
        content = json.dumps(value).encode(
            "ascii"
        )  # lone surrogates of odd text survive as escapes
        return self._sealer.seal(content, self._identity + context)

    def _begin_session(self) -> tuple[Sealer, int]:
        """Draw this process's own data key; only its shares for the custodians are kept."""
        first, second = (Custodian.of_pem(pem) for pem in self._certificates)
        sealer, split = split_sealer(first, second, self._identity)
        cursor = self._connection.execute(
            "INSERT INTO sessions (first, second) VALUES (?, ?)", (split.first, split.second)
        )
        return sealer, cursor.lastrowid or 0

    def _remember(self, digest: bytes, code: str) -> None:
        # two generations: what is in use stays, and memory stays flat
        if len(self._cache) >= _CACHED_CODES:
            self._older, self._cache = self._cache, {}
        self._cache[digest] = code


def row_mac(keys: VaultKeys, digest: bytes, code: str, rest: tuple[int, bytes | None]) -> bytes:
    """Give the authentication code of a row of codes."""
    session, sealed = rest
    return keys.mac(b"code", digest, code.encode(), session.to_bytes(8, "big"), sealed or b"")


def _normal(old: str) -> str:
    return unicodedata.normalize("NFC", old).strip(" \0")


def _random_uid() -> str:
    return f"2.25.{secrets.randbits(128) & _UUID_MASK | _UUID_VERSION_8}"


def _random_base32() -> str:
    return base64.b32encode(secrets.token_bytes(_BASE32_BYTES)).decode("ascii")


def _random_shift() -> str:
    return str(-7 * (1 + secrets.randbelow(MAXIMUM_SHIFT_WEEKS)))
