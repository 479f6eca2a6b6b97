"""Medicines given beside a taper against symptoms: what the guideline warns of, by name.

Names are those of the clinical files and no others: generic names and brands of every
benzodiazepine and Z-drug from drugs.csv, one more brand from the RxNorm products, and the
generic names that guideline.md, triage.md and risk_factors.csv write out. What lowers the seizure
threshold is known as rule U20 knows it, with its brands. The files give no brand of any other
medicine, so those are known by their generic name only, and the form says so.
"""

import re
from typing import Final

from apps.clinical.detox import NEVER_FOR_TAPERING, Caution
from apps.clinical.drugs import all_drugs
from apps.clinical.threshold_drugs import plain_text, threshold_drugs_in

OLDER_ADULT: Final = 65  # ASAM-27

NO_Z_DRUG = Caution("No Z-drug for sleep during a taper", "ASAM 2025 Table 10")
NOT_FOR_OLDER = Caution(
    "Hydroxyzine, diphenhydramine, doxylamine: avoid in older adults", "ASAM 2025 Tables 10, 11"
)
GABAPENTIN = Caution("Gabapentin: misuse, and danger beside an opioid", "ASAM 2025 Table 11")
CLONIDINE = Caution("Clonidine: blood pressure; taper it off, do not stop it", "ASAM 2025 Table 11")
PROPRANOLOL = Caution("Propranolol: not in asthma or heart block", "ASAM 2025 Table 11")
NO_SECOND_DEPENDENCE = Caution(
    "Do not treat withdrawal with another medicine that is linked to dependence or withdrawal",
    "NICE NG215 1.5",
)
NEVER_STOPPED = Caution(
    "Buprenorphine or methadone is never stopped to make a taper possible", "ASAM 2025 rec 19-23"
)
LOWERS_THRESHOLD = Caution(
    "Lowers the seizure threshold or opposes GABA, some only in overdose, toxicity, high dose or "
    "withdrawal: added seizure risk",
    "FDA labels, triage rule U20",
)
WITH_OPIOID = Caution(
    "Opioid beside a benzodiazepine: profound sedation, respiratory depression, coma, death; offer "
    "naloxone",
    "FDA boxed warning, ASAM 2025 rec 17",
)
# ASAM-30, NICE-06, ASAM-24, FDA-04, ASAM-23, U20, ASAM-21: shown beside the list of adjuncts.
ADJUNCT_WARNINGS = (
    NO_Z_DRUG, NOT_FOR_OLDER, GABAPENTIN, CLONIDINE, PROPRANOLOL, NO_SECOND_DEPENDENCE,
    NEVER_STOPPED, WITH_OPIOID, LOWERS_THRESHOLD, *NEVER_FOR_TAPERING,
)  # fmt: skip
NAMES_KNOWN = (
    "Write the generic name. Of benzodiazepines, Z-drugs and what lowers the seizure threshold "
    "brands are known too; of every other medicine only the generic name is, so its brand brings "
    "up no warning."
)

# zolpidem as a spray: rxnorm_products.csv 828696. The other brands stand in drugs.csv.
_MORE_BRANDS: Final = {"z-drug": ("zolpimist",)}
# Of opioids the files name these and no others: a pharmacist has to complete them [proposal].
_OPIOIDS: Final = (
    "opioid", "tramadol", "tapentadol", "meperidine", "buprenorphine", "methadone",
)  # fmt: skip
# What else is linked to dependence or withdrawal. NICE-06 names no medicine in our files; these are
# the ones that risk_factors.csv (other_sedative_dependence), triage.md section 4 and ASAM-24 name
# [proposal: a pharmacist has to complete them].
_DEPENDENCE: Final = (
    "barbiturate", "phenobarbital", "baclofen", "ghb", "carisoprodol", "gabapentinoid",
    "gabapentin", *_OPIOIDS,
)  # fmt: skip
_NAMED: Final = (
    (NOT_FOR_OLDER, ("hydroxyzine", "diphenhydramine", "doxylamine")),
    (GABAPENTIN, ("gabapentin",)),
    (CLONIDINE, ("clonidine",)),
    (PROPRANOLOL, ("propranolol",)),
    (NEVER_STOPPED, ("buprenorphine", "methadone")),
    (NEVER_FOR_TAPERING[0], ("flumazenil",)),
    (NEVER_FOR_TAPERING[1], ("propofol", "ketamine")),
)


def names_of_class(drug_class: str) -> tuple[str, ...]:
    """Return the first word of every generic name and brand of a class of drugs.csv."""
    found = {
        plain_text(name).split()[0]
        for drug in all_drugs()
        if drug.drug_class == drug_class
        for name in (drug.name, *drug.brands)
    }
    return tuple(sorted(found | set(_MORE_BRANDS.get(drug_class, ()))))


def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})s?\b")


_Z_DRUGS: Final = names_of_class("z-drug")
_BENZODIAZEPINES: Final = (*names_of_class("benzodiazepine"), "benzodiazepine", "benzo")
_PATTERNS: Final = tuple(
    (caution, _pattern(names))
    for caution, names in (
        (NO_Z_DRUG, (*_Z_DRUGS, "z-drug")),
        *_NAMED,
        (NO_SECOND_DEPENDENCE, (*_Z_DRUGS, "z-drug", *_BENZODIAZEPINES, *_DEPENDENCE)),
        (WITH_OPIOID, _OPIOIDS),
    )
)
_BENZODIAZEPINE: Final = _pattern(_BENZODIAZEPINES)
_OPIOID: Final = _pattern(_OPIOIDS)
_Z_DRUG: Final = _pattern((*_Z_DRUGS, "z-drug"))


def adjunct_warnings(medicine: str, age: int) -> tuple[Caution, ...]:
    """Return what the guideline warns of for a medicine as it was typed; often nothing.

    ``age`` in years: the one for older adults only from 65. Case and accents do not matter.
    Nothing is no clearance: only names of the clinical files are known. Sources: ASAM-30,
    NICE-06, ASAM-24, FDA-04, ASAM-23, U20 with the list of triage.md section 4, ASAM-21.
    """
    listed = threshold_drugs_in(medicine)
    # A brand that the list knows is read as the generic name it stands for.
    typed = " ".join((plain_text(medicine), *(drug.name for drug in listed)))
    found = [caution for caution, pattern in _PATTERNS if pattern.search(typed)]
    found += [LOWERS_THRESHOLD] if listed else []
    return tuple(each for each in found if each is not NOT_FOR_OLDER or age >= OLDER_ADULT)


def is_benzodiazepine(medicine: str) -> bool:
    """Answer whether a medicine as typed is a benzodiazepine, by the names of drugs.csv."""
    return bool(_BENZODIAZEPINE.search(plain_text(medicine)))


def is_z_drug(medicine: str) -> bool:
    """Answer whether a medicine as typed is a Z-drug, by the names of drugs.csv."""
    return bool(_Z_DRUG.search(plain_text(medicine)))


def is_opioid(medicine: str) -> bool:
    """Answer whether a medicine as typed is an opioid, by the names of the clinical files."""
    return bool(_OPIOID.search(plain_text(medicine)))
