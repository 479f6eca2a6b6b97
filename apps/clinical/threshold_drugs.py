"""Medicines that lower the seizure threshold or oppose GABA.

Used by the new-medicine rule (U20) and by the seizure-risk tier. The list is
that of triage.md section 4 [knowledge: FDA labels]. Brand and Spanish spellings
and the members of each drug class were added so that a patient's own words are
recognised [proposal: a pharmacist has to review the spellings].
"""

import re
import unicodedata
from dataclasses import dataclass

TRICYCLICS = (
    "tricyclics? triciclicos? amitriptylin[ae]? elavil nortriptylin[ae]? pamelor imipramin[ae]? "
    "tofranil desipramin[ae]? norpramin doxepin[ae]? silenor sinequan clomipramin[ae]? anafranil "
    "trimipramin[ae]? protriptylin[ae]? amoxapin[ae]? maprotilin[ae]? amitriptilina nortriptilina"
)
STIMULANTS = (
    "stimulants? estimulantes? amphetamines? anfetaminas? dextroamphetamine lisdexamfetamin[ae]? "
    "adderall vyvanse methylphenidate metilfenidato ritalin concerta methamphetamines? "
    "metanfetamina cocaine cocaina"
)


@dataclass(frozen=True, slots=True)
class ThresholdDrug:
    """One entry of the list. ``qualifier`` says when the source counts it.

    A qualified entry (an overdose, a toxic level) still fires: the words of a
    patient cannot rule the condition out, so a person has to check. [proposal]
    """

    name: str
    spellings: str
    qualifier: str = ""


THRESHOLD_DRUGS = (
    ThresholdDrug("bupropion", "bupropiona? wellbutrin zyban"),
    ThresholdDrug("tramadol", "tramadol ultram"),
    ThresholdDrug("tapentadol", "tapentadol nucynta"),
    ThresholdDrug("meperidine", "meperidin[ae] demerol pethidine petidina"),
    ThresholdDrug("clozapine", "clozapin[ae] clozaril"),
    ThresholdDrug("chlorpromazine", "chlorpromazine clorpromazina thorazine largactil"),
    ThresholdDrug("tricyclics", TRICYCLICS),
    ThresholdDrug("venlafaxine", "venlafaxin[ae] effexor", "overdose"),
    ThresholdDrug("theophylline", "theophylline teofilina"),
    ThresholdDrug("isoniazid", "isoniazida? inh"),
    ThresholdDrug(
        "fluoroquinolones", r"fluoroquinolones? fluoroquinolonas? \w+floxacino? cipro levaquin"
    ),
    ThresholdDrug("imipenem", "imipenem primaxin"),
    ThresholdDrug("cefepime", "cefepime cefepima maxipime"),
    ThresholdDrug("penicillin", "penicillin penicilina", "high dose"),
    ThresholdDrug("mefloquine", "mefloquine mefloquina lariam"),
    ThresholdDrug("dalfampridine", "dalfampridin[ae] fampridin[ae] ampyra"),
    ThresholdDrug("cyclosporine", "cyclosporine ciclosporina? neoral sandimmune"),
    ThresholdDrug("lithium", "lithium litio lithobid", "toxicity"),
    ThresholdDrug("baclofen", "baclofen[oa]? lioresal", "withdrawal"),
    ThresholdDrug("stimulants", STIMULANTS),
    ThresholdDrug("diphenhydramine", "diphenhydramine difenhidramina benadryl", "overdose"),
    ThresholdDrug("flumazenil", "flumazenil[oa]? romazicon", "never"),
)

_PATTERNS = tuple(
    (drug, re.compile(rf"\b(?:{'|'.join(drug.spellings.split())})\b")) for drug in THRESHOLD_DRUGS
)


def threshold_drugs_in(text: str) -> tuple[ThresholdDrug, ...]:
    """Return the listed medicines named in ``text``, English or Spanish.

    Case and accents do not matter. Naming one is enough, also in "I stopped
    tramadol": telling start from stop is left to the person who calls.
    """
    plain = plain_text(text)
    return tuple(drug for drug, pattern in _PATTERNS if pattern.search(plain))


def plain_text(text: str) -> str:
    """Return ``text`` in lower case without accents, for matching words."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
