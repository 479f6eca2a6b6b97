"""A machine without RabbitMQ hears of it: nothing is left out unless somebody chose so."""

from pathlib import Path

import pytest

from tests.harness import rabbitmq_packages as packages


def test_a_named_folder_without_a_server_is_an_error_and_fetches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(packages.CHOICE, str(tmp_path))
    with pytest.raises(AssertionError, match="apt install rabbitmq-server"):
        packages.find_or_fetch()
    assert packages.main() == 1
    assert packages.ADVICE in capsys.readouterr().err


def test_who_chooses_to_do_without_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not packages.left_out()
    monkeypatch.setenv(packages.CHOICE, "none")
    assert packages.left_out()
    assert packages.main() == 0
    assert "NOT RUN" in capsys.readouterr().err
