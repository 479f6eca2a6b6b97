"""The bill of materials names every package that is installed, with the hashes of its files."""

import re

from config.sbom import bill_of, components_of
from tests.harness.processes import PROJECT

LOCK = (PROJECT / "requirements.txt").read_text()


def test_every_pinned_package_is_in_the_bill_with_its_hashes() -> None:
    parts = components_of(LOCK)
    assert len(parts) == len(re.findall(r"^[A-Za-z0-9]\S*==", LOCK, re.MULTILINE))
    assert {"django", "psycopg", "celery", "cryptography"} <= {part["name"] for part in parts}
    assert all(part["hashes"] for part in parts)
    assert sum(len(part["hashes"]) for part in parts) == LOCK.count("--hash=sha256:")


def test_the_bill_says_what_it_is_and_is_the_same_each_time() -> None:
    bill = bill_of(LOCK)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill == bill_of(LOCK)
    assert len({part["bom-ref"] for part in bill["components"]}) == len(bill["components"])
