"""Invented patients, their studies and the people around them, in many scripts."""

from __future__ import annotations

import datetime as dt
import random
import unicodedata
from dataclasses import dataclass

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
# name as PN, character set, language of the reports, age years at the first study
PATIENTS = (
    ("Müller-Lüdenscheidt^Jürgen^Hans^Dr.", "ISO_IR 100", "de", 67),
    ("Brzęczyszczykiewicz^Grzegorz", "ISO_IR 192", "en", 45),
    ("Yamashita^Tarou=山下^太郎=やました^たろう", "\\ISO 2022 IR 87", "ja", 58),
    ("Кузнецова^Людмила^Ивановна", "ISO_IR 144", "ru", 39),
    ("Wangxu^XiaoDong=王旭^小东", "GB18030", "en", 71),
    ("Hong^Gildong=洪^吉洞=홍^길동", "\\ISO 2022 IR 149", "en", 33),
    ("OBRANNIGAN^SIOBHAN^M", "", "en", 52),
    ("Dvořáková^Božena", "ISO_IR 101", "en", 64),
    ("Papadopoulos^Georgios=Παπαδόπουλος^Γεώργιος", "ISO_IR 126", "en", 49),
    ("van der Zwaluwe^Pieter-Jan", "", "de", 28),
    ("García Echeverría^María José", "ISO_IR 192", "es", 81),
    ("Lefèvre-Dubreuil^Océane", "ISO_IR 100", "fr", 36),
    ("Ng^Wai Shan", "", "en", 0),
    ("WHITTINGHAM^ERNEST^ALOYSIUS^^Jr.", "", "en", 94),
    ("Yıldırımoğlu^Ayşegül", "ISO_IR 148", "en", 57),
    ("Featherstonehaugh^Marjorie^Ann^Mrs.", "ISO_IR 192", "en", 90),
)
HOSPITALS = (
    ("St. Brendan's Infirmary", "14 Quarry Lane, Ballyhoura, Co. Limerick", "Ballyhoura"),
    ("Klinikum Obermettenbach", "Rosenweg 7, 83999 Obermettenbach", "Obermettenbach"),
    ("Centre Hospitalier Vaucreuse", "3 rue des Tilleuls, 84990 Vaucreuse", "Vaucreuse"),
    ("Hospital San Telmo de Arlanzon", "Calle Mayor 21, 09999 Arlanzon", "Arlanzon"),
    ("Tamsworth Memorial Hospital", "2210 Pinecrest Avenue, Tamsworth, OH 44999", "Tamsworth"),
)
# Invented combinations; drawn by the seed, so that no list of names can be fitted to them
SURNAMES = (
    "Okonkwo Haberstroh Vandenbroucke Szczepanska Quisenberry Lindqvist Delacroix Thornton "
    "Ostermayer Fitzwarren Marchetti Przybylski Kowalenko Abernathy Rasmussen Tanizaki Oduya "
    "Steinhauer Bouchard Castellanos Dragomir Eriksen Fennimore Gutierrez Hallström Ivanenko "
    "Jankowiak Kirchhofer Lombardini Mbeki Nakashima Oyelaran Petrosyan Quaglia Rothenbacher "
    "Schimmelpfennig Tsukamoto Ulrichsen Vantongeren Wojciechowska Xylouris Yamanouchi Zieliński "
    "Achterberg Brandstätter Cavendish Dunleavy Eschenbach Farnsworth Grabowski Hitchcock Iyer "
    "Jovanovic Krishnamurthy Lachapelle Montgomery Nyström Obafemi Pereira Rautavaara Sutherland "
    "Trevelyan Unterberger Villanueva Weatherby Ziegenfuss"
).split()
FORENAMES = (
    "Chidinma Ulrike Luc Irena Thaddeus Annika Emile Rosalind Korbinian Imogen Fabrizio Agnieszka "
    "Hedwig Otto Leopold Mireille Sigrid Benedikt Olumide Yuki"
).split()
ASCII = [one for one in SURNAMES if one.isascii()]  # they must fit every character set
TITLES = ("^^Dr.", "", "^^Prof.", "", "")


def plain(text: str) -> str:
    """Take the accents off, as a typist at a modality does."""
    folded = unicodedata.normalize("NFKD", text.replace("ı", "i").replace("ß", "ss"))
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


STREETS = (
    "Birkenallee 118",
    "47 Hollowmere Road",
    "9 impasse des Merles",
    "Calle del Olmo 33",
    "3316 Wexcombe Terrace",
    "ul. Wierzbowa 12",
)
TOWNS = ("Grunewinkel", "Hollowmere", "Montbrissac", "Valdecastro", "Eastlorne", "Czarnolesie")


def people(seed: int) -> list[tuple[Person, list[Study]]]:
    """Draw the patients with three studies each.

    Parameters
    ----------
    seed
        The same seed gives the same people.
    """
    rng = random.Random(seed)
    return [_one(rng, number, *facts) for number, facts in enumerate(PATIENTS)]


def _one(
    rng: random.Random, number: int, name: str, charset: str, language: str, age: int
) -> tuple[Person, list[Study]]:
    first = dt.datetime(2019 + number % 4, 1 + number % 12, 3 + number, 8 + number % 9, 17, 23)
    birth = first.date() - dt.timedelta(days=round(365.25 * age) + 61)
    person = Person(
        key=f"patient-{number:02d}",
        name=name,
        charset=charset,
        language=language,
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
        email=f"{'abcdefghijklmnop'[number]}.{TOWNS[number % 6].lower()}{number}@postbox.example",
        street=STREETS[number % 6],
        town=TOWNS[number % 6],
    )
    studies = []
    for index in range(3):
        when = first + dt.timedelta(days=[0, 23, 401][index], minutes=53 * index)
        hospital, address, town = HOSPITALS[(number + (index == 2)) % len(HOSPITALS)]
        doctors = [
            f"{one}^{rng.choice(FORENAMES)}{rng.choice(TITLES)}" for one in rng.sample(ASCII, 5)
        ]
        studies.append(
            Study(
                uid=f"{ROOT}.{number + 1}.{index + 1}",
                when=when,
                accession=f"A{rng.randrange(10**6, 10**7)}-{number}{index}",
                study_id=f"S{rng.randrange(10000, 99999)}",
                hospital=hospital,
                hospital_address=address,
                town=town,
                referring=doctors[0],
                performing=doctors[1],
                reading=doctors[2],
                operator=doctors[3],
                stranger=doctors[4].split("^")[0],
                station=f"{town[:5].upper()}CT{number}{index}",
                serial=f"SN{rng.randrange(10**6, 10**7)}",
                frame_of_reference=f"{ROOT}.{number + 1}.{index + 1}.99",
                age_years=age + (index == 2),
            )
        )
    return person, studies
