"""Keep on a plan who took it out of force, when and why."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0005_days_fit_pattern"),
        ("tapers", "0005_formulary_and_supply"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="taperplan",
            name="left_at",
            field=models.DateTimeField(
                blank=True, help_text="When it ended or was handed over to a hospital.", null=True
            ),
        ),
        migrations.AddField(
            model_name="taperplan",
            name="left_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="taperplan",
            name="left_reason",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddConstraint(
            model_name="taperplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("left_at__isnull", True),
                    models.Q(
                        ("left_by__isnull", False), models.Q(("left_reason", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="plan_left_with_a_reason",
            ),
        ),
    ]
