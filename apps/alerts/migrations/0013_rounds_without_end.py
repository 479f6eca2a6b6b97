"""Numbers of rounds and attempts that no outage can use up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0012_board_order"),
        ("patients", "0007_taken_before"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="deliveryattempt",
            name="attempt_result_known",
        ),
        migrations.RemoveConstraint(
            model_name="systemalert",
            name="system_alert_kind_known",
        ),
        migrations.AlterField(
            model_name="alert",
            name="next_rung",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="attempts",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="round",
            field=models.PositiveIntegerField(help_text="Step of the ladder, from 0."),
        ),
        migrations.AlterField(
            model_name="deliveryattempt",
            name="number",
            field=models.PositiveIntegerField(),
        ),
        migrations.AlterField(
            model_name="systemalert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("stranded", "An alert has passed its time and nothing has moved it"),
                    ("unreached", "An open alert has reached nobody"),
                    ("drill", "The weekly drill was missed, slow or not delivered"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="deliveryattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "result__in",
                        [
                            "started",
                            "sent",
                            "temporary",
                            "throttled",
                            "permanent",
                            "unclear",
                            "unknown",
                            "unwanted",
                        ],
                    )
                ),
                name="attempt_result_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="systemalert",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["stranded", "unreached", "drill"])),
                name="system_alert_kind_known",
            ),
        ),
    ]
