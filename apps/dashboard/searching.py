"""Which words a patient is found by, and how a typed search becomes words. Pure functions.

Names are kept without accents and small, as they are typed in a hurry: "garcia" finds
García. A phone number is kept also from its end backwards, so that any number of its
last digits is the beginning of a kept word, which an index finds fast.
"""

import unicodedata
from typing import Final

FEWEST_DIGITS: Final = 3  # of a phone number; two would find half the clinic
MOST_WORDS: Final = 6
# From so many on the last digits alone tell a number, with or without country and leading 0.
ENOUGH_DIGITS: Final = 9
BACKWARDS: Final = "end"  # before the digits of a phone number from its last to its first
WHOLE_NUMBERS: Final = (7, 10)  # digits without area and country, and without country
# Letters that Unicode takes for letters of their own, not for one with an accent.
ALIKE: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
APOSTROPHES: Final = str.maketrans("", "", "'’ʼ`´")


def plain(text: str) -> str:
    """Return text in small letters without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign)).translate(ALIKE)


def words_in(text: str) -> list[str]:
    """Return the words of a text; whatever is no letter or digit parts them."""
    return "".join(sign if sign.isalnum() else " " for sign in plain(text)).split()


def search_words(query: str) -> list[str]:
    """Return the words of a typed search as the index holds them; digits run together."""
    digits = digits_in(query)
    if digits and not any(sign.isalpha() for sign in query):
        return [digits] if len(digits) >= FEWEST_DIGITS else []
    return words_in(query)[:MOST_WORDS]


def search_expression(words: list[str]) -> str:
    """Return words as PostgreSQL's `to_tsquery` takes them: the beginning of each is enough."""
    return " & ".join(map(word_expression, words))


def word_expression(word: str) -> str:
    """Return one word for `to_tsquery`; of digits the last ones are enough too."""
    if not word.isdigit():
        return f"'{word}':*"
    return f"('{word}':* | '{BACKWARDS}{word[::-1][:ENOUGH_DIGITS]}':*)"


def index_words(*, names: str, reference: str, phone: str) -> str:
    """Return the words by which a patient is found: names, reference, both ends of the phone."""
    found = [*words_in(names), *words_in(names.translate(APOSTROPHES))]
    found += [*words_in(reference), "".join(words_in(reference))]
    digits = digits_in(phone)
    if digits:
        found += [digits, BACKWARDS + digits[::-1]]
        found += [digits[-size:] for size in WHOLE_NUMBERS if len(digits) > size]
    return " ".join(dict.fromkeys(found))


def digits_in(text: str) -> str:
    """Return the digits of a text, run together."""
    return "".join(sign for sign in text if sign.isascii() and sign.isdigit())
