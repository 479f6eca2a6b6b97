"""The address of the database that the running test uses, for processes of its own."""

from urllib.parse import quote, urlencode

from django.db import connection


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


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)
