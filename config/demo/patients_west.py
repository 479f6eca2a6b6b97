"""Invented patients of the clinic in the mountains: one story each, every name fictional."""

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

UNDER_WAY: Final = (
    Story(
        "Lysander", "Cottonwood", "1979-01-08", "diazepam", {"night": "10"}, 33,
        registered=66, method=percent_of_start(10), planned=60, level=8,
        events=(
            Event(
                days_ago=1, answers={"red_flags": ("fall",), "s_shaky": 2}, care=Care.TAKEN,
                taken_after=90,
            ),
        ),
        entry_note="Fell yesterday; a nurse is on it",
    ),
    Story(
        "Everett", "Juniperflat", "1960-07-22", "diazepam", TEN_AND_TEN, 130,
        registered=200, method=preset("cks"), planned=186, swing=2, keeps=0.7, hour=8,
        review_forgotten=24,
    ),
    Story(
        "Guadalupe", "Floresabio", "1975-12-12", "clonazepam", {"morning": "0.5", "night": "1"},
        64, registered=72, method=percent(10, goal="0.5"), planned=60, language="es", keeps=0.9,
    ),
    Story(
        "Winifred", "Sandpiper", "1951-03-31", "lorazepam_ir", {"morning": "0.5", "night": "1"},
        96, registered=80, method=percent(10, goal="0.6"), planned=68,
        risk=("opioid_rx", "naloxone_on_file"),
        care_level_note="Hip pain, opioid from her surgeon; naloxone at home, son trained.",
    ),
    Story(
        "Casper", "Redbluff", "1984-09-16", "diazepam", FIVE_AND_TEN, 15,
        registered=45, method=hyperbolic(12), planned=32, keeps=0.95, hour=22,
        entry_note="Day after day, no missed check-in",
    ),
    Story(
        "Dorothea", "Pinyon", "1967-05-05", "alprazolam_ir", {"morning": "0.5", "night": "0.5"},
        72, registered=300, method=percent(5, every=28, goal="0.4"), planned=288, swing=4,
        keeps=0.6,
        events=(
            Event(
                days_ago=97, answers={"red_flags": ("rf_faint",), "s_fog": 3},
                note="Fainted at the checkout after no lunch. No shaking, no bite, clear at once. "
                     "Pressure checked at the pharmacy.",
            ),
        ),
    ),
    Story(
        "Jasper", "Mesquitewood", "1955-10-02", "diazepam", {"night": "5"}, 160,
        registered=150, method=fixed("0.5"), planned=137, level=4, swing=1.5,
    ),
    Story(
        "Verity", "Larkhollow", "1993-02-24", "diazepam", {"night": "10"}, 9,
        registered=14, method=percent(10), planned=9,
    ),
    Story(
        "Cordelia", "Firewheel", "1981-11-11", "diazepam", FIVE_AND_TEN, 44,
        registered=120, method=preset("ashton"), planned=110, level=6,
        events=(
            Event(
                days_ago=45, answers={"seizure": "not_sure"}, outcome=Alert.Outcome.FALSE_ALARM,
                note="Woke on the sofa and was not sure. Husband was there: asleep, no shaking, "
                     "awake at once. No sign of a seizure.",
            ),
        ),
    ),
    Story(
        "Montgomery", "Dustdevlin", "1965-06-07", "lorazepam_ir", {"morning": "1", "night": "1"},
        58, registered=90, method=percent(10, goal="0.6"), planned=80, keeps=0.7,
        care_level_note="Works away from home; pharmacy near the site, weekly hand-out.",
        events=(
            Event(
                days_ago=20, answers={"dose_taken": "ran_out", "hours_since_last_dose": "16"},
                note="Ran out on a work trip. Prescription sent to a pharmacy near him; took his "
                     "evening dose on the phone with us.",
            ),
        ),
    ),
    Story(
        "Saffron", "Canyonwell", "1998-08-19", "alprazolam_ir",
        {"morning": "0.25", "night": "0.5"}, 10,
        registered=60, method=percent(10, goal="0.3"), planned=51, level=8, swing=6,
    ),
    Story(
        "Esperanza", "Montefloja", "1983-04-14", "diazepam", FIVE_AND_TEN, 27,
        registered=25, method=hyperbolic(12), planned=18, language="es", level=6,
        entry_note="Speaks Spanish",
    ),
    Story(
        "Rufus", "Tumbleweather", "1973-12-01", "clonazepam", {"morning": "1", "night": "1"},
        100, registered=130, method=percent(10, every=21, goal="0.5"), planned=126, keeps=0.4,
        events=(
            Event(
                days_ago=58, answers={"red_flags": ("rf_fever",), "temp_c": "38.4"},
                note="Fever since yesterday, flu at work. Took every dose. Fluids, call tomorrow.",
            ),
        ),
    ),
    Story(
        "Imogen", "Starthistle", "1976-07-30", "diazepam", {"night": "10"}, 19,
        registered=175, method=percent_of_start(10), planned=160, level=4, swing=1.5, keeps=0.7,
    ),
    Story(
        "Ulysses", "Greasewood", "1948-10-26", "diazepam", TEN_AND_TEN, 300,
        registered=180, method=percent(5, every=28), planned=170, keeps=0.7, last=9,
        status=Patient.Status.PAUSED, status_since=9,
        care_level_note="Dose is high and the years are many; wife counts the tablets.",
    ),
)  # fmt: skip

NOT_YET: Final = (
    Story(
        "Minerva", "Skylark", "1987-03-08", "diazepam", {"night": "5"}, 6, registered=2,
    ),
    Story(
        "Horatio", "Gulchford", "1962-09-13", "alprazolam_ir", {"morning": "1", "night": "1"}, 24,
        registered=4, risk=("street_supply",), level=9,
    ),
    Story(
        "Eudora", "Windrow", "1970-01-28", "diazepam", FIVE_AND_TEN, 50, registered=12,
        method=preset("maudsley_b"), planned=-1, activated=False,
    ),
    Story(
        "Benedict", "Sagebrush", "1957-08-04", "clonazepam", {"morning": "0.5", "night": "0.5"},
        140, registered=20, method=percent(5, every=28, goal="0.5"), planned=-4, activated=False,
        risk=("epilepsy",),
    ),
)  # fmt: skip

WEST: Final = (*UNDER_WAY, *NOT_YET)
