"""Keep the patient's agreement and specialists' words with the version they are for."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# What was agreed to and signed off so far was the version that was signed first.
AGREEMENT = """
    ALTER TABLE tapers_agreement ADD COLUMN version_id uuid;
    UPDATE tapers_agreement t SET version_id = (
        SELECT v.id FROM tapers_planversion v
        JOIN tapers_signature s ON s.version_id = v.id AND s.meaning = 'prescribe'
        WHERE v.plan_id = t.plan_id ORDER BY v.number LIMIT 1);
    ALTER TABLE tapers_agreement DROP COLUMN plan_id;
    ALTER TABLE tapers_agreement ADD PRIMARY KEY (version_id);
    ALTER TABLE tapers_agreement ADD CONSTRAINT tapers_agreement_version_id_fk
        FOREIGN KEY (version_id) REFERENCES tapers_planversion (id)
        DEFERRABLE INITIALLY DEFERRED;
"""

SIGN_OFF = """
    UPDATE tapers_specialistsignoff t SET version_id = (
        SELECT v.id FROM tapers_planversion v
        JOIN tapers_signature s ON s.version_id = v.id AND s.meaning = 'prescribe'
        WHERE v.plan_id = t.plan_id ORDER BY v.number LIMIT 1);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tapers", "0007_a_draft_may_be_put_away"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(model_name="agreement", name="agreement_immutable"),
        pgtrigger.migrations.RemoveTrigger(
            model_name="specialistsignoff", name="sign_off_immutable"
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(AGREEMENT, migrations.RunSQL.noop)],
            state_operations=[
                migrations.RenameField("agreement", "plan", "version"),
                migrations.AlterField(
                    model_name="agreement",
                    name="version",
                    field=models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="agreement",
                        serialize=False,
                        to="tapers.planversion",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="agreement",
            name="agreed_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AlterModelOptions(
            name="specialistsignoff", options={"ordering": ["recorded_at"]}
        ),
        migrations.AlterField(
            model_name="specialistsignoff",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sign_offs",
                to="tapers.taperplan",
            ),
        ),
        migrations.AddField(
            model_name="specialistsignoff",
            name="version",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sign_offs",
                to="tapers.planversion",
            ),
        ),
        migrations.RunSQL(SIGN_OFF, migrations.RunSQL.noop),
        # The foreign key's deferred check must have run before the column is altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="specialistsignoff",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sign_offs",
                to="tapers.planversion",
            ),
        ),
        migrations.AlterField(
            model_name="agreement",
            name="how",
            field=models.CharField(
                blank=True,
                choices=[
                    ("visit", "At a visit"),
                    ("video", "By video"),
                    ("phone", "By phone"),
                    ("guardian", "With a parent or guardian"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="agreement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("agreed_on__isnull", True), ("how", "")),
                    models.Q(("agreed_on__isnull", False), models.Q(("how", ""), _negated=True)),
                    _connector="OR",
                ),
                name="agreement_has_a_day_and_a_way",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="agreement",
            trigger=pgtrigger.compiler.Trigger(
                name="agreement_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="20b6a0c331eaf3177afe9fd90c52730ea76a31cf",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_agreement_immutable_a69b7",
                    table="tapers_agreement",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="specialistsignoff",
            trigger=pgtrigger.compiler.Trigger(
                name="sign_off_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5430617b8e0c306a98a4239280fc3f4e95268f92",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_sign_off_immutable_38809",
                    table="tapers_specialistsignoff",
                    when="BEFORE",
                ),
            ),
        ),
    ]
