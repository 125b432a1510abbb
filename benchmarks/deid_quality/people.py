"""Invented patients, their studies and the people around them, in many scripts."""

from __future__ import annotations

import datetime as dt
import random
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = "1.3.6.1.4.1.99999.7"  # not registered: no real object has such a UID
CODECS = {
    "": "latin-1",
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 148": "iso8859-9",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "\\ISO 2022 IR 87": "iso2022_jp",
    "\\ISO 2022 IR 149": "euc_kr",
}
INVENTED = tomllib.loads((Path(__file__).parent / "data" / "people.toml").read_text("utf-8"))
# Names of physicians must fit every patient's character set
ASCII = [one for one in INVENTED["surnames"] if one.isascii()]


def plain(text: str) -> str:
    """Take the accents off, as a typist at a modality does."""
    folded = unicodedata.normalize("NFKD", text.replace("\u0131", "i").replace("ß", "ss"))
    return "".join(one for one in folded if not unicodedata.combining(one))


@dataclass(frozen=True, slots=True)
class Person:
    """A patient: everything here identifies, but the language and the sex."""

    key: str
    name: str
    charset: str
    language: str
    birth: dt.date
    sex: str
    patient_id: str
    other_id: str
    ssn: str
    phone: str
    email: str
    street: str
    town: str

    @property
    def family(self) -> str:
        """Family name of the first component group."""
        return self.name.split("=")[0].split("^")[0]

    @property
    def given(self) -> str:
        """Given name of the first component group."""
        return self.name.split("=")[0].split("^")[1]

    @property
    def latin(self) -> tuple[str, str]:
        """Family and given name as an ASCII console shows them."""
        folded = (plain(self.family), plain(self.given))
        return folded if "".join(folded).isascii() else ("Kuznetsova", "Ludmila")

    @property
    def address(self) -> str:
        """Street and town."""
        return f"{self.street}, {self.town}"


@dataclass(frozen=True, slots=True)
class Study:
    """A study of a patient: who, when, where."""

    uid: str
    when: dt.datetime
    accession: str
    study_id: str
    hospital: str
    hospital_address: str
    town: str
    referring: str
    performing: str
    reading: str
    operator: str
    stranger: str
    station: str
    serial: str
    frame_of_reference: str
    age_years: int

    @property
    def age(self) -> str:
        """Patient age as AS."""
        return f"{self.age_years:03d}Y" if self.age_years else "007W"


def people(seed: int) -> list[tuple[Person, list[Study]]]:
    """Draw the patients with three studies each.

    Parameters
    ----------
    seed
        The same seed gives the same people.
    """
    rng = random.Random(seed)  # noqa: S311 - a corpus, no secret
    return [_one(rng, number, facts) for number, facts in enumerate(INVENTED["patients"])]


def _one(rng: random.Random, number: int, facts: dict[str, Any]) -> tuple[Person, list[Study]]:
    age, towns = int(facts["age"]), INVENTED["towns"]
    first = dt.datetime(2019 + number % 4, 1 + number % 12, 3 + number, 8 + number % 9, 17, 23)  # noqa: DTZ001 - DICOM's local time
    birth = first.date() - dt.timedelta(days=round(365.25 * age) + 61)
    person = Person(
        key=f"patient-{number:02d}",
        name=facts["name"],
        charset=facts["charset"],
        language=facts["language"],
        birth=birth,
        sex="MF"[number % 2],
        patient_id=rng.choice(("{}-{}", "MRN{}{}", "{}.{}", "H{}/{}")).format(
            rng.randrange(10000, 99999), rng.randrange(100, 999)
        ),
        other_id=f"KV{rng.randrange(10**8, 10**9)}",
        ssn=f"{rng.randrange(100, 999)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}",
        phone=f"+49 89 {rng.randrange(1000000, 9999999)}"
        if number % 2
        else f"(614) 555-{rng.randrange(1000, 9999)}",
        email=f"{'abcdefghijklmnop'[number]}.{towns[number % 6].lower()}{number}@postbox.example",
        street=INVENTED["streets"][number % 6],
        town=towns[number % 6],
    )
    forenames, titles = INVENTED["forenames"], INVENTED["titles"]
    studies = []
    for index in range(3):
        when = first + dt.timedelta(days=[0, 23, 401][index], minutes=53 * index)
        place = INVENTED["hospitals"][(number + (index == 2)) % len(INVENTED["hospitals"])]
        doctors = [
            f"{one}^{rng.choice(forenames)}{rng.choice(titles)}" for one in rng.sample(ASCII, 5)
        ]
        studies.append(
            Study(
                uid=f"{ROOT}.{number + 1}.{index + 1}",
                when=when,
                accession=f"A{rng.randrange(10**6, 10**7)}-{number}{index}",
                study_id=f"S{rng.randrange(10000, 99999)}",
                hospital=place["name"],
                hospital_address=place["address"],
                town=place["town"],
                referring=doctors[0],
                performing=doctors[1],
                reading=doctors[2],
                operator=doctors[3],
                stranger=doctors[4].split("^")[0],
                station=f"{place['town'][:5].upper()}CT{number}{index}",
                serial=f"SN{rng.randrange(10**6, 10**7)}",
                frame_of_reference=f"{ROOT}.{number + 1}.{index + 1}.99",
                age_years=age + (index == 2),
            )
        )
    return person, studies
