"""Free text as hospitals write it: `{span}` identifies, `[word]` is clinical and must stay."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.deid_quality.people import plain

if TYPE_CHECKING:
    import random

    from benchmarks.deid_quality.people import Person, Study

TEXTS = tomllib.loads((Path(__file__).parent / "data" / "phrases.toml").read_text("utf-8"))
MARK = re.compile(r"\{([^{}]+)\}|\[([^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with its identifying spans (span, what it is) and its clinical words."""

    text: str
    spans: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()


class Writer:
    """Writes phrases about one patient's study.

    Parameters
    ----------
    person, study
        Of whom and what.
    rng
        Chooses templates.
    """

    def __init__(self, person: Person, study: Study, rng: random.Random) -> None:
        self.person = person
        self.study = study
        self.rng = rng

    def description(self) -> Phrase:
        """Give a short text with something identifying."""
        return self.written(self._choose("descriptions"))

    def comment(self) -> Phrase:
        """Give one or two sentences with something identifying."""
        if self.study.age_years > 89 and self.rng.random() < 0.3:
            return self.written(TEXTS["old"])
        return self.written(self._choose("comments"))

    def clean(self) -> Phrase:
        """Give a short text without anything identifying."""
        return self.written(self.rng.choice(TEXTS["clean"]))

    def finding(self) -> Phrase:
        """Give a finding without anything identifying."""
        return self.written(self.rng.choice(TEXTS["findings"]))

    def _choose(self, table: str) -> str:
        own = self.person.language
        texts: list[str] = TEXTS[table][own if self.rng.random() < 0.6 else "en"]
        return self.rng.choice(texts)

    def written(self, template: str) -> Phrase:
        """Fill a template.

        Parameters
        ----------
        template
            With `{span}` and `[word]`.
        """
        spans: list[tuple[str, str]] = []
        words: list[str] = []

        def fill(match: re.Match[str]) -> str:
            if match[2]:
                words.append(match[2])
                return match[2]
            text, what = self.span(match[1])
            if what != "initial":
                spans.extend((one, what) for one in ([text] if what != "name" else _parts(text)))
            return text

        return Phrase(MARK.sub(fill, template), tuple(spans), tuple(words))

    def span(self, name: str) -> tuple[str, str]:
        """Give an identifying span, and what it is."""
        if name == "age":
            return f"{self.study.age_years}-year-old", "age"
        if name.startswith("dob"):
            return self._date(self.person.birth, name[3:].strip() or "-"), "date"
        if name.startswith("date"):
            return self._date(self.study.when.date(), name[4:].strip()), "date"
        return self._who(name)

    def _date(self, day: object, style: str) -> str:
        from datetime import date

        if not isinstance(day, date):
            raise TypeError(style)
        if style.startswith("words"):
            language = style[6:] or "en"
            month = TEXTS["months"][language][day.month - 1]
            return {
                "en": f"{month} {day.day}, {day.year}",
                "de": f"{day.day}. {month} {day.year}",
                "fr": f"{day.day} {month} {day.year}",
                "es": f"{day.day} de {month} de {day.year}",
            }[language]
        formats = {
            ".": "%d.%m.%Y",
            "/": "%d/%m/%Y",
            "8": "%Y%m%d",
            "dmy": "%d-%b-%Y",
            "mdy2": "%m/%d/%y",
            "us": "%B %d, %Y",
            "md": "%B %d",
            "my": "%B %Y",
            "iso": "%Y-%m-%d",
        }
        return day.strftime(formats.get(style, "%Y-%m-%d"))

    def _who(self, name: str) -> tuple[str, str]:
        person, study = self.person, self.study
        family, given = person.family, person.given
        doctor = study.performing.split("^")[0]
        table = {
            "FAMILY": (family.upper(), "name"),
            "family": (plain(family).lower(), "name"),
            "Fam, Giv": (f"{family}, {given}", "name"),
            "Fam": (family, "name"),
            "Giv": (given, "name"),
            "G": (f"{given[0]}.", "initial"),
            "PLAIN": (_typed(family).upper(), "name"),
            "STRANGER": (study.stranger.upper(), "name"),
            "stranger": (study.stranger, "name"),
            "Prof ref": (f"Prof. {study.referring.split('^')[0]}", "name"),
            "town": (person.town, "place"),
            "host": (f"pacs.{study.town.lower()}.example", "place"),
            "Fam Giv": (f"{family} {given}", "name"),
            "Giv Fam": (f"{given} {family}", "name"),
            "FAMILY GIVEN": (f"{family} {given}".upper(), "name"),
            "PN": (f"{family}^{given}", "name"),
            "ini": (f"{given[0]}.{family[0]}.", "initials"),
            "typo": (self._typo(family), "name"),
            "Dr doc": (f"Dr. {doctor}", "name"),
            "Dr ref": (f"Dr. {study.referring.split('^')[0]}", "name"),
            "op": (study.operator.split("^")[0], "name"),
            "Mr stranger": (f"Mr. {study.stranger}", "name"),
            "hospital": (study.hospital, "place"),
            "id": (person.patient_id, "id"),
            "other": (person.other_id, "id"),
            "ssn": (person.ssn, "id"),
            "accession": (study.accession, "id"),
            "phone": (person.phone, "phone"),
            "email": (person.email, "phone"),
            "address": (person.address, "place"),
        }
        return table[name]

    def _typo(self, family: str) -> str:
        if len(family) < 6:
            return family
        place = self.rng.randrange(2, len(family) - 2)
        return family[:place] + family[place + 1] + family[place] + family[place + 2 :]


def _typed(family: str) -> str:
    """Write a name as a keyboard without umlauts does: ue for ü."""
    for letter, two in (("ü", "ue"), ("ö", "oe"), ("ä", "ae"), ("Ü", "Ue"), ("ß", "ss")):
        family = family.replace(letter, two)
    return plain(family)


def _parts(text: str) -> list[str]:
    """Split a name into what a reader would know the person by."""
    words = re.split(r"[\s,^]+", text)
    return [one for one in words if len(one) >= 3 and one not in {"Dr.", "Mr.", "der", "van"}]
