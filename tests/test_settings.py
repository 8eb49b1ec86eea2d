"""What an operator sets: names that are a public interface, and every mistake named at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import BadSettings, Demo, Engine, Mode, Settings, load, unknown

PUBLIC = {
    "DATABASE_URL", "DISTRICT", "HTTP_HOST", "HTTP_PORT", "TELEGRAM_TOKEN", "TELEGRAM_API", "TELEGRAM_MODE",
    "TELEGRAM_WEBHOOK_URL", "TELEGRAM_WEBHOOK_SECRET", "TELEGRAM_ENGINE", "TELEGRAM_PER_SECOND", "TELEGRAM_CHAT_GAP",
}  # fmt: skip


def test_the_public_names_are_kept() -> None:
    assert {name.upper() for name in Settings.model_fields} >= PUBLIC


def test_the_environment_sets_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XIAOMAZHA_DATABASE_URL", "postgresql://host/db")
    monkeypatch.setenv("XIAOMAZHA_HTTP_PORT", "8080")
    monkeypatch.setenv("XIAOMAZHA_TELEGRAM_TOKEN", "700100:abc")
    settings = load()
    assert (settings.database_url, settings.http_port) == ("postgresql://host/db", 8080)
    assert "700100:abc" not in repr(settings)


def test_a_file_sets_it_too_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "xiaomazha.toml"
    file.write_text('http_port = 9000\nhttp_host = "0.0.0.0"\ndemo = "off"\n')
    monkeypatch.setenv("XIAOMAZHA_CONFIG", str(file))
    monkeypatch.setenv("XIAOMAZHA_HTTP_PORT", "9001")
    settings = load()
    assert (settings.http_port, settings.http_host, settings.demo) == (9001, "0.0.0.0", Demo.OFF)  # noqa: S104


def test_all_mistakes_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOMAZHA_HTTP_PORT", "many")
    monkeypatch.setenv("XIAOMAZHA_TELEGRAM_MODE", "pigeon")
    monkeypatch.setenv("XIAOMAZHA_TELEGRAM_ENGINE", "steam")
    monkeypatch.setenv("XIAOMAZHA_TELEGRAM_PER_SECOND", "0")
    monkeypatch.setenv("XIAOMAZHA_TELEGRAM_CHAT_GAP", "-1")
    with pytest.raises(BadSettings) as bad:
        load()
    assert [problem.split("：")[0] for problem in bad.value.problems] == [
        "XIAOMAZHA_HTTP_PORT", "XIAOMAZHA_TELEGRAM_MODE", "XIAOMAZHA_TELEGRAM_ENGINE",
        "XIAOMAZHA_TELEGRAM_PER_SECOND", "XIAOMAZHA_TELEGRAM_CHAT_GAP",
    ]  # fmt: skip


def test_a_webhook_needs_its_address_and_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOMAZHA_TELEGRAM_TOKEN", "700100:abc")
    monkeypatch.setenv("XIAOMAZHA_TELEGRAM_MODE", "webhook")
    with pytest.raises(BadSettings) as bad:
        load()
    assert "WEBHOOK_URL" in str(bad.value)
    assert "WEBHOOK_SECRET" in str(bad.value)


@pytest.mark.parametrize("url", ["mysql://host/db", "nonsense", "sqlite://"])
def test_a_database_we_do_not_speak_to_is_refused_in_words(url: str) -> None:
    with pytest.raises(BadSettings, match="XIAOMAZHA_DATABASE_URL"):
        load(database_url=url)


def test_a_misspelt_name_does_not_pass_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOMAZHA_TELEGRAM_TOKN", "x")
    assert unknown() == ["XIAOMAZHA_TELEGRAM_TOKN"]


def test_the_defaults_are_an_embedded_service_for_this_machine_only() -> None:
    settings = load()
    assert settings.database_url.startswith("sqlite:///")
    assert settings.http_host == "127.0.0.1"
    assert (settings.telegram_mode, settings.telegram_engine) == (Mode.POLLING, Engine.AIOGRAM)


def _command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments], capture_output=True, text=True, check=False, env=environment,
        cwd=Path(__file__).parents[1], timeout=60,
    )  # fmt: skip


def test_an_invitation_is_printed_once_and_bad_ones_are_refused_in_words(tmp_path: Path) -> None:
    where = {"XIAOMAZHA_DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}
    good = _command("invite", "--role", "gridworker", "--area", "230203002001001", **where)
    assert (good.returncode, len(good.stdout.strip())) == (0, 10)
    there = ("--role", "department", "--area", "230203000000", "--department", "housing")
    assert _command("invite", *there, **where).returncode == 0
    for role, area, *department in (
        ("mayor", "230203002001"),
        ("street", "230203002001"),
        ("community", "230203009999"),
        # Of none, of one there is not, of one that every street has, and of one where none belongs.
        ("department", "230203000000"),
        ("department", "230203000000", "--department", "navy"),
        ("department", "230203000000", "--department", "street-enforcement"),
        ("community", "230203002001", "--department", "housing"),
    ):
        bad = _command("invite", "--role", role, "--area", area, *department, **where)
        assert bad.returncode == 2
        assert "Traceback" not in bad.stderr
        assert bad.stderr.strip()


def test_the_command_line_names_every_bad_setting_without_a_stack() -> None:
    result = _command("run", XIAOMAZHA_HTTP_PORT="many", XIAOMAZHA_TELEGRAM_MODE="pigeon")
    assert result.returncode == 2
    assert "XIAOMAZHA_HTTP_PORT" in result.stderr
    assert "XIAOMAZHA_TELEGRAM_MODE" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("given", "loaded"),
    [
        ({}, []),
        ({"XIAOMAZHA_TELEGRAM_TOKEN": "1:a"}, ["aiogram"]),
        ({"XIAOMAZHA_TELEGRAM_TOKEN": "1:a", "XIAOMAZHA_TELEGRAM_ENGINE": "ptb"}, ["telegram"]),
        ({"XIAOMAZHA_TELEGRAM_ENGINE": "ptb"}, []),
    ],
)
def test_what_is_not_configured_is_not_loaded(given: dict[str, str], loaded: list[str]) -> None:
    code = (
        "import sys; from bot.app import build; from config.settings import load; build(load());"
        "print([name for name in ('aiogram', 'telegram', 'asyncpg', 'obstore') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=given,
        cwd=Path(__file__).parents[1],
    )
    assert result.stdout.strip() == str(loaded)


def test_the_documents_made_from_code_are_current() -> None:
    assert _command("docs", "--check").returncode == 0


def test_a_district_folder_is_checked_and_every_mistake_has_its_line(tmp_path: Path) -> None:
    result = _command("check", str(tmp_path))
    assert result.returncode == 1
    assert "areas.csv" in result.stdout
