"""The site's own rules: its names of series to codes, in a TOML file that people edit too."""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from fedpacs.config.load import FaultyConfigError, FileUnreadableError, Frozen, load
from fedpacs.quality.errors import BadMappingError
from fedpacs.quality.pictures import text
from fedpacs.quality.standardisation.naming import name_of
from fedpacs.quality.standardisation.vocabulary import FIELDS, UNKNOWN, values
from fedpacs.quality.standardisation.words import comparable

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

_HEADING = (
    "# Rules of this site: names of series to codes. They hold the site's own words, so keep\n"
    "# the file here. Of all rules that fit, the one with the highest priority counts, field by\n"
    "# field. docs/how-to/standardise-series.md explains them.\n"
)
_CODED = tuple(f for f in FIELDS if f != "modality")


class Rule(Frozen):
    """One rule; it fits when all that it names fits."""

    series: str | None = None
    """Series Description, compared without case, accents, punctuation and bare numbers."""
    protocol: str | None = None
    """Protocol Name, compared in the same way."""
    regex: str | None = None
    """Regular expression found anywhere in Series Description or Protocol Name, without case."""
    modality: Annotated[str, Field(pattern=r"^[A-Z]{2,16}$")] | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    """Language of the name; for the reader."""
    priority: Annotated[int, Field(ge=0, le=1000)] = 100
    origin: Literal["written", "answered"] = "written"
    body_part: str | None = None
    contrast: str | None = None
    phase: str | None = None
    plane: str | None = None
    sequence: str | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Rule:
        if self.series is None and self.protocol is None and self.regex is None:
            msg = "a rule needs `series`, `protocol` or `regex`"
            raise ValueError(msg)
        if self.regex is not None:
            _compiled(self.regex)
        said = [(f, v) for f in _CODED if (v := getattr(self, f)) is not None]
        if not said:
            msg = f"a rule says at least one of {', '.join(_CODED)}"
            raise ValueError(msg)
        wrong = [f for f, v in said if v != UNKNOWN and v not in values(f)]
        if wrong:
            msg = f"no value of the vocabulary: {', '.join(wrong)}"
            raise ValueError(msg)
        return self

    def fits(self, header: Dataset) -> bool:
        """Tell whether the rule speaks of a series."""
        series, protocol = name_of(header, "SeriesDescription"), name_of(header, "ProtocolName")
        if self.modality is not None and self.modality != text(header, "Modality"):
            return False
        if self.series is not None and literal(self.series) != literal(series):
            return False
        if self.protocol is not None and literal(self.protocol) != literal(protocol):
            return False
        if self.regex is None:
            return True
        pattern = _compiled(self.regex)
        return any(pattern.search(name) for name in (series, protocol))


class _File(Frozen):
    rule: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """All rules of a site."""

    rules: tuple[Rule, ...] = ()

    def says(self, header: Dataset) -> list[tuple[str, str]]:
        """Give what the rules say of a series: field and value.

        Two rules of the same priority that contradict each other are both given; the contradiction
        is a conflict, not a choice.
        """
        fitting = [rule for rule in self.rules if rule.fits(header)]
        said: list[tuple[str, str]] = []
        for field in _CODED:
            ranked = [(r.priority, v) for r in fitting if (v := getattr(r, field)) is not None]
            if ranked:
                highest = max(priority for priority, _ in ranked)
                said += [(field, v) for v in sorted({v for p, v in ranked if p == highest})]
        return said


def literal(name: str) -> str:
    """Make a name comparable as a whole; numbers that stand alone count series, not protocols."""
    return " ".join(word for word in comparable(name) if not word.isdigit())


def load_mapping(path: Path) -> Mapping:
    """Read the rules of a site; a file that is not there has none.

    Raises
    ------
    BadMappingError
        With every fault of the file, by its place; no rule of a faulty file is used.
    """
    if not path.exists():
        return Mapping()
    try:
        return Mapping(load(_File, path).rule)
    except FaultyConfigError as error:
        places = "; ".join(f"{fault.where}: {fault.what}" for fault in error.faults)
        raise BadMappingError(f"The mapping of series names has faults: {places}.") from None
    except FileUnreadableError:
        # the parser's message would quote the site's own words
        raise BadMappingError("The mapping of series names is no readable TOML file.") from None


def add_rule(path: Path, rule: Rule) -> None:
    """Append a rule, with the file locked, on disk before this returns.

    Raises
    ------
    BadMappingError
        If the file that is there is faulty.
    """
    import tomli_w

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        load_mapping(path)
        table = {k: v for k, v in rule.model_dump(mode="json").items() if v is not None}
        kept = path.read_text("utf-8") if path.exists() else _HEADING
        written = tomli_w.dumps({"rule": [table]}) if not kept else _array_item(table)
        new = path.with_name(f".{path.name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(kept.rstrip("\n") + "\n\n" + written)
            handle.flush()
            os.fsync(handle.fileno())
        new.replace(path)


def _array_item(table: dict[str, object]) -> str:
    import tomli_w

    return "[[rule]]\n" + tomli_w.dumps(table)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error:
        msg = "`regex` is no regular expression"
        raise ValueError(msg) from None
