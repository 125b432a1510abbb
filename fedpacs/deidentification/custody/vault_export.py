"""Export of a vault: codes and old values as a table, by two custodians together, never unlogged.

The vault's key reads codes only. Old values open with the private keys of both custodians at
once. A line in the vault's export log is on the disk before the table is.
"""

from __future__ import annotations

import csv
import hmac
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fedpacs.crypto.custodians import Custodian
from fedpacs.crypto.errors import BrokenSealError, NotRecipientError
from fedpacs.crypto.splitting import SplitKey, joined_sealer
from fedpacs.deidentification.custody.errors import (
    CustodiansError,
    ExportRefusedError,
    VaultDamagedError,
    VaultExistsError,
    VaultUnwritableError,
)
from fedpacs.deidentification.custody.vault import row_mac
from fedpacs.deidentification.custody.vault_file import (
    VaultKeys,
    check_meta,
    connect,
    transaction,
    translated,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from fedpacs.crypto.custodians import CustodianKey
    from fedpacs.crypto.sealing import Sealer

COLUMNS = ("kind", "purpose", "code", "original")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS = "SELECT digest, code, session, sealed, mac FROM codes ORDER BY number"


@dataclass(frozen=True, slots=True)
class ExportLine:
    """One line of the export log.

    Attributes
    ----------
    number
        1 for the first export.
    time
        When, UTC.
    codes
        How many rows were handed out.
    custodians
        Fingerprints of the keys that opened the vault.
    """

    number: int
    time: str
    codes: int
    custodians: tuple[str, ...]


def export_vault(
    path: Path, key: bytes, custodians: Sequence[CustodianKey], to: Path
) -> ExportLine:
    """Write which old value each code stands for.

    Parameters
    ----------
    path
        The vault.
    key
        Its key.
    custodians
        Private keys of both custodians, in any order.
    to
        New file, CSV with the columns of `COLUMNS`, mode 0600. Identified.

    Returns
    -------
    ExportLine
        What the log says about it.

    Raises
    ------
    ExportRefusedError
        If the keys are not those of the vault's two custodians.
    CustodiansError
        If the vault was made without custodians: it holds no old values.
    VaultExistsError, VaultUnwritableError
        If there is a file at `to` already, or it cannot be written.
    VaultDamagedError
        If a row was changed; no table is left then.
    VaultMissingError, VaultExposedError, VaultKeyError
        As `fedpacs.deidentification.custody.vault.Vault.open`.
    """
    keys = VaultKeys(key)
    connection = connect(path)
    try:
        identity, certificates = check_meta(connection, keys)
        first, second = _in_order(certificates, custodians)
        sealers = _sealers(connection, identity, first, second)
        read_log(connection, keys)
        (codes,) = connection.execute("SELECT count(sealed) FROM codes").fetchone()
        if to.exists():
            raise VaultExistsError("There is a file where the table should be written.")
        line = _log(connection, keys, codes, (first.fingerprint, second.fingerprint))
        _publish(to, _rows(connection, keys, identity, sealers))
    finally:
        connection.close()
    return line


def export_log(path: Path, key: bytes) -> tuple[ExportLine, ...]:
    """Read the export log of a vault, and see that no line of it was changed or taken out.

    What the vault alone cannot show is that its newest lines were cut off.

    Raises
    ------
    VaultDamagedError
        If a line was changed.
    VaultMissingError, VaultExposedError, VaultKeyError
        As `fedpacs.deidentification.custody.vault.Vault.open`.
    """
    keys = VaultKeys(key)
    connection = connect(path)
    try:
        check_meta(connection, keys)
        return read_log(connection, keys)
    finally:
        connection.close()


def read_log(connection: sqlite3.Connection, keys: VaultKeys) -> tuple[ExportLine, ...]:
    """Read and check the export log of an open vault."""
    with translated():
        rows = connection.execute("SELECT number, line, mac FROM exports ORDER BY number")
        found, before = [], b""
        for expected, (number, line, mac) in enumerate(rows, start=1):
            if number != expected or not hmac.compare_digest(mac, _line_mac(keys, before, line)):
                raise VaultDamagedError("The export log of the vault was changed.")
            told = json.loads(line)
            found.append(ExportLine(number, told["time"], told["codes"], tuple(told["custodians"])))
            before = mac
    return tuple(found)


def _in_order(
    certificates: Sequence[bytes], custodians: Sequence[CustodianKey]
) -> tuple[CustodianKey, CustodianKey]:
    if not certificates:
        raise CustodiansError(
            "The vault was made without custodians, so it holds no old values.",
            hint="Nobody can export it. Make the next vault with two --custodian.",
        )
    held = {key.fingerprint: key for key in custodians}
    wanted = [Custodian.of_pem(pem).fingerprint for pem in certificates]
    if set(held) != set(wanted):
        present = len(set(held) & set(wanted))
        raise ExportRefusedError(f"{present} of the two custodians' private keys were given.")
    return held[wanted[0]], held[wanted[1]]


def _sealers(
    connection: sqlite3.Connection, identity: bytes, first: CustodianKey, second: CustodianKey
) -> dict[int, Sealer]:
    with translated():
        rows = connection.execute("SELECT number, first, second FROM sessions").fetchall()
    try:
        return {
            number: joined_sealer(SplitKey(one, other), first, second, identity)
            for number, one, other in rows
        }
    except NotRecipientError:
        raise VaultDamagedError("The shares of a session were changed.") from None


def _rows(
    connection: sqlite3.Connection, keys: VaultKeys, identity: bytes, sealers: dict[int, Sealer]
) -> Iterator[tuple[str, str, str, str]]:
    with translated():
        for digest, code, session, sealed, mac in connection.execute(_ROWS):
            if not hmac.compare_digest(mac, row_mac(keys, digest, code, (session, sealed))):
                raise VaultDamagedError("A row of the vault was changed.")
            if sealed is None:
                continue
            try:
                content = sealers[session].open(sealed, identity + digest + code.encode())
            except (KeyError, BrokenSealError):
                raise VaultDamagedError("An old value of the vault cannot be opened.") from None
            kind, purpose, old = json.loads(content)
            yield kind, purpose, code, old


def _publish(to: Path, rows: Iterable[tuple[str, str, str, str]]) -> None:
    part = to.with_name(f".{to.name}.{secrets.token_hex(8)}.part")
    try:
        _write(part, rows)
        os.link(part, to)
    except FileExistsError:
        raise VaultExistsError("There is a file where the table should be written.") from None
    except OSError as error:
        raise VaultUnwritableError(f"The table cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            part.unlink()


def _write(part: Path, rows: Iterable[tuple[str, str, str, str]]) -> None:
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(
        descriptor, "w", encoding="utf-8", errors="backslashreplace", newline=""
    ) as handle:
        writer = csv.writer(handle, quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        writer.writerows([*row[:3], _harmless(row[3])] for row in rows)
        handle.flush()
        os.fsync(handle.fileno())


def _harmless(old: str) -> str:
    """Keep a spreadsheet from running what a Patient ID might say."""
    return f"'{old}" if old.startswith(_FORMULA) else old


def _log(
    connection: sqlite3.Connection, keys: VaultKeys, codes: int, custodians: tuple[str, ...]
) -> ExportLine:
    with transaction(connection):
        last = connection.execute(
            "SELECT number, mac FROM exports ORDER BY number DESC LIMIT 1"
        ).fetchone()
        number, before = last or (0, b"")
        time = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"time": time, "codes": codes, "custodians": list(custodians)})
        connection.execute(
            "INSERT INTO exports VALUES (?, ?, ?, ?)",
            (number + 1, time, line, _line_mac(keys, before, line)),
        )
    return ExportLine(number + 1, time, codes, custodians)


def _line_mac(keys: VaultKeys, before: bytes, line: str) -> bytes:
    return keys.mac(b"export", before, line.encode())
