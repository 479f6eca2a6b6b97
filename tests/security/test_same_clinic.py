"""A row points at rows of its own clinic: PostgreSQL refuses any other.

A policy judges a row by its own clinic alone; without these keys a program that mistakes one id
could hang a check-in of this clinic on a patient of that one.
"""

from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from apps.checkins.models import CheckIn
from apps.database import policies
from apps.database.scope import one_clinic
from apps.patients.models import Patient
from tests.factories import CALM, check_in

# Links without such a key, and why none is needed or would cost more than it gives.
EXCEPTIONS = {
    "alerts.Alert.drill_of_id": "a drill joins the clinic of nobody real and the one it proves",
    "alerts.Alert.reached_id": "a drill reaches people of the clinic that it proves",
    "alerts.ContactMethod.gateway_id": "has no clinic of its own: it is its member's",
    "alerts.Delivery.gateway_id": "a drill goes out by the gateways of the clinic that it proves",
    "alerts.Delivery.recipient_id": "a drill goes to the people of the clinic that it proves",
    "alerts.Drill.alert_id": "the alert of a drill is of the clinic of nobody real",
    "alerts.SyntheticPatient.patient_id": "its patient is of the clinic of nobody real",
    "checkins.CareTask.check_in_id": "its patient is checked; an index more on each check-in",
    "checkins.CheckIn.corrects_id": "its patient is checked; an index more on each check-in",
    "checkins.Reminder.check_in_id": "its patient is checked; an index more on each check-in",
    "dashboard.PatientNote.corrects_id": "its patient is checked",
    "detox.DoseRecord.corrects_id": "its stay is checked",
    "detox.Referral.alert_id": "its patient is checked; an index more on each alert",
    "portal.PortalMail.code_id": "its patient is checked; a code has no clinic of its own",
    "tapers.Dispensing.corrects_id": "its patient is checked",
    "tapers.SpecialistSignOff.version_id": "has no clinic of its own: it is its plan's",
    "tapers.TaperPlan.in_force_id": "its patient is checked; a version has no clinic of its own",
}
TWO_COLUMNS = """
SELECT conrelid::regclass::text,
  array(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k(number, place)
    JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY place)
FROM pg_constraint WHERE contype = 'f' AND cardinality(conkey) = 2 AND convalidated
"""


def links() -> dict[str, tuple[str, str]]:
    """Return table and column of each link between two rows of clinics, but the one it hangs by.

    A row without a clinic of its own belongs to the clinic of the row that it hangs from.
    """
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if not policies.is_walled(model):
            continue
        fields = model._meta.local_concrete_fields
        own = any(field.column == "clinic_id" for field in fields)
        for field in fields:
            if not isinstance(field, models.ForeignKey) or field.column == "clinic_id":
                continue
            hangs = not own and field is policies.parent_field(model)
            if policies.is_walled(field.remote_field.model) and not hangs:
                label = f"{model._meta.label}.{field.column}"
                found[label] = (model._meta.db_table, field.column)
    return found


@pytest.mark.django_db
def test_every_link_between_rows_of_clinics_is_kept_inside_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute(TWO_COLUMNS)
        kept = {(table, columns[1]) for table, columns in cursor.fetchall()
                if columns[0] == "clinic_id"}  # fmt: skip
    open_links = {label for label, link in links().items() if link not in kept}
    assert open_links == set(EXCEPTIONS)


@pytest.mark.django_db
def test_no_check_in_is_hung_on_a_patient_of_another_clinic(patient, other_patient) -> None:
    answered = check_in(patient, CALM)
    values = {field.attname: getattr(answered, field.attname) for field in CheckIn._meta.fields}

    def copy_for(whose: Patient) -> None:
        new = {"id": uuid4(), "submission_id": uuid4(), "patient_id": whose.pk}
        with one_clinic(patient.clinic_id), transaction.atomic():
            CheckIn.objects.create(**{**values, **new})

    copy_for(patient)
    with pytest.raises(IntegrityError, match="check_in_of_clinic"):
        copy_for(other_patient)
    assert not CheckIn.objects.filter(patient=other_patient).exists()
