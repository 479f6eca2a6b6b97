"""Facts that the rules stand on, carried as files with their sources.

This loader is the only place in the package that reads a file. It runs once,
at import, so that no rule can fail later for want of its facts.
"""

import csv
from importlib import resources

Row = dict[str, str]


def read_rows(name: str) -> tuple[Row, ...]:
    """Return the rows of one data file, each as a mapping from column to text.

    Raises FileNotFoundError when the package was installed without its data:
    better no start than rules without facts.
    """
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


DRUG_ROWS = read_rows("drugs.csv")
PRODUCT_ROWS = read_rows("products.csv")
SCHEDULE_ROWS = read_rows("schedules.csv")
