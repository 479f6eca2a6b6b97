from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("checkins", "0009_care_level_grows_old")]

    operations = [
        migrations.AddField(
            model_name="checkin",
            name="may_calm",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text=(
                    "False for what came too late, or by a link used too often: it only raises."
                ),
            ),
        ),
    ]
