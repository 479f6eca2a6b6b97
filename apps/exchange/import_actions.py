"""Bringing a record in: one file, one new patient, one transaction (docs/adr/0050)."""

import hashlib
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import DataError, IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.models import CareTask
from apps.checkins.task_team_actions import open_team_task
from apps.exchange.fhir.belongs import PLACE
from apps.exchange.fhir.elements import Resource, as_json
from apps.exchange.fhir.facts import NONE_TOLD
from apps.exchange.fhir.reading import ReadRecord, is_ours, read_bundle
from apps.exchange.fhir.within import ImportRefusedError
from apps.exchange.models import KeptResource, RecordImport
from apps.patients.actions import register_patient
from apps.patients.intake_actions import UnconfirmedDoseError
from apps.patients.models import Clinic, Patient

OF_ALL: Final = "Questionnaire"
READ_IT: Final = "A record came from elsewhere: read it, ask what is taken now, decide on a plan"


@transaction.atomic
def import_record(*, clinic: Clinic, bundle: Any, by: User, now: datetime) -> RecordImport:
    """Register the patient of a FHIR Bundle and keep everything it holds.

    Person, medicines taken and answers about risk become rows; every resource is kept as it
    came, with ids of ours. Nothing of it gives a dose, opens an alert or starts a clock: a plan
    is made and signed here before it drives anything, and one task asks somebody to read the
    record and to ask the patient. Patient, resources, task and audit rows are saved together or
    not at all. The same patient again is refused. Raises `ImportRefusedError` with a sentence.
    """
    read = read_or_refuse(bundle, clinic, now)  # before the lock: a long file takes its time
    text = text_of(read)
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    before = RecordImport.objects.filter(clinic=clinic, came_from=read.patient_key).first()
    if before is not None or is_here(clinic, uuid_of(read)):
        raise ImportRefusedError("This patient's record is here already. It comes in only once.")
    patient = registered(clinic, read, by, now)
    ids = new_ids(clinic.pk, patient, read)
    KeptResource.objects.bulk_create(
        [kept(patient, each, ids, read.urls, number) for number, each in enumerate(read.resources)],
        batch_size=500,
    )
    content = hashlib.sha256(text).hexdigest()
    found = RecordImport.objects.create(
        clinic=clinic, patient=patient, came_from=read.patient_key, content_hash=content,
        totals=read.totals, imported_at=now, imported_by=by,
    )  # fmt: skip
    if patient.status not in (Patient.Status.ENDED, Patient.Status.DECEASED):
        open_team_task(patient=patient, kind=CareTask.Kind.FOLLOW_UP, title=READ_IT, by=by, now=now)
    record(
        "record.imported", by=by, now=now, clinic_id=clinic.pk, patient_id=patient.pk, obj=patient,
        content=content, resources=len(read.resources),
    )  # fmt: skip
    return found


def read_or_refuse(bundle: Any, clinic: Clinic, now: datetime) -> ReadRecord:
    """Return what a Bundle says; refuse one whose elements are not shaped as FHIR has them."""
    try:
        return read_bundle(bundle, clinic.time_zone, now.astimezone(clinic.tz).date())
    except (AttributeError, KeyError, TypeError) as error:
        raise ImportRefusedError(
            "The patient, a condition or what is taken is not shaped as FHIR R4 has it."
        ) from error


def text_of(read: ReadRecord) -> bytes:
    """Return the resources as text; refuse what PostgreSQL or a JSON number cannot keep."""
    try:
        text = as_json({"all": read.resources})
    except (RecursionError, ValueError) as error:
        raise ImportRefusedError(f"The file cannot be kept as it is: {error}") from error
    if b"\\u0000" in text:
        raise ImportRefusedError("The file holds a character that no database keeps (NUL).")
    return text


def is_here(clinic: Clinic, key: UUID | None) -> bool:
    """Answer whether the clinic has a patient with this id."""
    return key is not None and Patient.objects.filter(clinic=clinic, pk=key).exists()


def uuid_of(read: ReadRecord) -> UUID | None:
    """Return the patient's id in the file if it is one like ours."""
    try:
        return UUID(read.patient_key)
    except ValueError:
        return None


def registered(clinic: Clinic, read: ReadRecord, by: User, now: datetime) -> Patient:
    """Return the new patient; the short number stays the same where it is free."""
    person = dict(read.person)
    taken = Patient.objects.filter(clinic=clinic, reference=person["reference"]).exists()
    if taken or not person["reference"]:
        del person["reference"]
    risk: dict[str, Any] = dict(read.risk)
    if read.other_medicines is not None:
        risk["other_medicines_asked"] = True
        if read.other_medicines != NONE_TOLD:
            risk["other_medicines"] = read.other_medicines
    try:
        return register_patient(
            clinic=clinic, person=person, medication=read.medication, risk=risk,
            further=read.further, by=by, now=now,
        )  # fmt: skip
    except UnconfirmedDoseError as error:
        raise ImportRefusedError(str(error)) from error
    except (DataError, IntegrityError) as error:
        raise ImportRefusedError(
            "The doses, days or months by which the medicine is taken cannot be so."
        ) from error


def new_ids(clinic_id: UUID, patient: Patient, read: ReadRecord) -> dict[str, str]:
    """Return for each `Type/id` of the file the id that it has here.

    What stands beside a row of ours has the row's id. Forms keep theirs: they are the same
    everywhere. All others get an id that follows from the clinic and the old one.
    """
    ids, old, new = {}, read.patient_key, str(patient.pk)
    for each in read.resources:
        kind, key = each["resourceType"], each["id"]
        if kind == "Patient":
            found = new
        elif is_ours(each) and key.startswith(f"{old}-"):
            found = new + key.removeprefix(old)
        elif kind == OF_ALL:
            found = key
        else:
            found = str(uuid5(clinic_id, f"{old}/{kind}/{key}"))
        ids[f"{kind}/{key}"] = found
    return ids


def kept(
    patient: Patient, each: Resource, ids: dict[str, str], urls: dict[str, str], position: int
) -> KeptResource:
    """Return the row that keeps one resource."""
    kind = each["resourceType"]
    key = ids[f"{kind}/{each['id']}"]
    body = with_ids(each, ids, urls) | {"id": key}
    return KeptResource(
        clinic_id=patient.clinic_id, patient=patient, position=position, kind=kind, key=key,
        body=body,
    )  # fmt: skip


def with_ids(node: Any, ids: dict[str, str], urls: dict[str, str]) -> Any:
    """Return the same JSON with each reference into the file led to its new id."""
    if isinstance(node, list):
        return [with_ids(each, ids, urls) for each in node]
    if not isinstance(node, dict):
        return node
    found = {name: with_ids(value, ids, urls) for name, value in node.items()}
    named = node.get("reference")
    if isinstance(named, str):
        place = urls.get(named, named)
        match = PLACE.fullmatch(place)
        old = f"{match['kind']}/{match['key']}" if match else ""
        if match and old in ids:
            found["reference"] = f"{match['kind']}/{ids[old]}"
    return found
