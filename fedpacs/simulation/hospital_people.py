"""Fictional patients and staff: names, numbers and dates that a search can tell apart.

Every person is invented. Family names are put together from parts so that no real one is meant,
and so that each is long enough not to turn up by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

_FAMILY_STARTS = (
    "Ähren", "Brücken", "Düster", "Föhren", "Grünling", "Höhlen", "Kübel", "Löffel", "Mühlen",
    "Nebel", "Öfchen", "Pfützen", "Rübezahl", "Schönau", "Tümpel", "Überall", "Wüsten", "Zähring",
    "Distel", "Quellen", "Fichten", "Marder", "Storchen", "Teichel",
)  # fmt: skip
_FAMILY_ENDS = {"aurora": "spechter", "birch": "wedelmann", "cedar": "mosthaler"}
_GIVEN = {
    "F": ("Käthe", "Zoë", "Lieselotte", "Mónica", "Anneliese", "Bärbel", "Renée", "Dörte"),
    "M": ("Jürgen", "Björn", "Günther", "André", "Sören", "Ludwig", "Götz", "Øyvind"),
}
_OTHER_SCRIPTS = {
    "japanese": ("Yamadorikawa^Youko=霧島山鳥川^遥子=きりしまやまどりがわ^ようこ", "F"),
    "cyrillic": ("Вымышленникова^Глафира", "F"),
}
_STAFF_STARTS = ("Heiden", "Kessel", "Linden", "Moor", "Ried", "Sanden", "Torf", "Wiesen")
_STAFF_ENDS = {"aurora": "kampner", "birch": "borstler", "cedar": "graebner"}

_FIRST_MONDAY = date(2026, 3, 2)
_FOLLOW_UP_FRIDAY = date(2026, 9, 11)


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """One fictional patient.

    Attributes
    ----------
    name
        DICOM person name, ideographic and phonetic groups where there are some.
    family
        Family name in the alphabetic group.
    script
        ``latin``, ``japanese`` or ``cyrillic``.
    birth_date
        Birth date.
    """

    name: str
    family: str
    script: str
    sex: str
    birth_date: date
    patient_id: str
    insurance_number: str
    phone: str
    address: str
    weight_kg: float
    height_m: float

    @property
    def name_groups(self) -> tuple[str, ...]:
        """Alphabetic, ideographic and phonetic name, those there are."""
        return tuple(self.name.split("="))

    @property
    def called(self) -> str:
        """Name as people write it."""
        return " ".join(reversed(self.name_groups[0].split("^")))

    def __repr__(self) -> str:
        return f"Person({self.script}, {self.sex})"


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """One examination of one patient.

    Attributes
    ----------
    day, seconds
        When it began; seconds of the day.
    """

    number: int
    day: date
    seconds: int
    accession_number: str
    study_id: str
    procedure_id: str

    @property
    def dicom_date(self) -> str:
        """Day as DA."""
        return self.day.strftime("%Y%m%d")

    def dicom_time(self, later_s: int = 0) -> str:
        """Time of day as TM, some seconds after the begin."""
        minutes, seconds = divmod(self.seconds + later_s, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02d}{minutes:02d}{seconds:02d}.250000"

    def __repr__(self) -> str:
        return f"Visit({self.number})"


def make_person(hospital: str, seed: int, number: int, script: str = "latin") -> Person:
    """Make a patient; the same for the same arguments."""
    rng = np.random.default_rng((seed, number, 3))
    sex = "FM"[int(rng.integers(2))]
    given = str(rng.choice(_GIVEN[sex]))
    start = _FAMILY_STARTS[number % len(_FAMILY_STARTS)]
    turn = "-Neuhaus" * (number // len(_FAMILY_STARTS))
    name = f"{start}{_FAMILY_ENDS.get(hospital, 'feldner')}{turn}^{given}"
    if script != "latin":
        name, sex = _OTHER_SCRIPTS[script]
    digits = _digits(rng, 40)
    return Person(
        name=name,
        family=name.split("^", maxsplit=1)[0],
        script=script,
        sex=sex,
        birth_date=date(1935, 1, 1) + timedelta(days=int(rng.integers(365 * 68))),
        patient_id=f"{hospital[:3].upper()}-{digits[:7]}",
        insurance_number=f"{hospital[0].upper()}{digits[7:16]}",
        phone=f"+49 9999 {digits[16:23]}",
        address=f"Fiktiver Steig {digits[23:26]}, 9{digits[26:30]} Irgendheim",
        weight_kg=round(float(rng.normal(76, 12)), 1),
        height_m=round(float(rng.normal(1.72, 0.09)), 2),
    )


def make_visit(hospital: str, seed: int, number: int, visit: int) -> Visit:
    """Make an examination; see `hospital_planted` for why it falls on these days."""
    rng = np.random.default_rng((seed, number, 4, visit))
    day = _FIRST_MONDAY + timedelta(days=int(rng.integers(4)))
    if visit:
        day = _FOLLOW_UP_FRIDAY + timedelta(days=int(rng.integers(2)))
    digits = _digits(rng, 30)
    short = hospital[:2].upper()
    return Visit(
        number=visit,
        day=day,
        seconds=int(rng.integers(7 * 3600, 17 * 3600)),
        accession_number=f"{short}26{digits[:8]}",
        study_id=f"ST{digits[8:15]}",
        procedure_id=f"RP{digits[15:23]}",
    )


def staff(hospital: str, seed: int) -> tuple[str, ...]:
    """Person names of four members of staff, in ASCII so that every character set holds them."""
    order = np.random.default_rng((seed, 5)).permutation(len(_STAFF_STARTS))[:4]
    end = _STAFF_ENDS.get(hospital, "hofstetter")
    given = ("Hanna^^Dr.", "Emil", "Ruth^^Prof. Dr.", "Karl")
    return tuple(f"{_STAFF_STARTS[i]}{end}^{name}" for i, name in zip(order, given, strict=True))


def age_on(day: date, birth_date: date) -> int:
    """Completed years."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(str(digit) for digit in rng.integers(1, 10, count))
