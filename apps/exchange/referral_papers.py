"""The hand-over of a referral on paper and as a FHIR R4 bundle: one stored document."""

from datetime import tzinfo
from typing import Any
from uuid import uuid5

from django.utils import translation

from apps.detox.hand_over import last_dose_lines, when
from apps.detox.models import Referral
from apps.exchange.fhir.elements import as_json, narrative
from apps.exchange.fhir.people import organization, person_elements
from apps.exchange.typeset import pdf


def referral_pdf(referral: Referral) -> bytes:
    """Return the hand-over to a detox unit, in English, as it was at sending."""
    with translation.override("en"):
        return pdf("referral", referral_data(referral))


def referral_data(referral: Referral) -> dict[str, Any]:
    """Return what the paper says."""
    said = referral.document
    person, clinic = said["patient"], said["clinic"]
    return {
        "title": "Hand-over to a detox unit", "lang": "en", "clinic": clinic["name"],
        "footer": f"{clinic['name']}, phone {clinic['phone']} · {person['reference']}",
        "facts": [
            ["Patient", f"{person['given_name']} {person['family_name']}, born "
                        f"{person['birth_date']}"],
            ["To", f"{referral.facility.name}, phone {referral.facility.phone}"],
            ["From", f"{clinic['name']}, phone {clinic['phone']}, after hours "
                     f"{clinic['after_hours']}; {referral.sent_by.full_name}"],
            ["Sent", when(referral.sent_at.isoformat(), referral.clinic.tz)],
            ["Contacts", f"{person['phone'] or 'no phone'}; in an emergency: "
                         f"{person['emergency_contact'] or 'nobody named'}; speaks "
                         f"{person['language']}"],
        ],
        "sections": sections(referral),
    }  # fmt: skip


def score_words(score: int | None) -> str:
    """Return the withdrawal score of a check-in, which some check-ins have not."""
    return "no score" if score is None else f"score {score} of 40"


def sections(referral: Referral) -> list[dict[str, Any]]:
    """Return the parts of the paper: a heading with its lines."""
    said = referral.document
    taken = [f"{row['slot']}: {row['drug']}, {row['mg']} mg" for row in said["taken"]]
    if said.get("taken_note"):
        taken.insert(0, said["taken_note"])
    zone = referral.clinic.tz
    last = last_dose_lines(said["last_dose"], zone)
    steps = [f"from {row['from']}: {row['dose']} a day" for row in said["steps"]]
    symptoms = [
        f"{when(row['at'], zone)}: {score_words(row['score'])}"
        + (f". {'; '.join(row['answers'])}" if row["answers"] else "")
        for row in said["symptoms"]
    ]
    return [
        {"title": "Why", "lines": referral.reason.splitlines()},
        {"title": "Takes now, a day", "lines": taken or ["nothing on record"]},
        {"title": "Last dose taken", "lines": last or ["not known"]},
        {"title": "Steps so far", "lines": steps or ["no plan in force"]},
        {"title": "Symptoms", "lines": symptoms or ["no check-in yet"]},
        {"title": "Seizures and withdrawal",
         "lines": [f"{label}: {value}" for label, value in said["seizures"]]},
        {"title": "Seizure risk", "lines": [said["risk"]["tier"], *said["risk"]["because"]]},
        {"title": "Health and substances",
         "lines": [f"{label}: {value}" for label, value in said["health"]] or ["nothing present"]},
        {"title": "Other medicines", "lines": said["medicines"] or ["none told"]},
        {"title": "Earlier stays in a unit", "lines": stay_lines(said.get("stays", []), zone)},
        {"title": "Please", "lines": [
            "Do not stop the medicine at once (ASAM 2025 rec 2). Tell us when the patient is "
            "admitted, and at discharge what is still taken: we go on from there."]},
    ]  # fmt: skip


def stay_lines(stays: list[dict[str, Any]], zone: tzinfo) -> list[str]:
    """Return each earlier stay with the doses on its record, in lines."""
    lines = []
    for stay in stays:
        home = when(stay["home_at"], zone)
        lines.append(f"{stay['unit']}, home {home}. Left: {stay['left']}. {stay['summary']}")
        lines += [
            f"{when(dose['at'], zone)}: {dose['medicine']}, "
            + (dose["amount"] if dose["kind"] == "given" else "held")
            for dose in stay["doses"]
        ]
        if stay["more_doses"]:
            more = stay["more_doses"]
            lines.append(f"and {more} {'dose' if more == 1 else 'doses'} before these")
    return lines or ["none on record here"]


def referral_bundle(referral: Referral) -> bytes:
    """Return the same as a FHIR R4 document bundle; its ids are the same each time."""
    said = referral.document
    patient_url, unit_url, clinic_url = (
        f"urn:uuid:{uuid5(referral.pk, name)}" for name in ("patient", "unit", "clinic")
    )
    resources = [
        (f"urn:uuid:{uuid5(referral.pk, 'composition')}",
         composition(referral, patient_url, clinic_url)),
        (patient_url, {"resourceType": "Patient", **person_elements(said["patient"])}),
        (clinic_url, {"resourceType": "Organization",
                      **organization(said["clinic"]["name"], said["clinic"]["phone"])}),
        (unit_url, {"resourceType": "Organization",
                    **organization(referral.facility.name, referral.facility.phone)}),
        (f"urn:uuid:{uuid5(referral.pk, 'request')}",
         service_request(referral, patient_url, clinic_url, unit_url)),
        *((f"urn:uuid:{uuid5(referral.pk, f'taken {n}')}", statement(row, patient_url))
          for n, row in enumerate(said["taken"])),
        # A hand-over of before these were told has none.
        *((f"urn:uuid:{uuid5(referral.pk, f'adjunct {n}')}", adjunct_statement(row, patient_url))
          for n, row in enumerate(said.get("adjuncts", []))),
    ]  # fmt: skip
    bundle = {
        "resourceType": "Bundle", "type": "document",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{referral.pk}"},
        "timestamp": referral.sent_at.isoformat(),
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in resources],
    }  # fmt: skip
    return as_json(bundle)


def composition(referral: Referral, patient_url: str, clinic_url: str) -> dict[str, Any]:
    """Return the cover of the bundle: every part of the paper as text."""
    return {
        "resourceType": "Composition", "status": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "57133-1",
                             "display": "Referral note"}]},
        "subject": {"reference": patient_url}, "date": referral.sent_at.isoformat(),
        "author": [{"reference": clinic_url}], "title": "Hand-over to a detox unit",
        "section": [
            {"title": part["title"],
             "text": {"status": "generated", "div": narrative(part["lines"])}}
            for part in sections(referral)
        ],
    }  # fmt: skip


def service_request(
    referral: Referral, patient_url: str, clinic_url: str, unit_url: str
) -> dict[str, Any]:
    """Return what is asked of the unit."""
    return {
        "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "priority": "urgent", "code": {"text": "Inpatient withdrawal management"},
        "subject": {"reference": patient_url}, "authoredOn": referral.sent_at.isoformat(),
        "requester": {"reference": clinic_url}, "performer": [{"reference": unit_url}],
        "reasonCode": [{"text": referral.reason}],
    }  # fmt: skip


def statement(row: dict[str, str], patient_url: str) -> dict[str, Any]:
    """Return one medicine at one time of day, as it is taken."""
    return {
        "resourceType": "MedicationStatement", "status": "active",
        "medicationCodeableConcept": {"text": row["drug"]}, "subject": {"reference": patient_url},
        "dosage": [{"text": f"{row['slot']}: {row['mg']} mg"}],
    }  # fmt: skip


def adjunct_statement(row: dict[str, str], patient_url: str) -> dict[str, Any]:
    """Return one medicine that is given beside the taper: since when and for what."""
    return {
        "resourceType": "MedicationStatement", "status": "active",
        "medicationCodeableConcept": {"text": row["name"]}, "subject": {"reference": patient_url},
        "effectivePeriod": {"start": row["since"]}, "reasonCode": [{"text": row["for_what"]}],
    }  # fmt: skip
