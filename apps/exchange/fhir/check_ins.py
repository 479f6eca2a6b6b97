"""Check-ins: the form by version, what was answered, the scores, and the patient's own words."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from apps.checkins.forms import REQUESTS
from apps.checkins.models import CheckIn
from apps.clinical.questionnaires import (
    Condition,
    Item,
    Questionnaire,
    amount_of,
    get_questionnaire,
)
from apps.clinical.scoring import dws, gad7, phq9
from apps.exchange.fhir.belongs import ONLY_KEPT
from apps.exchange.fhir.codes import (
    BASE,
    LOINC,
    LOINC_ITEMS,
    LOINC_SCORES,
    UCUM,
    concept,
    hl7,
    local,
)
from apps.exchange.fhir.elements import (
    Resource,
    extension,
    extensions,
    filled,
    in_code,
    moment,
    notes,
    reference,
    resource,
)
from apps.exchange.fhir.record import Record

ITEM_TYPES: Final = {
    "single": "choice", "multi": "choice", "scale": "choice", "number": "decimal",
    "amount": "quantity", "temperature": "decimal", "text": "text", "yes_no": "boolean",
}  # fmt: skip
# HL7's own extension: the units that a quantity may be told in.
UNIT_OPTION: Final = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption"
# The range of each total, in words for the reader of a bare number.
TOTALS: Final = {
    "dws": (dws, "Daily withdrawal score, 0 to 40; not a validated instrument"),
    "phq9": (phq9, "PHQ-9 total, 0 to 27"),
    "gad7": (gad7, "GAD-7 total, 0 to 21"),
}


def form_id(kind: str, version: int) -> str:
    """Return the id of a published form."""
    return f"{kind}-{version}"


def form_url(kind: str, version: int) -> str:
    """Return the name by which an answer names its form, with the version."""
    return f"{BASE}/Questionnaire/{kind}|{version}"


def questionnaires(record: Record) -> list[Resource]:
    """Return the forms that were answered, in every version that was."""
    used = {(row.questionnaire, row.questionnaire_version) for row in record.check_ins}
    return [questionnaire(kind, version) for kind, version in sorted(used)]


def questionnaire(kind: str, version: int) -> Resource:
    """Return one published form, in English."""
    form = get_questionnaire(kind, version)
    return resource(
        "Questionnaire", form_id(kind, version),
        url=f"{BASE}/Questionnaire/{kind}", version=str(version),
        name=f"{kind.capitalize()}CheckIn", title=form.title["en"], status="active",
        subjectType=["Patient"], copyright=" ".join(each["en"] for each in form.credits),
        item=[
            {"linkId": f"section-{section.key}", "type": "group",
             "text": section.heading["en"] or section.key,
             "item": [question(form, item) for item in form.items_of(section.key)]}
            for section in form.sections if form.items_of(section.key)
        ],
    )  # fmt: skip


def question(form: Questionnaire, item: Item) -> dict[str, Any]:
    """Return one question with its choices and when it is asked."""
    code = LOINC_ITEMS.get(item.key)
    is_coded = ITEM_TYPES[item.kind] == "choice"
    shown = list(enabling(form, item.shown_when)) if item.shown_when else []
    return filled({
        "extension": [
            {"url": UNIT_OPTION, "valueCoding": {"system": UCUM, "code": each.value}}
            for each in item.units
        ],
        "linkId": item.key,
        "code": [{"system": LOINC, "code": code}] if code else None,
        "text": item.wording["en"],
        "type": ITEM_TYPES[item.kind],
        "enableWhen": shown,
        "enableBehavior": "any" if len(shown) > 1 else None,
        "required": item.mandatory or None,
        "repeats": True if item.kind == "multi" else None,
        "maxLength": item.max_length if item.kind == "text" else None,
        "answerOption": [
            {"valueCoding": choice(option.value, option.label["en"])} for option in item.options
        ] if is_coded else None,
    })  # fmt: skip


def enabling(form: Questionnaire, condition: Condition) -> Iterator[dict[str, Any]]:
    """Yield when a question is asked, as far as FHIR can say it.

    What depends on facts beside the form is left out: the question is then always there, and
    asking once too often is the safe side.
    """
    if condition.source != "answer" or condition.op not in ("in", "includes"):
        return
    kind = form.item(condition.key).kind
    for value in condition.values:
        name = "answerBoolean" if kind == "yes_no" else "answerCoding"
        yield {
            "question": condition.key, "operator": "=",
            name: value if kind == "yes_no" else choice(value),
        }  # fmt: skip


def choice(value: object, words: str = "") -> dict[str, Any]:
    """Return one choice of a question."""
    return local("answer", str(value), words)


def responses(record: Record) -> list[Resource]:
    """Return each check-in as it was answered."""
    return [response(record, row) for row in record.check_ins]


def response(record: Record, row: CheckIn) -> Resource:
    """Return one check-in; a correction is one of its own and says what it corrects."""
    form = get_questionnaire(row.questionnaire, row.questionnaire_version)
    status = "completed" if row.is_complete else "in-progress"
    return resource(
        "QuestionnaireResponse", row.pk,
        extension=extensions(
            extension("received-at", valueInstant=moment(row.received_at)),
            *(extension("asked-for", valueCode=each) for each in row.requests),
            out_of_time(row),
            *([extension("corrects", valueReference=reference(
                "QuestionnaireResponse", row.corrects_id))] if row.corrects_id else []),
        ),
        modifierExtension=counted_nowhere(row),
        language=row.language,
        questionnaire=form_url(row.questionnaire, row.questionnaire_version),
        status="amended" if row.corrects_id and row.is_complete else status,
        subject=reference("Patient", record.patient.pk),
        authored=moment(row.reported_at), author=told_by(record, row),
        source=told_by(record, row), item=list(answered_sections(form, row.answers)),
    )  # fmt: skip


def out_of_time(row: CheckIn) -> dict[str, Any]:
    """Return the mark of what came too late or by a used link."""
    return extension("came-out-of-time", valueCode=row.arrival)


def counted_nowhere(row: CheckIn) -> list[dict[str, Any]]:
    """Return the mark of what is only kept: who does not know it must not read the answers.

    They are calm, and perhaps a stranger's who found an old mail (ADR 97).
    """
    return [] if row.counts else [extension(ONLY_KEPT, valueBoolean=True)]


def told_by(record: Record, row: CheckIn) -> dict[str, str]:
    """Return whose word it is; a trusted person has a name and no resource."""
    if row.reporter == CheckIn.Reporter.TRUSTED:
        return {"type": "RelatedPerson", "display": row.reporter_name}
    return reference("Patient", record.patient.pk)


def answered_sections(form: Questionnaire, answers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the answers below the headings under which they were asked."""
    for section in form.sections:
        items = [
            {"linkId": item.key, "text": item.wording["en"],
             "answer": values_of(item, answers[item.key])}
            for item in form.items_of(section.key) if item.key in answers
        ]  # fmt: skip
        if items:
            yield {"linkId": f"section-{section.key}", "item": items}


def values_of(item: Item, given: Any) -> list[dict[str, Any]]:
    """Return one answer as FHIR has it; several choices are several values."""
    kind = ITEM_TYPES[item.kind]
    if kind == "boolean":
        return [{"valueBoolean": given}]
    if kind == "text":
        return [{"valueString": given}]
    if kind == "decimal":
        return [{"valueDecimal": given}]
    if kind == "quantity":
        return [{"valueQuantity": quantity(given)}]
    words = {option.value: option.label["en"] for option in item.options}
    several = given if isinstance(given, list) else [given]
    return [{"valueCoding": choice(value, words.get(value, ""))} for value in several]


def quantity(given: Any) -> dict[str, Any]:
    """Return an amount with its unit; where nobody said mg or mL the number stands alone."""
    amount = amount_of(given) if isinstance(given, str) else None
    if amount is None:
        return {"value": given}
    return {"value": amount.value, "unit": amount.unit, "system": UCUM, "code": amount.unit}


def score_observations(record: Record) -> list[Resource]:
    """Return the scores and the level of each check-in, and the CIWA-B totals of a stay."""
    of_check_ins = [
        each for row in record.check_ins if row.counts for each in scores_of(record, row)
    ]
    return [*of_check_ins, *ciwa_totals(record)]


def scores_of(record: Record, row: CheckIn) -> Iterator[Resource]:
    """Yield a check-in's totals. A total with an answer missing is no total and is left out."""
    for name, (score_of, words) in TOTALS.items():
        score = score_of(row.answers)
        if score is None or not score.complete:
            continue
        loinc, display = LOINC_SCORES.get(name, ("", ""))
        codings = [{"system": LOINC, "code": loinc, "display": display}] if loinc else []
        codings.append(local("score", name, words))
        yield observed(record, row, name, concept(*codings, text=words), valueInteger=score.total)
    triage = getattr(row, "triage", None)
    if triage is not None:
        yield observed(
            record, row, "level", concept(local("score", "level", "Level of urgency by our rules")),
            valueCodeableConcept=concept(local("level", triage.level, triage.level.capitalize())),
            note=notes(", ".join(fired["rule_id"] for fired in triage.fired)),
        )  # fmt: skip


def observed(
    record: Record, row: CheckIn, name: str, code: dict[str, Any], **value: Any
) -> Resource:
    """Return what was made of one check-in."""
    return resource(
        "Observation", f"{row.pk}-{in_code(name)}", status="final",
        category=[concept(hl7("observation-category", "survey", "Survey"))], code=code,
        subject=reference("Patient", record.patient.pk), effectiveDateTime=moment(row.reported_at),
        issued=moment(row.received_at),
        derivedFrom=[reference("QuestionnaireResponse", row.pk)], **value,
    )  # fmt: skip


def ciwa_totals(record: Record) -> list[Resource]:
    """Return the totals that the unit's team scored."""
    words = "CIWA-B total, 0 to 80"
    return [
        resource(
            "Observation", f"{row.pk}-{in_code('ciwa-b')}", status="final",
            category=[concept(hl7("observation-category", "survey", "Survey"))],
            code=concept(local("score", "ciwa-b", words)),
            subject=reference("Patient", record.patient.pk), effectiveDateTime=moment(row.at),
            performer=[{"type": "Practitioner", "display": row.by.full_name}],
            valueInteger=row.score.total,
        )
        for row in record.rounds if row.score
    ]  # fmt: skip


def words_received(record: Record) -> list[Resource]:
    """Return what a patient or a trusted person wrote or asked for, as communications."""
    return [found for row in record.check_ins if (found := words_of(record, row))]


def words_of(record: Record, row: CheckIn) -> Resource | None:
    """Return one check-in's own words, None when it has none."""
    form = get_questionnaire(row.questionnaire, row.questionnaire_version)
    written = [
        str(row.answers[item.key]) for item in form.items
        if item.kind == "text" and row.answers.get(item.key)
    ]  # fmt: skip
    asked = [REQUESTS[each][row.language] for each in row.requests if each in REQUESTS]
    if not written and not asked:
        return None
    return resource(
        "Communication", f"{row.pk}-words", extension=extensions(out_of_time(row)),
        modifierExtension=counted_nowhere(row), language=row.language, status="completed",
        subject=reference("Patient", record.patient.pk),
        about=[reference("QuestionnaireResponse", row.pk)],
        sent=moment(row.reported_at), received=moment(row.received_at),
        recipient=[reference("Organization", record.patient.clinic_id)],
        sender=told_by(record, row),
        payload=[{"contentString": text} for text in (*asked, *written)],
    )  # fmt: skip
