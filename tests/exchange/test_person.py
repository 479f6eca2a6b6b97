"""The patient's lists: told again as they came, until somebody here says otherwise."""

from datetime import date
from typing import Any

import pytest

from apps.exchange.fhir.kept import completed, is_within, marked
from apps.exchange.fhir.person import person_of, with_the_rest
from apps.exchange.fhir.within import ImportRefusedError

ON = date(2026, 3, 2)
HOME = {"system": "phone", "value": "555-1", "use": "home", "rank": 1}
WORK = {"system": "phone", "value": "555-2", "use": "work"}
FAX = {"system": "fax", "value": "555-3"}
MAIL = {"system": "email", "value": "wren@home.example"}
GIVEN = {"extension": [{"url": "urn:x", "valueString": "keep me"}]}
NAME = {"family": "Testperson", "given": ["Wren", "Middle"], "_given": [None, GIVEN]}
MAIDEN = {"family": "Oldname", "given": ["Wren"], "use": "maiden"}
CAME: dict[str, Any] = {
    "resourceType": "Patient", "id": "p", "name": [MAIDEN, NAME], "birthDate": "1980-05-17",
    "_birthDate": {"extension": [{"url": "urn:time", "valueTime": "10:00:00"}]},
    "telecom": [FAX, HOME, WORK, MAIL], "gender": "unknown", "deceasedBoolean": False,
    "address": [{"line": ["1 Elm"]}, {"text": "Camp", "use": "temp"}],
    "contact": [{"name": {"text": "Robin"}}, {"name": {"text": "Sam"}}],
    "communication": [{"language": {"text": "French"}, "preferred": True}],
    "text": {"status": "generated", "div": "<div>Call 555-1</div>"},
}  # fmt: skip
OURS: dict[str, Any] = {
    "resourceType": "Patient", "id": "p", "active": True, "birthDate": "1980-05-17",
    "name": [{"family": "Testperson", "given": ["Wren Middle"]}],
    "telecom": [{"system": "phone", "value": "555-1"}, MAIL],
    "contact": [{"name": {"text": "Robin"}}],
    "communication": [{"language": {"coding": [{"code": "en"}]}, "preferred": True}],
}  # fmt: skip


def told(**changed: Any) -> dict[str, Any]:
    """Return what is told after these elements of our row were changed; None takes one away."""
    ours = {name: value for name, value in (OURS | changed).items() if value is not None}
    return completed(ours, CAME, ON)


def phone(value: str) -> dict[str, str]:
    return {"system": "phone", "value": value}


def test_what_nobody_changed_is_told_as_it_came() -> None:
    assert told() == {**CAME, "active": True}


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        # Changed: the old one is gone, ours is first, the others stay without a claim.
        ([phone("555-9"), MAIL], [phone("555-9"), FAX, WORK, MAIL]),
        # Changed to one that came too: with all that is said of it, and once.
        ([phone("555-2"), MAIL], [WORK, FAX, MAIL]),
        # Taken away: nobody is called by the second number in its place.
        ([MAIL], [FAX, MAIL]),
        ([phone("555-1")], [FAX, HOME, WORK]),
        (None, [FAX]),
    ],
)
def test_what_was_changed_here_wins(ours: Any, expected: Any) -> None:
    found = told(telecom=ours)
    assert found["telecom"] == expected
    assert "text" not in found, "the words of the whole name the old number"
    assert found["name"] == CAME["name"], "what was not changed is as it came"


def test_a_number_of_before_that_is_used_again_is_no_number_of_before() -> None:
    came = CAME | {"telecom": [HOME, WORK | {"use": "old"}]}
    ours = OURS | {"telecom": [phone("555-2")]}
    assert with_the_rest(ours, came, ON)["telecom"] == [phone("555-2")]


def test_a_language_that_we_have_no_pages_in_is_not_lost() -> None:
    """Who speaks Cree reads English here; English is told only after somebody chose it."""
    spanish = {"language": {"coding": [{"code": "es"}]}, "preferred": True}
    mexican, cree = {"language": {"coding": [{"code": "es-MX"}]}}, {"language": {"text": "Cree"}}

    def spoken(ours: Any, *came: Any) -> Any:
        person = OURS | {"communication": [ours]}
        return with_the_rest(person, CAME | {"communication": list(came)}, ON)["communication"]

    english = OURS["communication"][0]
    preferred = cree | {"preferred": True}
    assert spoken(english, preferred) == [preferred]
    assert spoken(spanish, mexican, preferred) == [mexican, preferred]
    assert spoken(spanish, preferred) == [spanish, cree], "only ours claims to be preferred"
    assert spoken(spanish, preferred, mexican) == [mexican | {"preferred": True}, cree]
    assert spoken(english, mexican, preferred) == [english, cree]


def test_a_list_that_our_row_could_not_read_stays_beside_what_was_written_here() -> None:
    ours = {"text": "2 Oak"}
    assert told(address=[ours])["address"] == [ours, *CAME["address"]]
    assert told(contact=[{"name": {"text": "Kim"}}])["contact"] == [
        {"name": {"text": "Kim"}}, {"name": {"text": "Sam"}},
    ]  # fmt: skip
    assert "contact" not in told(contact=None)


@pytest.mark.parametrize(
    ("changed", "gone", "left"),
    [
        ({"birthDate": "1980-05-18"}, {"_birthDate", "text"}, {"birthDate": "1980-05-18"}),
        ({"gender": "female"}, {"text"}, {"gender": "female"}),
        ({"deceasedBoolean": True}, {"text"}, {"deceasedBoolean": True}),
    ],
)
def test_what_belongs_to_a_changed_value_goes_with_it(
    changed: dict[str, Any], gone: set[str], left: dict[str, Any]
) -> None:
    found = told(**changed)
    assert not gone & found.keys()
    assert left.items() <= found.items()


def test_a_death_that_came_and_was_a_slip_does_not_come_back() -> None:
    came = CAME | {"deceasedBoolean": True}
    assert with_the_rest(OURS | {"deceasedBoolean": True}, came, ON)["deceasedBoolean"] is True
    assert "deceasedBoolean" not in with_the_rest(OURS, came, ON)


def test_the_name_of_now_is_read_whatever_stands_before_it() -> None:
    gap = {"family": "Testperson", "given": [None, "Wren"], "_given": [GIVEN, None]}
    read = person_of(CAME | {"name": [MAIDEN, gap]}, "UTC", ON)
    assert (read["given_name"], read["family_name"]) == ("Wren", "Testperson")
    assert person_of(CAME, "UTC", ON)["given_name"] == "Wren Middle"
    with pytest.raises(ImportRefusedError, match="a family name, a given name"):
        person_of(CAME | {"name": [MAIDEN]}, "UTC", ON)


def test_one_more_code_says_the_same_and_one_more_dose_does_not() -> None:
    ours, other = {"system": "a", "code": "1"}, {"system": "b", "code": "2"}
    assert is_within({"coding": [ours]}, {"coding": [other, ours]})
    assert not is_within({"coding": [ours]}, {"coding": [other]})
    morning, night = {"text": "morning: 1 mg"}, {"text": "night: 1 mg"}
    assert not is_within({"dosage": [morning]}, {"dosage": [morning, night]})


def test_words_of_an_order_that_was_replaced_do_not_say_that_it_is_in_force() -> None:
    order = {"resourceType": "MedicationRequest", "id": "m", "status": "active",
             "text": {"status": "generated", "div": "<div>Take 2 mg</div>"}}  # fmt: skip
    assert "text" not in marked(order, replaced=True)
    assert marked(order, replaced=False)["text"] == order["text"]
