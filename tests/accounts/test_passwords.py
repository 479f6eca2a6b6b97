"""Stolen passwords are refused from a file, wherever in it they stand."""

import hashlib
import os
from pathlib import Path

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

STOLEN = [f"stolen password {number}" for number in range(300)]


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_every_password_of_the_file_is_refused_and_no_other(settings, tmp_path, end) -> None:
    file = Path(tmp_path / "breached.txt")
    lines = sorted(f"{digest(each)}:{len(each) ** 3}" for each in STOLEN)
    file.write_text(end.join(lines) + end, newline="")
    settings.BREACHED_PASSWORDS = os.fspath(file)
    for password in STOLEN:
        with pytest.raises(ValidationError, match="stolen somewhere"):
            validate_password(password)
    for number in range(300):
        validate_password(f"quite another sentence {number}")


def test_an_empty_or_an_unnamed_file_refuses_none(settings, tmp_path) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    for path in ("", os.fspath(empty)):
        settings.BREACHED_PASSWORDS = path
        validate_password(STOLEN[0])
