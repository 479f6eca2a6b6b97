"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations, models

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0004_same_clinic"),
        ("portal", "0002_kept_rows"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(
                fields=("clinic", "id"), name="invitation_known_in_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="trustedperson",
            constraint=models.UniqueConstraint(
                fields=("clinic", "id"), name="trusted_known_in_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="consent_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="invitation_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="portalmail",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="mail_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="portalmail",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="invitation_id",
                name="mail_invitation_of_clinic",
                to="portal_invitation",
            ),
        ),
        migrations.AddConstraint(
            model_name="portalmail",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="trusted_id",
                name="mail_trusted_of_clinic",
                to="portal_trustedperson",
            ),
        ),
        migrations.AddConstraint(
            model_name="trustedperson",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="trusted_of_clinic", to="patients_patient"
            ),
        ),
    ]
