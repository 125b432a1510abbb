"""The three hospitals of the demo as recipes: scanner, number of patients, house style.

They differ as hospitals do (contrast, noise, field of view, matrix, tilt, number of patients), so a
model trained at one of them fails at another. Hospitals, people and devices are fictional.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.volume import LabelledVolume
from fedpacs.simulation.phantom import Appearance, Grid, make_phantom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.simulation.phantom import Phantom


@dataclass(frozen=True, slots=True)
class Scanner:
    """The hospital's MR scanner, as its headers describe it."""

    manufacturer: str
    model: str
    station: str
    serial_number: str
    field_strength_t: float
    repetition_ms: float
    echo_ms: float
    sequence: str
    """Name of the sequence as the hospital's protocols write it."""
    rescale_slope: float = 1.0
    """From stored values to the scanner's units."""


@dataclass(frozen=True, slots=True)
class HospitalRecipe:
    """One fictional hospital.

    Attributes
    ----------
    name
        Site name.
    title
        Name as people write it. Headers add the building: the title alone is no secret, it stands
        in the site's own configuration and reports.
    patients
        Number of patients.
    follow_ups
        How many of them, the first ones, were examined twice.
    character_set
        Specific Character Set of most of its objects.
    scripts
        Patients with names in other scripts: place in the list to ``japanese`` or ``cyrillic``.
    seed
        Everything about the hospital hangs on it.
    burned_in
        Patients whose images say that a name is burned into them: they must be refused.
    """

    name: str
    title: str
    address: str
    patients: int
    follow_ups: int
    grid: Grid
    appearance: Appearance
    scanner: Scanner
    character_set: str
    scripts: Mapping[int, str]
    seed: int
    burned_in: frozenset[int] = frozenset()


def examination(recipe: HospitalRecipe, patient: int, visit: int = 0) -> Phantom:
    """Make the images and labels of one examination."""
    return make_phantom(recipe.grid, recipe.appearance, (recipe.seed, patient, visit))


def volumes(recipe: HospitalRecipe) -> tuple[LabelledVolume, ...]:
    """Make every patient's first examination as training would see it, without any DICOM."""
    grid = recipe.grid
    spacing_mm = (grid.slice_spacing_mm, grid.pixel_spacing_mm, grid.pixel_spacing_mm)
    made = []
    for patient in range(recipe.patients):
        phantom = examination(recipe, patient)
        image = phantom.image * np.float32(recipe.scanner.rescale_slope)
        made.append(
            LabelledVolume(image, phantom.label, spacing_mm, f"{recipe.name}-{patient:02d}")
        )
    return tuple(made)


_AURORA = HospitalRecipe(
    name="aurora",
    title="Aurora University Hospital",
    address="Nordlichtallee 12, 99001 Polarstadt",
    patients=24,
    follow_ups=3,
    grid=Grid(96, 80, 2.0, 5.0, slices=8, first_slice_mm=-22.0),
    appearance=Appearance(brightest=900.0),
    scanner=Scanner(
        manufacturer="SIEMENS",
        model="Magnetom Fiktiva",
        station="AURMR3SOUTH",
        serial_number="AUR-SN-4482917",
        field_strength_t=3.0,
        repetition_ms=1900.0,
        echo_ms=2.5,
        sequence="t1_mpr",
    ),
    character_set="ISO_IR 100",
    scripts=MappingProxyType({}),
    seed=11,
    burned_in=frozenset({23}),
)
_BIRCH = HospitalRecipe(
    name="birch",
    title="Birch General Hospital",
    address="Birkenstraße 7, 99002 Weißwald",
    patients=20,
    follow_ups=2,
    grid=Grid(88, 72, 2.3, 5.0, slices=8, first_slice_mm=22.0, tilt_deg=-6.0),
    appearance=Appearance(brightest=1400.0, inverted=True, noise=0.03, bias=0.2),
    scanner=Scanner(
        manufacturer="GE MEDICAL SYSTEMS",
        model="SIGNA Imaginaire",
        station="BIRMR1NORTH",
        serial_number="BIR-SN-0093358",
        field_strength_t=1.5,
        repetition_ms=4200.0,
        echo_ms=98.0,
        sequence="Ax T2 FSE",
    ),
    character_set="ISO_IR 192",
    scripts=MappingProxyType({4: "japanese"}),
    seed=23,
    burned_in=frozenset({19}),
)
_CEDAR = HospitalRecipe(
    name="cedar",
    title="Cedar Clinic",
    address="Zedernweg 3, 99003 Hügelheim",
    patients=18,
    follow_ups=2,
    grid=Grid(84, 84, 2.4, 6.0, slices=8, first_slice_mm=-5.0, tilt_deg=8.0),
    appearance=Appearance(brightest=600.0, contrast=0.45, noise=0.07, bias=0.3),
    scanner=Scanner(
        manufacturer="Philips",
        model="Ingenia Phantasma",
        station="CEDMR2ANNEX",
        serial_number="CED-SN-7710264",
        field_strength_t=1.0,
        repetition_ms=520.0,
        echo_ms=12.0,
        sequence="T1W_SE",
        rescale_slope=2.25,
    ),
    character_set="ISO_IR 100",
    scripts=MappingProxyType({3: "japanese", 8: "cyrillic"}),
    seed=37,
)

RECIPES: Mapping[str, HospitalRecipe] = MappingProxyType(
    {recipe.name: recipe for recipe in (_AURORA, _BIRCH, _CEDAR)}
)
"""The hospitals of the demo by site name."""
