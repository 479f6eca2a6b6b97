"""A row points at rows of its own clinic only (docs/adr/0041).

The many rows of before are looked at in 0015, while check-ins come in.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.database.same_clinic

# As the program does. To drop the former key takes the patients for itself: asked for after the
# check-ins, whoever is about to store one has the former and waits for the latter, each time.
PATIENTS_FIRST = "SET LOCAL lock_timeout = '2s'; LOCK TABLE patients_patient"


class Migration(migrations.Migration):
    dependencies = [
        ("checkins", "0004_stored_once_per_patient"),
        ("patients", "0004_same_clinic"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(PATIENTS_FIRST, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="standingorder",
            constraint=models.UniqueConstraint(
                fields=("clinic", "id"), name="order_known_in_clinic"
            ),
        ),
        migrations.AlterField(
            model_name="checkin",
            name="patient",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="check_ins",
                to="patients.patient",
            ),
        ),
        migrations.AddConstraint(
            model_name="caretask",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="task_of_clinic", to="patients_patient"
            ),
        ),
        apps.database.same_clinic.AddSameClinicNotValid(
            model_name="checkin",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="check_in_of_clinic", to="patients_patient"
            ),
        ),
        apps.database.same_clinic.AddSameClinicNotValid(
            model_name="checkinlink",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="link_of_clinic", to="patients_patient"
            ),
        ),
        apps.database.same_clinic.AddSameClinicNotValid(
            model_name="reminder",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="reminder_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="standingduty",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="duty_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="standingduty",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="order_id",
                name="duty_order_of_clinic",
                to="checkins_standingorder",
            ),
        ),
        migrations.AddConstraint(
            model_name="standingduty",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="owner_id",
                name="duty_owner_of_clinic",
                to="patients_staffmember",
            ),
        ),
    ]
