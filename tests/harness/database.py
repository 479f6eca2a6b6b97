"""The address of the database that the running test uses, for processes of its own."""

from functools import cache
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

import psycopg
from django.db import connection
from psycopg import sql

from apps.database.roles import CREATE_ROLES, CREATE_RUN_LOGIN, RUN_LOGIN


def current_database_url() -> str:
    """Return the URL of this xdist worker's test database."""
    settings = connection.settings_dict
    if not settings["NAME"].startswith("test_"):
        raise AssertionError("ask for the address inside a test that uses the database")
    user = quote(settings["USER"])
    if settings["PASSWORD"]:
        user += f":{quote(settings['PASSWORD'])}"
    place = settings["HOST"] + (f":{settings['PORT']}" if settings["PORT"] else "")
    options = {k: v for k, v in settings["OPTIONS"].items() if _is_plain(v)}
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    return f"postgres://{user}@{place}/{settings['NAME']}{query}"


@cache
def run_url(owners_url: str) -> str:
    """Return the address of the same database for the login of a running installation.

    It may take the roles of the application and owns nothing; made where there is none yet.
    """
    parts = urlsplit(owners_url)
    login, at, place = parts.netloc.rpartition("@")
    _, colon, password = login.partition(":")
    with psycopg.connect(owners_url, autocommit=True) as owner:
        owner.execute(CREATE_ROLES)
        owner.execute(CREATE_RUN_LOGIN)
        if password:
            words = sql.SQL("ALTER ROLE {} PASSWORD {}")
            owner.execute(words.format(sql.Identifier(RUN_LOGIN), sql.Literal(unquote(password))))
    return urlunsplit(parts._replace(netloc=f"{RUN_LOGIN}{colon}{password}{at}{place}"))


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)
