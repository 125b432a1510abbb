"""Free text as hospitals write it: `{span}` identifies, `[word]` is clinical and must stay."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.deid_quality.people import plain

if TYPE_CHECKING:
    from benchmarks.deid_quality.people import Person, Study

DESCRIPTIONS = {
    "en": (
        "[CHEST] [PA] and [LAT] {FAMILY}",
        "[CT] [Thorax] w [contrast] {Fam, Giv}",
        "[Hodgkin] [lymphoma] follow-up {PN}",
        "[Baker] [cyst] [right] [knee] MRN {id}",
        "[T1] [MPRAGE] [SAG] {Giv Fam}",
        "[T2] [TSE] [AX] [FS] {FAMILY} {accession}",
        "[LIVER] [triphasic] DOB {dob/}",
        "[MRI] [BRAIN] without [contrast] pt {FAMILY GIVEN}",
        "{family} [abdomen] [portal] [venous] phase",
        "[DWI] b1000 [ADC] {PN} {dob.}",
        "[SPINE] [LUMBAR] per {Dr doc}",
        "[Pancreas] [protocol] {hospital}",
        "{FAMILY}_{dob8} [CHEST]",
        "[HIP] [RIGHT] ({Giv Fam})",
        "#{accession} [CT] [ABDOMEN]",
        "[CHEST] [PORTABLE] {STRANGER}",
        "[US] [THYROID] by {op}",
        "{PLAIN} [NECK] [CTA]",
        "[FLAIR] [AX] PID={id}",
        "[KNEE] [LT] {FAMILY},{G}",
        "[PELVIS] {dob mdy2} {FAMILY}",
        "[Ewing] [sarcoma] [staging] {date iso}",
    ),
    "de": (
        "[CT] [Thorax] nativ {Fam, Giv} geb. {dob.}",
        "[MRT] [Knie] [links] {FAMILY}",
        "[Schädel] [CT] Pat. {Giv Fam}",
        "[LWS] [seitlich] {PN}",
        "[Abdomen] [Leber] Pat.-Nr. {id}",
        "[HWS] {PLAIN} {dob.}",
        "[Thorax] im [Liegen] Frau {Fam}",
    ),
    "fr": (
        "[scanner] [thoracique] sans injection {Fam, Giv}",
        "[IRM] [genou] [droit] Mme {FAMILY} née le {dob/}",
        "[radiographie] [thorax] {PN}",
        "[rachis] [lombaire] {PLAIN}",
    ),
    "es": (
        "[TAC] de [tórax] sin [contraste] {FAMILY}",
        "[resonancia] de [rodilla] [derecha] {Giv Fam}",
        "[radiografía] de [tórax] {PN} NHC {id}",
        "[columna] [lumbar] {PLAIN}",
    ),
    "ru": (
        "[КТ] [органов] [грудной] клетки {Fam Giv}",
        "[МРТ] [головного] [мозга] {FAMILY} {dob.}",
    ),
    "ja": (
        "[CHEST] [CT] {Fam Giv}",
        "[胸部]CT 単純 {Fam Giv}",
        "[頭部]MRI {Fam}様",
    ),
}
CLEAN = (
    "[T2] [TSE] [AX] [FS] 3mm",
    "[CHEST] [PA]",
    "[t1] [mprage] [sag] [p2] [iso]",
    "[HEAD] [ROUTINE] 5.0 [H31s]",
    "[AXIAL] [DIFFUSION] [ADC]",
    "[LUNG] 1.0 [B70f]",
    "[Foley] catheter position [ABDOMEN] [AP]",
    "[SUV] [WHOLE] [BODY] [AC]",
    "[Crohn] disease [MR] [enterography]",
    "[3-plane] [localizer]",
    "[PELVIS] [PORTAL] [VENOUS] 2.0 [MPR] [COR]",
    "[Wilms] [tumor] [staging] [CT]",
    "[VIBE] [Dixon] [tra] [bh]",
    "[SWI] [TOF] [MRA] [circle] of [Willis]",
    "[HASTE] [MRCP] [thick] [slab]",
    "[FDG] [PET] [mediastinum]",
    "[L4]/[L5] [disc] [STIR]",
    "[THRIVE] [dynamic] [arterial]",
    "[Swan-Ganz] [catheter] [CHEST] [PORTABLE]",
    "[BLADE] [COR] [PD] [FS]",
    "[Barrett] [esophagus] [fluoroscopy]",
    "[Scout] [topogram] 0.6 [T20f]",
)
COMMENTS = {
    "en": (
        "[Hodgkin] [lymphoma], [mediastinal] [mass] [unchanged]. Pt {Giv Fam}, DOB {dob/}, "
        "lives at {address}. Call {phone}.",
        "[Fall] from ladder. [Fracture] of the [left] [femur]. Patient {FAMILY}, MRN {id}, "
        "seen by {Dr doc} on {date words}.",
        "Discussed with {Mr stranger} (son) at {hospital}. [No] [pulmonary] [embolism].",
        "{Fam, Giv} ({dob-}) [status] [post] [liver] [transplant]; contact {email}.",
        "[Baker]'s [cyst] of the [right] [knee]. SSN {ssn}. Insurance {other}.",
        "[Ascites] and [splenomegaly]. Patient of {Dr ref}. Accession {accession}.",
        "Repeat because {FAMILY GIVEN} moved during [acquisition]. Tech: {op}.",
        "[Metastases] in the [liver] and [spine]. Exam {date dmy}. {typo} will return.",
        "Pt. initials {ini}. [Small] [pleural] [effusion] on the [left].",
        "[Parkinson] [disease], [Alzheimer] excluded. {PN} / {id} / {dob8}",
        "[Cushing] [syndrome]; [adrenal] [adenoma]. Call wife {stranger} at {phone}.",
        "{Fam}'s [MRI] shows [no] [acute] [infarct]. Last seen {date md}.",
        "[Sarcoidosis], [lungs] and [lymph] [nodes]. Sent by {Prof ref}, {hospital}.",
        "[Gallbladder] [stones]. Nurse {stranger} informed, pager 5523, fax {phone}.",
        "[Pneumothorax] after [biopsy] on {date us}, {Dr doc} notified. ID:{id}",
        "[Graves] [disease]. Images at https://{host}/viewer?id={id}",
        "[Chronic] [kidney] [disease] since {date my}. Next visit {date iso}.",
        "[Colles] [fracture] [left]. {Giv} fell at home, {town}.",
        "[Aortic] [dissection] [Stanford] B. {FAMILY} {G}. {dob mdy2}",
    ),
    "de": (
        "Z.n. [Hüft]-TEP [links]. Pat. {Giv Fam}, geb. {dob.}, wohnhaft {address}.",
        "[Pleuraerguss] [rechts], kein [Pneumothorax]. Zuweiser {Dr ref}, Tel. {phone}.",
        "[Fraktur] des [Radius]. Herr {FAMILY}, Fallnummer {accession}, {hospital}.",
        "[Morbus] [Hodgkin], [Lymphknoten] [mediastinal]. Untersuchung am {date words de}.",
        "[Lungenembolie] [ausgeschlossen]. Frau {Fam}, {PLAIN}, KV-Nr. {other}.",
        "[Bandscheibenvorfall] L4/5. Kurative Überweisung OA {Dr doc} vom {date.}.",
    ),
    "fr": (
        "[Fracture] du [fémur] [gauche]. Patient {Giv Fam} né le {dob/}, {address}.",
        "[Épanchement] [pleural] [droit]. {Dr ref}, tél. {phone}. {date words fr}.",
        "[Maladie] de [Hodgkin]. Mme {FAMILY}, dossier {id}, {hospital}.",
        "[Embolie] [pulmonaire] [exclue]. M. {Fam}, {town}.",
    ),
    "es": (
        "[Fractura] de [fémur] [izquierdo]. Paciente {Giv Fam}, nacida el {dob/}, {address}.",
        "[Derrame] [pleural] [derecho]. {Dr ref}, tel. {phone}, {date words es}.",
        "[Enfermedad] de [Hodgkin]. Sra. {FAMILY}, historia {id}.",
        "[Embolia] [pulmonar] [descartada]. D. {Fam}, {hospital}.",
    ),
    "ru": (
        "[Перелом] [левой] [бедренной] кости. Пациент {Fam Giv}, {dob.}, тел. {phone}.",
        "[Плеврит] [справа]. {FAMILY}, карта {id}.",
    ),
    "ja": (
        "[肺炎] {Fam Giv} ID {id} {dob/}",
        "[FRACTURE] of the [left] [femur] {Fam Giv} tel {phone}",
    ),
}
OLD = "[Osteoporosis] in a {age} [woman], [vertebral] [fracture]."
FINDINGS = (
    "[Mass] of 23 mm in the [right] [upper] [lobe]",
    "[No] [acute] [intracranial] [hemorrhage]",
    "[Osteoarthritis] of the [left] [hip], [grade] 3",
    "[Gallstones] without [cholecystitis]",
    "[Normal] [liver], [spleen] and [kidneys]",
    "[Crohn]'s [disease] of the [terminal] [ileum]",
    "[Takayasu] [arteritis] with [stenosis] of the [subclavian] [artery]",
    "[BI-RADS] 4a, [spiculated] [mass]",
    "[Whipple] [procedure], [no] [leak]",
    "[Status] [post] [CABG], [sternal] [wires] [intact]",
)
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
}
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
        return self.written(self._choose(DESCRIPTIONS))

    def comment(self) -> Phrase:
        """Give one or two sentences with something identifying."""
        if self.study.age_years > 89 and self.rng.random() < 0.3:
            return self.written(OLD)
        return self.written(self._choose(COMMENTS))

    def clean(self) -> Phrase:
        """Give a short text without anything identifying."""
        return self.written(self.rng.choice(CLEAN))

    def finding(self) -> Phrase:
        """Give a finding without anything identifying."""
        return self.written(self.rng.choice(FINDINGS))

    def _choose(self, texts: dict[str, tuple[str, ...]]) -> str:
        own = self.person.language
        return self.rng.choice(texts[own if self.rng.random() < 0.6 else "en"])

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
            month = MONTHS[language].split()[day.month - 1]
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
