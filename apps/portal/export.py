"""Everything about one patient, for themself: to read, and for other programs.

The tables are found by walking from the patient along the foreign keys, so that a table
added tomorrow is in the file tomorrow. Nothing about others: members of staff appear as
"staff", a trusted person without their address, and no other patient at all.
"""

import io
import json
import re
import zipfile
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.template.loader import render_to_string

from apps.accounts.models import User
from apps.audit.reading import rows_about
from apps.checkins.models import CheckIn
from apps.exchange.fhir.bundle import collection
from apps.exchange.fhir.elements import as_json
from apps.exchange.fhir.record import Record
from apps.patients.models import Patient, StaffMember
from apps.portal.actions import write_down
from apps.portal.answers import answers_of
from apps.tapers.schedule import schedule_of

FORMAT: Final = "glidepath-patient-export-1"
# Rows that say how the machinery did its work, or hold the address of somebody else.
MACHINERY: Final = frozenset(
    {
        "portal.PortalMail",
        "portal.SignInCode",
        "alerts.Delivery",
        "alerts.DeliveryAttempt",
    }
)
# Keys that open something, and the machinery's own columns.
LEFT_OUT: Final = frozenset(
    {"token_hash", "address_hash", "lease_token", "lease_until", "submission_id",
     "weekly_submission_id", "last_error", "attempts", "clinic"}
)  # fmt: skip
# What is of somebody else, or of the clinic's counsel; and a sum of two drugs' milligrams, which
# the tablets of each step say of each drug.
OF_OTHERS: Final = {
    "portal.TrustedPerson": frozenset({"email"}),
    "exchange.KeptResource": frozenset({"body"}),  # fhir.json has it, without names of staff
    "retention.LegalHold": frozenset({"reason", "end_reason"}),
    "tapers.TaperStep": frozenset({"daily_mg"}),
}
Model = type[models.Model]


@transaction.atomic
def export_zip(*, patient: Patient, now: datetime) -> bytes:
    """Return a zip with `data.json`, `fhir.json` and `read-me.html`.

    The export is written down first.
    """
    write_down("portal.exported", patient, patient, patient, now)
    data = everything_about(patient, now)
    check_ins = CheckIn.as_given.filter(patient=patient).order_by("-received_at")
    page = {
        "patient": patient,
        "clinic": patient.clinic,
        "now": now,
        "data": data["tables"],
        "plans": [schedule for schedule in [schedule_of(patient, now)] if schedule],
        "access": data["access"],
        "check_ins": [{"row": row, "answers": answers_of(row)} for row in check_ins],
        "language": patient.language,
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.json", json.dumps(data, cls=DjangoJSONEncoder, indent=1))
        file.writestr("fhir.json", as_json(fhir_about(patient, now)))
        file.writestr("read-me.html", render_to_string("portal/export/readable.html", page))
    return content.getvalue()


def everything_about(patient: Patient, now: datetime) -> dict[str, Any]:
    """Return the machine-readable half: {format, made_at, tables, access}."""
    names = names_of_staff(patient)
    return {
        "format": FORMAT,
        "made_at": now,
        "clinic": patient.clinic.name,
        "tables": {
            label_of(model): [plain_row(row, names) for row in rows]
            for model, rows in tables_of(patient).items()
        },
        "access": access_of(patient),
    }


def fhir_about(patient: Patient, now: datetime) -> dict[str, Any]:
    """Return the record as other clinics' programs read it, without a name of the staff."""
    names = names_of_staff(patient)
    bundle = collection(Record(patient, now))
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] != "Patient":
            entry["resource"] = without(names, entry["resource"])
    return bundle


def without(names: re.Pattern[str], node: Any) -> Any:
    """Return the same JSON with each name of the staff taken out, another clinic's too."""
    if isinstance(node, dict):
        of_staff = {key: "staff" for key in node if key == "authorString"}
        if node.get("type") == "Practitioner" and "display" in node:
            of_staff["display"] = "staff"
        return {key: without(names, value) for key, value in node.items()} | of_staff
    if isinstance(node, list):
        return [without(names, value) for value in node]
    return names.sub("staff", node) if isinstance(node, str) else node


def label_of(model: Model) -> str:
    """Return a table's name as `app.Model`."""
    return f"{model._meta.app_label}.{model.__name__}"


def our_models() -> list[Model]:
    """Return the models of this project's own apps that are stored and no machinery."""
    found = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
    return [model for model in found if label_of(model) not in MACHINERY]


def tables_of(patient: Patient) -> dict[Model, list[models.Model]]:
    """Return the patient's rows of every table, the patient's own first."""
    found: dict[Model, list[models.Model]] = {Patient: [patient]}
    waiting: list[Model] = [Patient]
    while waiting:
        parent = waiting.pop(0)
        keys = [row.pk for row in found[parent]]
        for model in our_models():
            link = link_to(model, parent)
            if link is None or model in found:
                continue
            order = [field for field in ("created_at", "received_at", "at", "number") if
                     field in {f.name for f in model._meta.fields}]  # fmt: skip
            rows = model._base_manager.filter(**{f"{link}__in": keys})
            found[model] = list(rows.order_by(*order[:1], "pk"))
            waiting.append(model)
    return found


def link_to(model: Model, parent: Model) -> str | None:
    """Return the field by which a table belongs to `parent`; what is the patient's own by
    a key to the patient is not found again by another way.
    """
    links = {f.related_model: f.name for f in model._meta.fields if f.is_relation}
    if Patient in links and parent is not Patient:
        return None
    return links.get(parent) if parent is not model else None


def names_of_staff(patient: Patient) -> re.Pattern[str]:
    """Return what finds a name of the clinic's staff: timelines and notes hold them."""
    people = StaffMember.objects.filter(clinic_id=patient.clinic_id)
    names = people.values_list("user__full_name", flat=True)
    longest_first = sorted((re.escape(name) for name in names if name), key=len, reverse=True)
    return re.compile("|".join(longest_first) or r"(?!)")


def plain_row(row: models.Model, names: re.Pattern[str]) -> dict[str, Any]:
    """Return a row's columns without keys that open something and without other people."""
    secret = LEFT_OUT | OF_OTHERS.get(label_of(type(row)), frozenset())
    return {
        field.name: plain_value(row, field, names)
        for field in row._meta.fields
        if field.name not in secret
    }


def plain_value(row: models.Model, field: Any, names: re.Pattern[str]) -> Any:
    """Return one column; a member of staff is nobody in particular."""
    value = getattr(row, field.attname)
    if field.is_relation and field.related_model in (User, StaffMember):
        return "staff" if value else None
    # The patient's own name stays, also where somebody on the staff is called the same.
    own = isinstance(row, Patient)
    return names.sub("staff", value) if isinstance(value, str) and not own else value


def access_of(patient: Patient) -> list[dict[str, Any]]:
    """Return who did or looked at what and when, newest first, without anybody's name."""
    rows = rows_about(patient.pk, patient.clinic_id)
    trusted = set(patient.trusted_people.values_list("pk", flat=True))
    known: dict[UUID | None, str] = dict.fromkeys(trusted, "trusted person")
    known |= {patient.pk: "patient", None: "system"}
    return [
        {"at": row.at, "event": row.event, "by": known.get(row.actor_id, "staff")} for row in rows
    ]
