"""Invented patients of the clinic in the east: one story each, every name fictional."""

from typing import Final

from apps.alerts.models import Alert
from apps.patients.models import Patient
from config.demo.story import (
    Care,
    Event,
    Story,
    fixed,
    hyperbolic,
    percent,
    percent_of_start,
    preset,
)

FIVE_AND_TEN: Final = {"morning": "5", "night": "10"}
TEN_AND_TEN: Final = {"morning": "10", "night": "10"}

ON_THE_BOARD: Final = (
    Story(
        "Percival", "Thistlewood", "1959-03-14", "diazepam", FIVE_AND_TEN, 120,
        registered=75, method=preset("ashton"), planned=60, level=6,
        events=(Event(minutes_ago=4, answers={"seizure": "yes"}, care=Care.OPEN),),
    ),
    Story(
        "Marigold", "Ashdown", "1971-08-02", "lorazepam_ir", {"morning": "0.5", "night": "1"}, 40,
        registered=60, method=percent(10, goal="0.6"), planned=46,
        events=(
            Event(
                minutes_ago=35, care=Care.OPEN,
                answers={
                    "dose_taken": "took_less", "dose_taken_mg": "0.5 mg",
                    "hours_since_last_dose": "10",
                },
            ),
        ),
    ),
    Story(
        "Wendell", "Brambleworth", "1961-11-23", "clonazepam", {"morning": "0.5", "night": "1"},
        84, registered=112, method=percent(10, goal="0.5"), planned=98, hour=9,
        events=(
            Event(
                minutes_ago=180, care=Care.OPEN,
                answers={"dose_taken": "missed_some", "hours_since_last_dose": "14"},
            ),
        ),
    ),
    Story(
        "Barnaby", "Quillfeather", "1953-05-30", "alprazolam_ir",
        {"morning": "0.5", "noon": "0.5", "night": "0.5"}, 60,
        registered=130, method=percent(10, goal="0.3"), planned=116, level=6,
        care_level_note="Lives with his daughter; seen weekly; agreed by the team.",
        events=(
            Event(minutes_ago=50, answers={"s_jerks": 3}, care=Care.TAKEN, taken_after=30),
            Event(
                days_ago=41, answers={"dose_taken": "took_extra", "dose_taken_mg": "2 mg",
                                      "hours_since_last_dose": "4"},
                note="Took an extra tablet after a bad night. Talked through the plan; "
                     "pharmacy now hands out weekly.",
            ),
        ),
    ),
)  # fmt: skip

UNDER_WAY: Final = (
    Story(
        "Marisol", "Arroyoclaro", "1968-01-19", "lorazepam_ir", {"morning": "1", "night": "1"},
        30, registered=60, method=percent(10, goal="0.6"), planned=46, language="es", keeps=0.92,
        entry_note="Speaks Spanish",
    ),
    Story(
        "Odette", "Ferncastle", "1974-06-11", "diazepam", TEN_AND_TEN, 48,
        registered=170, method=fixed("1"), planned=156, keeps=0.7, swing=2, hour=20,
        events=(
            Event(
                days_ago=64, answers={"red_flags": ("rf_vomit",), "s_stomach": 3},
                note="Stomach bug in the family. Kept the evening tablet down; calls back if not. "
                     "Called again next morning: better.",
            ),
        ),
    ),
    Story(
        "Cornelius", "Larkspurne", "1966-12-05", "diazepam", TEN_AND_TEN, 90,
        registered=222, method=hyperbolic(16), planned=214, level=4, swing=2, keeps=0.7,
        events=(
            Event(
                days_ago=133, answers={"red_flags": ("rf_chest",)},
                outcome=Alert.Outcome.EMERGENCY_CARE,
                note="Tight chest on the stairs. Sent to the emergency department at once; heart "
                     "attack ruled out, home the same night. Cardiology visit booked.",
            ),
        ),
        entry_note="Almost done: the last dose is close",
    ),
    Story(
        "Josephine", "Tidewater", "1985-09-27", "diazepam", FIVE_AND_TEN, 36,
        registered=50, method=preset("ashton"), planned=39, risk=("prior_wd_seizure",), level=7,
        care_level_note="Seizure in 2019 after stopping on her own. Daily check-ins, partner at "
                        "home, neurology informed; inpatient care offered and declined.",
        entry_note="Had a seizure in an earlier withdrawal: high risk", trusts="Edmund",
    ),
    Story(
        "Leopold", "Saltmarsh", "1990-04-08", "diazepam", {"morning": "10", "night": "10"}, 18,
        registered=44, method=percent(10), planned=32, risk=("aud",), keeps=0.75,
        care_level_note="Sober for two years, sponsor and weekly group; breath test at visits.",
        events=(
            Event(
                days_ago=12, answers={"alcohol_drinks": 2},
                note="Two beers at a wedding. Honest about it; told his sponsor. Keeps the dose "
                     "until the visit on Thursday.",
            ),
        ),
    ),
    Story(
        "Thaddeus", "Oakhollow", "1964-02-17", "clorazepate", {"morning": "7.5", "night": "7.5"},
        110, registered=62, method=percent(10, goal="7.5"), planned=52, hour=7,
    ),
    Story(
        "Beatrix", "Cloudesley", "1992-10-21", "diazepam", {"night": "2"}, 14,
        registered=92, method=fixed("0.2"), planned=88, level=7, swing=5,
    ),
    Story(
        "Philippa", "Nightingrove", "1982-07-15", "diazepam", FIVE_AND_TEN, 28,
        registered=122, method=percent(10), planned=114, level=9, hour=21,
        events=(
            Event(
                days_ago=2, answers={"si": "passive", "s_mood": 3}, keep_hold=True,
                note="Called within the hour. No plan, no intent; sister stays the weekend; safety "
                     "plan read through together. Next cut waits for the visit.",
                outcome=Alert.Outcome.PLAN_CHANGED,
            ),
        ),
    ),
    Story(
        "Gideon", "Marlowfen", "1956-08-29", "chlordiazepoxide", {"morning": "25", "night": "25"},
        150, registered=80, method=percent(10, goal="20"), planned=68, level=9, last=6,
        status=Patient.Status.IN_HOSPITAL, status_since=6,
        events=(
            Event(
                days_ago=6, answers={"red_flags": ("rf_halluc",), "s_sleep": 3}, keep_hold=True,
                outcome=Alert.Outcome.EMERGENCY_CARE,
                note="Sees people in the garden since last night. Wife drove him to the hospital; "
                     "handed over to the ward by phone. Taper stopped for now.",
            ),
        ),
    ),
)  # fmt: skip

DONE_OR_RESTING: Final = (
    Story(
        "Tabitha", "Goldenrod", "1980-03-03", "diazepam", {"night": "5"}, 22,
        registered=160, method=fixed("0.5"), planned=150, level=4, swing=1.5,
    ),
    Story(
        "Ambrose", "Willowmere", "1949-11-12", "diazepam", {"morning": "5", "night": "5"}, 240,
        registered=250, method=preset("maudsley_a"), planned=240, level=3, swing=1.5, keeps=0.35,
    ),
    Story(
        "Henrietta", "Mossbridge", "1977-05-25", "diazepam", {"night": "10"}, 31,
        registered=300, method=percent_of_start(10), planned=290, level=3, swing=1.5, keeps=0.6,
        last=60, status=Patient.Status.ENDED, status_since=60, plan_ended=60,
    ),
    Story(
        "Silas", "Pemberwick", "1963-09-09", "clonazepam", {"morning": "1", "night": "1"}, 26,
        registered=100, method=percent(10, every=21, goal="0.5"), planned=90, last=20,
        status=Patient.Status.PAUSED, status_since=20,
    ),
)  # fmt: skip

NOT_YET: Final = (
    Story(
        "Felicity", "Rainharrow", "1995-12-30", "alprazolam_ir",
        {"morning": "0.25", "night": "0.5"}, 8, registered=1,
    ),
    Story(
        "Archibald", "Stonecrop", "1958-02-06", "temazepam", {"night": "30"}, 200, registered=3,
        level=6,
    ),
    Story(
        "Rosalind", "Hawthorne-Vale", "1969-06-18", "diazepam", FIVE_AND_TEN, 75, registered=6,
        method=preset("asam_default"), planned=-2, activated=False,
    ),
    Story(
        "Ignacio", "Vallesereno", "1972-10-10", "lorazepam_ir", {"morning": "1", "night": "1"},
        55, registered=9, method=percent(10, goal="0.6"), planned=-1, activated=False,
        language="es",
    ),
    Story(
        "Clementine", "Fogarty-Wren", "1988-04-27", "diazepam", {"night": "10"}, 20,
        registered=5, method=percent(5, every=28), planned=-3, activated=False,
        risk=("pregnancy_known",),
    ),
)  # fmt: skip

EAST: Final = (*ON_THE_BOARD, *UNDER_WAY, *DONE_OR_RESTING, *NOT_YET)
