"""Statements that the ORM defines and nobody compiles twice: for the few paths that must be fast.

A queryset costs far more to turn into SQL than PostgreSQL needs to answer it. Here a queryset,
an UPDATE or an INSERT is turned into SQL once per process, and PostgreSQL keeps its plan
(docs/adr/0021). The models stay the only definition: a new field is in the statement at the
next start. Everywhere else a plain queryset is right.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Final, Generic, TypeVar, cast
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql import InsertQuery, Query, UpdateQuery
from psycopg import sql

from apps.database.objects import attach, new_object
from apps.database.postgresql.base import DatabaseWrapper
from apps.database.prepared import Answer, Row

M = TypeVar("M", bound=Model)

# One value of each type per name, told apart from every constant of a queryset.
STAND_INS: Final[Mapping[type, Callable[[int], object]]] = {
    UUID: lambda number: UUID(int=(1 << 127) + number),
    datetime: lambda number: datetime(1, 1, 2, 0, 0, number, number, tzinfo=UTC),
    date: lambda number: date(1, 1, number),
    str: lambda number: f"\N{WHITE STAR} {number}",
    int: lambda number: 30_000 + number,
}


def execute(statement: str, values: Any) -> Answer:
    """Run one kept statement in the present transaction.

    While queries are logged or watched Django's own cursor runs it: that one knows the
    statement with its values, which is what a log shows.
    """
    database = cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])
    if is_watched(database):
        with database.cursor() as cursor:
            cursor.execute(statement, values)
            return Answer(cursor.fetchall() if cursor.description else [], cursor.rowcount)
    make_ready(database)
    with database.wrap_database_errors:
        return database.prepared.run(statement, values)


def execute_later(statement: str, values: Any) -> None:
    """Run a kept statement whose answer nobody reads: with the next one, or with the COMMIT.

    Any read sees what it wrote. An error of its own is raised by that next statement, and by the
    end of the `atomic` block at the latest: only for a write that breaks no rule whose breach
    somebody catches. At once outside a transaction, and while queries are watched.
    """
    database = cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])
    if is_watched(database):
        execute(statement, values)
        return
    make_ready(database)
    with database.wrap_database_errors:
        database.prepared.run_later(statement, values)


def ask_ahead(statement: str, values: Any) -> Callable[[], list[Row]]:
    """Ask now, with the next statement or the COMMIT; return what gives the rows then.

    For a read whose answer is needed only after another one: both make one journey. It sees what
    was written before it was asked. At once outside a transaction, and while queries are watched.
    """
    database = cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])
    if is_watched(database):
        rows = execute(statement, values).rows
        return lambda: rows
    make_ready(database)
    with database.wrap_database_errors:
        ahead = database.prepared.ask_ahead(statement, values)
    return database.wrap_database_errors(ahead.rows)


def is_watched(database: DatabaseWrapper) -> bool:
    """Answer whether queries are logged, or wrapped by who looks at them."""
    return bool(database.queries_logged or database.execute_wrappers)


def make_ready(database: DatabaseWrapper) -> None:
    """Connect where there is no connection, as Django does before it gives a cursor."""
    if not (database.connection and database.health_check_done):  # asked for once in a request
        database.close_if_health_check_failed()
        database.ensure_connection()
    database.validate_no_broken_transaction()


def named(query: Query, stand_ins: Mapping[str, object], compiler: Any) -> str:
    """Return a query's SQL with `%(name)s` for each stand-in and its constants written out.

    Constants are part of the text, so that partial indexes whose condition they meet are used.
    """
    text, params = compiler.as_sql()
    names = {value: name for name, value in stand_ins.items()}
    parts = [
        f"%({names[value]})s" if isinstance(value, str | int | date | UUID) and value in names
        else sql.Literal(value).as_string(connection.connection).replace("%", "%%")
        for value in params
    ]  # fmt: skip
    missing = [name for name in stand_ins if f"%({name})s" not in parts]
    if missing:
        raise LookupError(f"{missing} of the statement on {query.model} went nowhere.")
    return cast(str, text.replace("%%", "%%%%") % tuple(parts))


class Statement:
    """What reads and updates share: named values, each with its type, and their stand-ins."""

    def __init__(self, build: Callable[..., Any], /, **types: type) -> None:
        """Take the function that makes the queryset; it is called once, at the first use."""
        self.build = build
        self.stand_ins = {
            name: STAND_INS[kind](number) for number, (name, kind) in enumerate(types.items(), 1)
        }


class Read(Statement, Generic[M]):
    """A queryset of whole objects, `select_related` and `annotate` included."""

    @cached_property
    def compiled(self) -> tuple[str, Callable[[list[Row]], list[M]]]:
        """The SQL, and what makes objects of its rows, as `ModelIterable` does."""
        connection.ensure_connection()
        queryset: QuerySet[M] = self.build(**self.stand_ins)
        compiler = queryset.query.get_compiler(connection=connection)
        text = named(queryset.query, self.stand_ins, compiler)
        info, select = compiler.klass_info, compiler.select
        first, last = info["select_fields"][0], info["select_fields"][-1] + 1
        names = [column[0].target.attname for column in select[first:last]]
        related = get_related_populators(info, select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
        annotations = list(compiler.annotation_col_map.items())
        converters = compiler.get_converters([column[0] for column in select])

        def objects(rows: list[Row]) -> list[M]:
            found = []
            for row in compiler.apply_converters(rows, converters):
                each = new_object(info["model"], names, row[first:last])
                attach(related, row, each)
                for name, place in annotations:
                    setattr(each, name, row[place])
                found.append(each)
            return found

        return text, objects

    def all(self, **values: object) -> list[M]:
        """Return every object."""
        text, objects = self.compiled
        return objects(execute(text, values).rows)

    def ahead(self, **values: object) -> Callable[[], list[M]]:
        """Ask for every object ahead (`ask_ahead`); call what is returned to have them."""
        text, objects = self.compiled
        rows = ask_ahead(text, values)
        return lambda: objects(rows())

    def first(self, **values: object) -> M | None:
        """Return the first object, None without one."""
        return next(iter(self.all(**values)), None)


class ReadRows(Statement):
    """A queryset of `values_list`."""

    @cached_property
    def compiled(self) -> tuple[str, Callable[[list[Row]], list[Row]]]:
        """The SQL, and what converts its columns."""
        connection.ensure_connection()
        query = self.build(**self.stand_ins).query
        compiler = query.get_compiler(connection=connection)
        text = named(query, self.stand_ins, compiler)
        converters = compiler.get_converters([column[0] for column in compiler.select])

        def rows_of(rows: list[Row]) -> list[Row]:
            return [tuple(row) for row in compiler.apply_converters(rows, converters)]

        return text, rows_of

    def all(self, **values: object) -> list[Row]:
        """Return every row, in the order of the fields given to `values_list`."""
        text, rows_of = self.compiled
        return rows_of(execute(text, values).rows)


class Change(Statement):
    """An UPDATE: `build` returns the queryset and the new values."""

    @cached_property
    def text(self) -> str:
        """The SQL."""
        connection.ensure_connection()
        queryset, changes = self.build(**self.stand_ins)
        query = queryset.query.chain(UpdateQuery)
        query.add_update_values(changes)
        return named(query, self.stand_ins, query.get_compiler(connection=connection))

    def run(self, **values: object) -> int:
        """Return how many rows it changed."""
        return execute(self.text, values).changed

    def run_later(self, **values: object) -> None:
        """Change the rows with the next statement or the COMMIT (`execute_later`)."""
        execute_later(self.text, values)


class Insert(Generic[M]):
    """`objects.create` and `bulk_create` of one model, without its compilation."""

    def __init__(self, model: type[M], *, skip_taken: bool = False) -> None:
        """Take the model; its fields are looked at when the first row is stored.

        With `skip_taken` a row that breaks a rule of uniqueness is not stored, and no error.
        """
        self.model, self.skip_taken = model, skip_taken
        self.texts: dict[int, str] = {}

    @cached_property
    def fields(self) -> list[Any]:
        """Every column that we give a value; PostgreSQL gives the others theirs."""
        meta = self.model._meta
        return [f for f in meta.concrete_fields if f is not meta.auto_field]

    def compile(self, count: int, row: M) -> str:
        """Return the INSERT of so many rows like this one; it returns their primary keys."""
        connection.ensure_connection()
        query = InsertQuery(self.model)
        query.insert_values(self.fields, [row])
        ((text, _),) = query.get_compiler(connection=connection).as_sql()
        head, values = text.split(" VALUES ", 1)
        text = f"{head} VALUES {', '.join([values] * count)}"
        if self.skip_taken:
            text += " ON CONFLICT DO NOTHING"
        key = cast("str", self.model._meta.pk.column)
        return f"{text} RETURNING {connection.ops.quote_name(key)}"

    def run(self, *rows: M) -> bool:
        """Store new objects with one statement; False where one of them was skipped."""
        keys = execute(self.text_for(rows), self.values_of(rows)).rows
        if self.skip_taken and len(keys) < len(rows):
            return False
        for row, (key,) in zip(rows, keys, strict=True):
            if self.model._meta.auto_field:
                row.pk = key
            row._state.adding, row._state.db = False, "default"
        return True

    def run_later(self, *rows: M) -> None:
        """Store new objects with the next statement or the COMMIT (`execute_later`).

        A key that PostgreSQL gives stays unknown here.
        """
        if self.skip_taken:
            raise TypeError("Whether a row was skipped is an answer: use `run`.")
        execute_later(self.text_for(rows), self.values_of(rows))
        for row in rows:
            row._state.adding, row._state.db = False, "default"

    def text_for(self, rows: Sequence[M]) -> str:
        """Return the INSERT of as many rows."""
        text = self.texts.get(len(rows))
        if text is None:
            text = self.texts[len(rows)] = self.compile(len(rows), rows[0])
        return text

    def values_of(self, rows: Sequence[M]) -> list[Any]:
        """Return what the statement is given, row by row."""
        database = connections[DEFAULT_DB_ALIAS]  # looked up once, not once for each value
        return [
            field.get_db_prep_save(field.pre_save(row, add=True), database)
            for row in rows
            for field in self.fields
        ]
