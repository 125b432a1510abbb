"""What a command prints: one JSON document for machines, aligned plain words for people.

The words come from the report itself: a field ``elapsed_s`` becomes "elapsed" with seconds, a
tuple of like records becomes a table. So a new field of a report shows without new code.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.agent.doctor import CheckItem
    from fedpacs.pacs.ports import ProbeStep

_NOT_A_TERMINAL_WIDTH = 160


def stdout() -> Console:
    """Console on stdout; wide and without colour when it is not a terminal."""
    return _console(stderr=False)


def stderr() -> Console:
    """Console on stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _NOT_A_TERMINAL_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def plain(value: object) -> Any:  # noqa: ANN401 - JSON data is what it is
    """Turn a report into what JSON can say.

    Raises
    ------
    TypeError
        For anything that is not plain data: it does not belong into a report.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f for f in dataclasses.fields(value) if not f.name.startswith("_"))
        return {f.name: plain(getattr(value, f.name)) for f in fields}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    return _plain_other(value)


def _plain_other(value: object) -> Any:  # noqa: ANN401 - JSON data is what it is
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, AbstractSet):
        return sorted(plain(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [plain(item) for item in value]
    raise TypeError(type(value).__name__)


def show(
    report: object,
    *,
    as_json: bool = False,
    next_step: str = "",
    omit: frozenset[str] = frozenset(),
) -> None:
    """Print a report.

    Parameters
    ----------
    report
        A frozen dataclass, a mapping or a sequence of them.
    as_json
        One JSON document instead of words.
    next_step
        What a person most likely does now.
    omit
        Fields that only machines are shown.
    """
    data = plain(report)
    if as_json:
        print_json(data)
        return
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key not in omit}
    console = stdout()
    _show(console, data, "")
    if next_step:
        say(console, "")
        say(console, f"Next: {next_step}")


def print_json(data: object) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def say(console: Console, line: str | Text) -> None:
    """Print one line and let the terminal wrap it, so that commands can be copied."""
    console.print(line, soft_wrap=True)


def show_checks(items: Iterable[CheckItem], *, verbose: bool = True) -> None:
    """Print checks as a list with a mark, a name and what to do.

    Parameters
    ----------
    verbose
        Also those that passed.
    """
    console = stdout()
    for item in items:
        if item.passed and not verbose:
            continue
        mark, style = _MARKS[(item.passed, getattr(item, "required", True))]
        line = Text.assemble((mark, style), " ", item.name)
        if item.advice and item.passed:
            line.append(f"  {item.advice}", "dim")
        say(console, line)
        if item.advice and not item.passed:
            say(console, Text(f"       {item.advice}  [{item.code}]", style))


def show_steps(steps: Iterable[ProbeStep]) -> None:
    """Print the rungs of a probe; the advice on a broken one is left to the error."""
    console = stdout()
    for step in steps:
        mark, style = _MARKS[(step.passed, True)]
        note = value_text("elapsed_s", step.elapsed_s) if step.passed else f"[{step.code}]"
        say(console, Text.assemble((mark, style), " ", step.name, "  ", (note, "dim")))
        if step.passed and step.advice:
            say(console, Text(f"       {step.advice}", "dim"))


_MARKS = {
    (True, True): ("  ok  ", "green"),
    (True, False): ("  ok  ", "green"),
    (False, True): (" FAIL ", "bold red"),
    (False, False): (" note ", "yellow"),
}


def words(name: str) -> str:
    """Read a field name aloud: without its unit, with blanks."""
    for unit in _SUFFIXES:
        name = name.removesuffix(unit)
    return name.replace("_", " ")


_SUFFIXES = ("_s", "_bytes", "_mm", "_days")


def value_text(name: str, value: object) -> str:
    """Write a value with the unit that its field's name carries."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(name, value)
    return str(value)


def _number(name: str, value: float) -> str:
    if name.endswith("_s") and isinstance(value, float):
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
    if "bytes" in name:
        return _size(value)
    if name.endswith(("_mm", "_days")):
        return f"{value:g} {name.rpartition('_')[2]}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _size(value: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.1f} {unit}"
    return f"{value:.0f} B"


def _show(console: Console, data: Any, indent: str) -> None:  # noqa: ANN401 - JSON data
    if isinstance(data, list):
        _show_list(console, data, indent)
        return
    if not isinstance(data, dict):
        say(console, f"{indent}{value_text('', data)}")
        return
    simple = {k: v for k, v in data.items() if not isinstance(v, (dict, list))}
    width = max((len(words(key)) for key in simple), default=0)
    for key, value in data.items():
        if key in simple:
            say(console, f"{indent}{words(key):<{width}}  {value_text(key, value)}")
        elif not value:
            say(console, f"{indent}{words(key):<{width}}  none")
        elif isinstance(value, list) and not isinstance(value[0], dict):
            say(console, f"{indent}{words(key):<{width}}  {_cell(key, value)}")
        else:
            say(console, f"{indent}{words(key)}")
            _show(console, value, indent + "  ")


def _show_list(console: Console, rows: list[Any], indent: str) -> None:
    if not rows or not all(isinstance(row, dict) for row in rows):
        for row in rows:
            _show(console, row, indent)
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for key in dict.fromkeys(key for row in rows for key in row):
        right = all(_is_number(row.get(key)) for row in rows)
        table.add_column(words(key), justify="right" if right else "left", overflow="fold")
    for row in rows:
        cells = {words(key): _cell(key, value) for key, value in row.items()}
        table.add_row(*(Text(cells.get(str(column.header), "-")) for column in table.columns))
    console.print(Padding.indent(table, len(indent)))
    say(console, "")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(key: str, value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {value_text(k, v)}" for k, v in value.items()) or "-"
    if isinstance(value, list):
        # no thousands separator here: a comma already separates the items
        items = (str(v) if isinstance(v, int) else value_text(key, v) for v in value)
        return ", ".join(items) or "-"
    return value_text(key, value)
