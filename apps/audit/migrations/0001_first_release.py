import uuid

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("audit", "0001_initial"),
        ("audit", "0002_seals"),
        ("audit", "0003_trails"),
    ]

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "clinic_id",
                    models.UUIDField(default=uuid.UUID("00000000-0000-0000-0000-000000000000")),
                ),
                (
                    "sequence",
                    models.BigIntegerField(help_text="1, 2, 3 … without a gap within a clinic."),
                ),
                ("event_id", models.BigIntegerField(unique=True)),
                ("digest", models.BinaryField(help_text="SHA-256, 32 bytes.")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic_id", "sequence"), name="seal_one_per_place"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sequence__gte", 1)), name="seal_from_one"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UnsealedEvent",
            fields=[
                ("event_id", models.BigIntegerField(primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("event", models.CharField(max_length=60)),
                ("clinic_id", models.UUIDField(blank=True, null=True)),
                (
                    "actor_id",
                    models.UUIDField(
                        blank=True, help_text="Empty for the system itself.", null=True
                    ),
                ),
                ("patient_id", models.UUIDField(blank=True, null=True)),
                ("object_type", models.CharField(blank=True, max_length=40)),
                ("object_id", models.UUIDField(blank=True, null=True)),
                ("request_id", models.UUIDField(default=uuid.uuid4)),
                ("details", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["clinic_id", "-at"], name="audit_audit_clinic__689622_idx"
                    ),
                    models.Index(
                        fields=["patient_id", "-at"], name="audit_audit_patient_141f76_idx"
                    ),
                    models.Index(fields=["actor_id", "-id"], name="audit_of_person"),
                    models.Index(fields=["object_id", "-id"], name="audit_of_object"),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditevent",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="04f8f2f6fab2cf336bff74f00537adf876acce3f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_audit_append_only_f6eda",
                    table="audit_auditevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditevent",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'The audit record is append-only: TRUNCATE is refused.';",
                    hash="df95389dff6a57aa90e2e0417aed7ab18f138004",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_audit_no_truncate_50e0d",
                    table="audit_auditevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditevent",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_awaits_seal",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO audit_unsealedevent (event_id) VALUES (NEW.id); RETURN NULL;",
                    hash="a2994a27bc5e7215c643baf35620a53cb252f24a",
                    operation="INSERT",
                    pgid="pgtrigger_audit_awaits_seal_9dde7",
                    table="audit_auditevent",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditseal",
            trigger=pgtrigger.compiler.Trigger(
                name="seal_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="b3621352e99c73680ec713225b11d8cd456858fa",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_seal_append_only_a92af",
                    table="audit_auditseal",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditseal",
            trigger=pgtrigger.compiler.Trigger(
                name="seal_no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'The audit record is append-only: TRUNCATE is refused.';",
                    hash="3cd3dfac9eee38081aecaface1ef1a249587bfb7",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_seal_no_truncate_c56a7",
                    table="audit_auditseal",
                    when="BEFORE",
                ),
            ),
        ),
    ]
