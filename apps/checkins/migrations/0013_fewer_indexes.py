"""Indexes that another one begins with, and room beside each link for the row of its use.

A link is used once: with room on its page PostgreSQL writes that row beside the first one and
into none of the indexes (a heap-only tuple).
"""

import django.db.models.deletion
from django.db import migrations, models

# By hand: Django would make the foreign keys anew, and look at every row while nobody may write.
INDEXES = {
    "checkins_checkin_clinic_id_176c4708": "checkins_checkin (clinic_id)",
    "checkins_checkin_patient_id_124d0def": "checkins_checkin (patient_id)",
    "checkins_reminder_patient_id_c5bc6a3c": "checkins_reminder (patient_id)",
}
ROOM = "ALTER TABLE checkins_checkinlink SET (fillfactor = 80)"
NO_ROOM = "ALTER TABLE checkins_checkinlink RESET (fillfactor)"


class Migration(migrations.Migration):
    dependencies = [
        ("checkins", "0012_waits_by_its_words"),
        ("patients", "0009_days_told_elsewhere"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(f"DROP INDEX {name}", f"CREATE INDEX {name} ON {columns}")
                for name, columns in INDEXES.items()
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="checkin",
                    name="clinic",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="check_ins",
                        to="patients.clinic",
                    ),
                ),
                migrations.AlterField(
                    model_name="checkin",
                    name="patient",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="check_ins",
                        to="patients.patient",
                    ),
                ),
                migrations.AlterField(
                    model_name="reminder",
                    name="patient",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reminders",
                        to="patients.patient",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(ROOM, NO_ROOM),
    ]
