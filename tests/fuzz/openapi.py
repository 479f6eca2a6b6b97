"""Questions made of an OpenAPI: what fits a schema, and what nearly does."""

from typing import Any, Final

from hypothesis import strategies as st

NASTY: Final = st.sampled_from(
    [None, True, -1, 0, 1e308, 10**40, "", " ", "\x00", "x" * 3_000, "NaN", "½", "2026-02-30",
     "9999-12-31T23:59:59Z", "' OR 1=1 --", "{{7*7}}", [], {}, [[]], {"a": [1]}]
)  # fmt: skip
WORDS: Final = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


def fitting(schema: dict[str, Any], whole: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return what fits a schema; references are looked up in the whole OpenAPI.

    Raises KeyError for a type it does not know: a new one wants its line here.
    """
    if "$ref" in schema:
        return fitting(whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], whole)
    for word in ("anyOf", "allOf", "oneOf"):
        if word in schema:
            return st.one_of([fitting(each, whole) for each in schema[word]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind == "object":
        return of_object(schema, whole)
    if kind == "array":
        return st.lists(fitting(schema.get("items", {}), whole), max_size=3)
    if kind == "string":
        return of_text(schema)
    return {
        None: st.one_of(NASTY, st.integers(0, 9), WORDS),
        "null": st.none(),
        "boolean": st.booleans(),
        "integer": st.integers(schema.get("minimum", -9), schema.get("maximum", 9)),
        "number": st.floats(allow_nan=False, allow_infinity=False),
    }[kind]


def of_object(schema: dict[str, Any], whole: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return objects with every required field, and some of the others."""
    fields = {name: fitting(each, whole) for name, each in schema.get("properties", {}).items()}
    needed = set(schema.get("required", ()))
    more = schema.get("additionalProperties")
    if not fields and isinstance(more, dict):
        return st.dictionaries(WORDS, fitting(more, whole), max_size=3)
    return st.fixed_dictionaries(
        {name: each for name, each in fields.items() if name in needed},
        optional={name: each for name, each in fields.items() if name not in needed},
    )


def of_text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Return text of a format, or any of its length."""
    formats = {
        "uuid": st.uuids().map(str),
        "date": st.dates().map(str),
        "date-time": st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
        "time": st.times().map(str),
    }
    if "format" in schema:
        return formats[schema["format"]]
    if "pattern" in schema:
        return st.from_regex(schema["pattern"])
    return st.text(
        st.characters(codec="utf-8", exclude_characters="\x00"),
        min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 60), 60),
    )  # fmt: skip


@st.composite
def bent(draw: st.DrawFn, value: st.SearchStrategy[Any]) -> Any:
    """Return something that fits but for one place: other, gone, or one too many."""
    found = draw(value)
    if not isinstance(found, dict) or not found or draw(st.integers(0, 5)) == 0:
        return draw(NASTY)
    name = draw(st.sampled_from(sorted(found)))
    return draw(
        st.sampled_from([
            {**found, name: draw(NASTY)},
            {key: each for key, each in found.items() if key != name},
            {**found, "Xq7more": draw(NASTY)},
        ])
    )  # fmt: skip
