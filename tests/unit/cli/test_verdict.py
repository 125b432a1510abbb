from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import typer

from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import RecordsError


@dataclass(frozen=True, slots=True)
class Report:
    ok: bool
    entries: int


ERROR = RecordsError("The book cannot be believed.", hint="Stop.")


def test_a_good_report_ends_quietly(capsys):
    conclude(Report(True, 3), None, lambda: print("words"), as_json=False)  # noqa: T201 - the command prints
    assert capsys.readouterr() == ("words\n", "")
    conclude(Report(True, 3), None, lambda: print("words"), as_json=True)  # noqa: T201 - the command prints
    assert json.loads(capsys.readouterr().out) == {"ok": True, "entries": 3}


def test_a_bad_report_is_printed_before_its_error(capsys):
    with pytest.raises(typer.Exit) as end:
        conclude(Report(False, 3), ERROR, lambda: print("words"), as_json=False)  # noqa: T201 - the command prints
    assert end.value.exit_code == 25
    out, err = capsys.readouterr()
    assert out == "words\n"
    assert err == "error[records.failed]: The book cannot be believed.\nnext: Stop.\n"


def test_for_machines_the_error_joins_the_report_in_one_document(capsys):
    with pytest.raises(typer.Exit) as end:
        conclude(Report(False, 3), ERROR, lambda: print("words"), as_json=True)  # noqa: T201 - the command prints
    assert end.value.exit_code == 25
    out, err = capsys.readouterr()
    assert json.loads(out) == {"ok": False, "entries": 3, **ERROR.as_dict()}
    assert err == ""
