"""Of each alert, one person whom a message about it has reached (docs/adr/0034)."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import apps.alerts.states

# Of what is still open, so that the first page after this is as fast as the next.
FILL = """
UPDATE alerts_alert a SET reached_id = (
    SELECT d.recipient_id FROM alerts_delivery d
    WHERE d.alert_id = a.id AND d.status = 'sent' AND d.receipt IN ('', 'delivered')
    ORDER BY d.sent_at LIMIT 1
) WHERE a.status <> 'resolved';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0001_first_release"),
        ("patients", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="reached",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                help_text="One whom a message has reached, kept by PostgreSQL; empty says nothing.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.staffmember",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(
                    ("next_rung__gt", 0),
                    ("reached__isnull", True),
                    ("status", apps.alerts.states.AlertStatus["OPEN"]),
                ),
                fields=["clinic", "opened_at"],
                name="alert_unreached",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(
                    ("reached__isnull", False), ("status", apps.alerts.states.AlertStatus["OPEN"])
                ),
                fields=["reached"],
                name="alert_reached_open",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alert",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_begins_unreached",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.reached_id IS NOT NULL)",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;",
                    hash="70c31d70b4124edd9c69f134e9111ffec7d657e2",
                    operation="INSERT",
                    pgid="pgtrigger_alert_begins_unreached_7b64f",
                    table="alerts_alert",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alert",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_reached_by_a_message",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.reached_id IS NOT NULL AND NEW.reached_id IS DISTINCT FROM OLD.reached_id)",
                    func="\nIF NOT EXISTS (\n    SELECT FROM alerts_delivery d\n    WHERE d.alert_id = NEW.id AND d.recipient_id = NEW.reached_id AND (d.status = 'sent' AND d.receipt IN ('', 'delivered'))\n) THEN RAISE EXCEPTION 'No message about this alert has reached this person.';\nEND IF; RETURN NEW;\n",
                    hash="050cfb03ab60af6c8ff6f57c1004001afb9f677c",
                    operation="UPDATE",
                    pgid="pgtrigger_alert_reached_by_a_message_1dd3b",
                    table="alerts_alert",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_reached",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN ((NEW.status = 'sent' AND NEW.receipt IN ('', 'delivered')) AND NOT (OLD.status = 'sent' AND OLD.receipt IN ('', 'delivered')))",
                    func="\nUPDATE alerts_alert SET reached_id = NEW.recipient_id\n    WHERE id = NEW.alert_id AND reached_id IS NULL;\nRETURN NULL;\n",
                    hash="a6e4d1b44c50e3def4cd6b528ee19a81aa48f454",
                    operation="UPDATE",
                    pgid="pgtrigger_delivery_reached_1b2c9",
                    table="alerts_delivery",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_not_reached",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN ((OLD.status = 'sent' AND OLD.receipt IN ('', 'delivered')) AND NOT (NEW.status = 'sent' AND NEW.receipt IN ('', 'delivered')))",
                    func="\nUPDATE alerts_alert SET reached_id = NULL\n    WHERE id = NEW.alert_id AND reached_id = NEW.recipient_id;\nRETURN NULL;\n",
                    hash="a86f30a6bc864eb29047a01acb0ef99a9dd2c60f",
                    operation="UPDATE",
                    pgid="pgtrigger_delivery_not_reached_8b9bc",
                    table="alerts_delivery",
                    when="AFTER",
                ),
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
