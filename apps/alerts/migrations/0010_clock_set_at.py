"""When an alert's clock was last set, and who first took it where a hand-over moved that.

In a migration of its own: the constraints that follow need the rows to be settled.
"""

import django.utils.timezone
from django.db import migrations, models

FILL = """
UPDATE alerts_alert SET clock_set_at = COALESCE(next_rung_at, ack_due_at, resolved_at, opened_at);
UPDATE alerts_alert a SET acknowledged_at = first.at
FROM (
    SELECT object_id, min(at) AS at FROM audit_auditevent
    WHERE event = 'alert.acknowledged' GROUP BY object_id
) first
WHERE first.object_id = a.id AND first.at < a.acknowledged_at;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0009_referred_as_an_act"),
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="clock_set_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="When the clock that runs, of the next rung or of the owner, was last set.",
            ),
            preserve_default=False,
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
