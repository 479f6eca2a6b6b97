from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0007_back_from_a_slip"),
    ]

    operations = [
        migrations.AddField(
            model_name="patient",
            name="paused_since",
            field=models.DateTimeField(
                blank=True,
                help_text="When it was said; empty while not paused, and where older than this column.",
                null=True,
            ),
        ),
    ]
