import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tapers", "0002_signatures_and_decisions"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="taperplan",
            trigger=pgtrigger.compiler.Trigger(
                name="plan_active_is_signed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"status\" = 'active')",
                    func="\n    IF NOT EXISTS (\n        SELECT 1 FROM tapers_signature s JOIN tapers_planversion v ON v.id = s.version_id\n        WHERE v.id = NEW.in_force_id AND v.plan_id = NEW.id\n          AND s.meaning = 'prescribe' AND s.content_hash = v.content_hash\n          AND (NOT v.needs_second OR EXISTS (\n              SELECT 1 FROM tapers_signature t WHERE t.version_id = v.id\n                AND t.meaning = 'second' AND t.content_hash = v.content_hash\n                AND t.signer_id <> s.signer_id))\n    ) THEN\n        RAISE EXCEPTION 'plan_active_is_signed: an unsigned version cannot be in force';\n    END IF;\n    RETURN NEW;\n",
                    hash="9f3fce468f27e0b220ddff882277bbad1d0aa06b",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_plan_active_is_signed_bbd0f",
                    table="tapers_taperplan",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="taperplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "active"), _negated=True),
                    ("in_force__isnull", False),
                    _connector="OR",
                ),
                name="plan_active_has_version",
            ),
        ),
    ]
