"""The code systems a resource names. No code is here that its own authority does not list.

RxNorm comes from the verified columns of the drug list, LOINC only for PHQ-9 and GAD-7
(https://loinc.org/69729-2 lists their questions and the total). SNOMED CT is not used: no code
of it has been verified for this project. Everything else has a code of our own, with its words.
"""

from typing import Any, Final

from apps.clinical.drugs import get_drug
from apps.clinical.rxnorm import ingredient_rxcui, product_rxcui
from apps.tapers.tablets import drug_id_of

# Names, not addresses: the same on every installation, so that one knows the other's codes.
BASE: Final = "https://glidepath.example/fhir"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"

LOINC_SCORES: Final = {
    "phq9": ("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"),
    "gad7": ("70274-6", "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]"),
}
LOINC_ITEMS: Final = {
    "phq9_1": "44250-9", "phq9_2": "44255-8", "phq9_3": "44259-0", "phq9_4": "44254-1",
    "phq9_5": "44251-7", "phq9_6": "44258-2", "phq9_7": "44252-5", "phq9_8": "44253-3",
    "phq9_9": "44260-8", "gad7_1": "69725-0", "gad7_2": "68509-9", "gad7_3": "69733-4",
    "gad7_4": "69734-2", "gad7_5": "69735-9", "gad7_6": "69689-8", "gad7_7": "69736-7",
}  # fmt: skip


def local_system(name: str) -> str:
    """Return the name of one of our own code systems."""
    return f"{BASE}/CodeSystem/{name}"


def local(system: str, code: str, display: str = "") -> dict[str, Any]:
    """Return a coding of one of our own systems."""
    coding = {"system": local_system(system), "code": code}
    return coding | ({"display": display} if display else {})


def hl7(system: str, code: str, display: str = "") -> dict[str, Any]:
    """Return a coding of one of HL7's systems."""
    coding = {"system": f"{TERMINOLOGY}/{system}", "code": code}
    return coding | ({"display": display} if display else {})


def concept(*codings: dict[str, Any], text: str = "") -> dict[str, Any]:
    """Return a CodeableConcept; its words are those of the first coding unless given."""
    words = text or next((each["display"] for each in codings if "display" in each), "")
    found: dict[str, Any] = {"coding": list(codings)} if codings else {}
    return found | ({"text": words} if words else {})


def drug_concept(drug_id: str) -> dict[str, Any]:
    """Return a drug: RxNorm's ingredient where verified, and always our own id."""
    drug, rxcui = get_drug(drug_id), ingredient_rxcui(drug_id)
    codings = [{"system": RXNORM, "code": rxcui, "display": drug.name}] if rxcui else []
    words = f"{drug.name}, {drug.formulation}"
    return concept(*codings, local("drug", drug_id, words), text=drug.name)


def product_concept(name: str) -> dict[str, Any]:
    """Return a product by the name its box has; without a verified RxNorm number its drug's id."""
    rxcui, drug_id = product_rxcui(name), drug_id_of(name)
    codings = [{"system": RXNORM, "code": rxcui, "display": name}] if rxcui else []
    if drug_id:
        codings.append(local("drug", drug_id, get_drug(drug_id).name))
    return concept(*codings, text=name)
