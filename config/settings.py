"""What the operator sets: environment variables `XIAOMAZHA_…`, or a TOML file named by `XIAOMAZHA_CONFIG`."""

import os
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

HOME = Path(__file__).parent


class Mode(StrEnum):
    """How Telegram's updates reach us."""

    POLLING = "polling"
    WEBHOOK = "webhook"


class Engine(StrEnum):
    """The library that speaks to Telegram."""

    AIOGRAM = "aiogram"


class Demo(StrEnum):
    """Whether `/` shows the three sample phones. AUTO: for a sample district on this machine only."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class BadSettings(ValueError):
    """The settings are wrong; `problems` names every one of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """Everything that can be set. The names are a public interface."""

    model_config = SettingsConfigDict(env_prefix="XIAOMAZHA_", extra="forbid")

    database_url: str = "sqlite:///var/xiaomazha.db"
    district: Path = HOME / "districts" / "jianhua"
    texts: Path = HOME / "texts"
    files: Path = Path("var/files")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65535)
    demo: Demo = Demo.AUTO
    telegram_token: SecretStr | None = None
    telegram_api: str = "https://api.telegram.org"
    telegram_mode: Mode = Mode.POLLING
    telegram_webhook_url: str | None = None
    telegram_webhook_secret: SecretStr | None = None
    telegram_engine: Engine = Engine.AIOGRAM

    @model_validator(mode="after")
    def _webhook_is_whole(self) -> "Settings":
        if self.telegram_token and self.telegram_mode is Mode.WEBHOOK:
            if not self.telegram_webhook_url:
                raise ValueError("telegram_mode=webhook 还需要 XIAOMAZHA_TELEGRAM_WEBHOOK_URL")
            if not self.telegram_webhook_secret:
                raise ValueError("telegram_mode=webhook 还需要 XIAOMAZHA_TELEGRAM_WEBHOOK_SECRET")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get("XIAOMAZHA_CONFIG")
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        return (*sources, TomlConfigSettingsSource(settings_cls, Path(file))) if file else sources


def load(**given: object) -> Settings:
    """Read the settings; `given` wins over the environment, the environment over the file.

    Raises:
        BadSettings: with every problem at once, by the name the operator knows it under.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as errors:
        raise BadSettings([_problem(error["loc"], error["msg"]) for error in errors.errors()]) from None
    except (OSError, ValueError) as error:
        raise BadSettings([f"XIAOMAZHA_CONFIG：{error}"]) from None


def unknown() -> list[str]:
    """Variables that look like ours and are not: a misspelt setting must not pass in silence."""
    names = {f"XIAOMAZHA_{name.upper()}" for name in Settings.model_fields} | {"XIAOMAZHA_CONFIG"}
    return sorted(name for name in os.environ if name.startswith("XIAOMAZHA_") and name not in names)


def _problem(place: tuple[int | str, ...], message: str) -> str:
    name = "XIAOMAZHA_" + "_".join(str(part) for part in place).upper() if place else "设置"
    return f"{name}：{message.removeprefix('Value error, ')}"
