"""The two invented clinics and their staff. Every name, number and address is fictional.

Telephone numbers are from the block kept free for fiction, addresses end in .example.
"""

from dataclasses import dataclass
from typing import Final

from apps.patients.models import Role
from config.demo.patients_east import EAST
from config.demo.patients_west import WEST
from config.demo.story import Story


@dataclass(frozen=True, slots=True)
class Person:
    """One invented member of staff."""

    full_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class DemoClinic:
    """One invented clinic with its people."""

    name: str
    time_zone: str
    phone: str
    after_hours_phone: str
    domain: str
    staff: tuple[Person, ...]
    patients: tuple[Story, ...]


HARBORLIGHT: Final = DemoClinic(
    name="Harborlight Tapering Clinic",
    time_zone="America/New_York",
    phone="(212) 555-0142",
    after_hours_phone="(212) 555-0198",
    domain="harborlight.example",
    staff=(
        Person("Dr. Araminta Fairweather", Role.CLINICAL_LEAD),
        Person("Dr. Otto Marblestone", Role.PRESCRIBER),
        Person("Dr. Ines Bellflower", Role.PRESCRIBER),
        Person("Nurse Tobias Lanternwick", Role.NURSE),
        Person("Nurse Priya Meadowlark", Role.NURSE),
        Person("Juno Apothecar, PharmD", Role.PHARMACIST),
        Person("Basil Inkwell", Role.CLINIC_ADMIN),
    ),
    patients=EAST,
)
COPPERMESA: Final = DemoClinic(
    name="Copper Mesa Deprescribing Center",
    time_zone="America/Denver",
    phone="(303) 555-0117",
    after_hours_phone="(303) 555-0173",
    domain="coppermesa.example",
    staff=(
        Person("Dr. Soledad Ridgeway", Role.CLINICAL_LEAD),
        Person("Dr. Emeka Sandstone", Role.PRESCRIBER),
        Person("Nurse Hazel Quickwater", Role.NURSE),
        Person("Nurse Linus Aspengrove", Role.NURSE),
        Person("Opal Ledgerwood", Role.CLINIC_ADMIN),
    ),
    patients=WEST,
)
CLINICS: Final = (HARBORLIGHT, COPPERMESA)


def address(full_name: str, domain: str) -> str:
    """Return an address nobody can have: the name at a domain kept free for examples."""
    words = full_name.split(",")[0].replace("Dr. ", "").replace("Nurse ", "").lower().split()
    plain = ".".join(words).translate(str.maketrans("áéíóúñ", "aeioun"))
    return f"{plain}@{domain}"
