from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0006_months_told_on"),
    ]

    operations = [
        migrations.AddField(
            model_name="patient",
            name="status_before_death",
            field=models.CharField(
                blank=True,
                choices=[
                    ("active", "Active"),
                    ("paused", "Paused"),
                    ("in_hospital", "In hospital"),
                    ("ended", "Ended"),
                    ("deceased", "Deceased"),
                ],
                db_default="",
                default="",
                help_text="Where a slip leads back to; empty while alive, or older than this column.",
                max_length=12,
            ),
        ),
    ]
