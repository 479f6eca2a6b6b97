"""What is asked of the previous release, in its own code: its Python runs it as `-c`.

It may use only what that release has; today's modules are not on its path.
"""

# Reads a row of every table with every column that it knows, and names the columns that it
# would leave empty and the database would not take empty.
READ_EVERYTHING = """
import django
django.setup()
from django.apps import apps
from django.db import connection
count = 0
for model in apps.get_models(include_auto_created=True):
    if not model._meta.managed or model._meta.proxy:
        continue
    list(model._base_manager.all()[:1])
    count += 1
    known = {field.column for field in model._meta.concrete_fields}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
            " AND table_schema = current_schema() AND is_nullable = 'NO'"
            " AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'",
            [model._meta.db_table],
        )
        for (column,) in cursor.fetchall():
            if column not in known:
                raise SystemExit(f"{model._meta.label} knows no {column} and cannot leave it empty")
print(count)
"""

# Makes a clinic with its rota and so many patients, each with a link; prints the links' paths.
HIRE = """
import json, sys
import django
django.setup()
from tests.faults.trials import hire
print(json.dumps(hire(int(sys.argv[1])).paths))
"""
