"""What the operator sets: environment variables `XIAOMAZHA_…`, or a TOML file named by `XIAOMAZHA_CONFIG`."""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
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
    PTB = "ptb"


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

    database_url: str = Field("sqlite:///var/xiaomazha.db", description="数据库：`sqlite:///路径` 或 `postgresql://…`")
    district: Path = Field(HOME / "districts" / "jianhua", description="区数据目录，用 `xiaomazha check` 检查")
    texts: Path = Field(HOME / "texts", description="居民看到的文字")
    files: str = Field("var/files", description="照片存放处：目录，或 `s3://桶名/前缀`（这时下面四项 S3 设置都要填）")
    keys: Path = Field(
        Path("var/keys"),
        description="正在进行的表决的密钥放在哪儿：不能进备份，几个进程要看到同一个目录，见 [部署](run.md)",
    )
    models: Path = Field(Path("var/models"), description="自己重学的类别模型放在哪儿（`xiaomazha category retrain`）")
    s3_endpoint: str | None = Field(None, description="S3 兼容存储的地址；服务要求桶名在域名里的，连桶名一起写")
    s3_region: str | None = Field(None, description="S3 的地域")
    s3_key: str | None = Field(None, description="S3 的访问密钥编号（Access Key ID）")
    s3_secret: SecretStr | None = Field(None, description="S3 的访问密钥（Secret Access Key）")
    http_host: str = Field("127.0.0.1", description="网页监听地址")
    http_port: int = Field(8000, ge=0, le=65535, description="网页监听端口，0 为任意空闲端口")
    public_url: str | None = Field(
        None, description="网页对外的地址，例如 `https://chat.example.gov.cn`；填了，登录就给链接，不填只给登录码"
    )
    drain_seconds: float = Field(
        0.0, ge=0, le=600, description="停止前先让 `/health` 报 503、照常服务这么多秒，等负载均衡把新请求引开"
    )
    demo: Demo = Field(Demo.AUTO, description="首页三部示例手机：`auto` 只在示例区数据、本机访问时打开，`on`，`off`")
    telegram_token: SecretStr | None = Field(None, description="Telegram 机器人令牌；不填就不连 Telegram")
    telegram_api: str = Field("https://api.telegram.org", description="Bot API 服务器地址")
    telegram_mode: Mode = Field(Mode.POLLING, description="`polling` 或 `webhook`")
    telegram_webhook_url: str | None = Field(None, description="webhook 的公网地址，路径由您定")
    telegram_webhook_secret: SecretStr | None = Field(None, description="webhook 密钥，Telegram 每次都带上，不符就拒绝")
    telegram_engine: Engine = Field(
        Engine.AIOGRAM, description="和 Telegram 说话的库：`aiogram` 或 `ptb`（python-telegram-bot），服务都一样"
    )
    telegram_per_second: float = Field(
        29, gt=0, le=1000, description="每秒最多发几条；普通机器人上限 30，开通付费群发的可以调高"
    )
    telegram_chat_gap: float = Field(1.05, ge=0, description="同一个聊天里两条消息至少隔几秒")

    @field_validator("database_url")
    @classmethod
    def _we_speak_to_it(cls, url: str) -> str:
        if not re.match(r"sqlite(\+\w+)?:///.|postgres(ql)?(\+\w+)?://", url):
            raise ValueError("要写成 sqlite:///路径 或 postgresql://用户:密码@主机/库名")
        return url.replace("postgres://", "postgresql://", 1)

    @field_validator("files", mode="before")
    @classmethod
    def _a_folder_as_it_is_written(cls, files: object) -> object:
        return str(files) if isinstance(files, Path) else files

    @field_validator("files")
    @classmethod
    def _a_folder_or_a_bucket(cls, files: str) -> str:
        if not re.fullmatch(r"s3://[^/\s]+(/\S*)?|(?!\w+://).+", files):
            raise ValueError("要写成目录，或 s3://桶名/前缀")
        return files

    @field_validator("s3_endpoint")
    @classmethod
    def _an_address(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and not re.fullmatch(r"https?://[^/\s]+/?", endpoint):
            raise ValueError("要写成 https://主机名，后面不带路径")
        return endpoint and endpoint.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _as_a_browser_calls_it(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[^/\s?#]+/?", url):
            raise ValueError("要写成 https://主机名，后面不带路径")
        return url and url.rstrip("/").lower()

    @model_validator(mode="after")
    def _what_belongs_together_is_whole(self) -> "Settings":
        problems = []
        webhook = {
            "XIAOMAZHA_TELEGRAM_WEBHOOK_URL": self.telegram_webhook_url,
            "XIAOMAZHA_TELEGRAM_WEBHOOK_SECRET": self.telegram_webhook_secret,
        }
        if self.telegram_token and self.telegram_mode is Mode.WEBHOOK and not all(webhook.values()):
            problems.append(f"telegram_mode=webhook 还需要 {_missing(webhook)}")
        s3 = {
            "XIAOMAZHA_S3_ENDPOINT": self.s3_endpoint,
            "XIAOMAZHA_S3_REGION": self.s3_region,
            "XIAOMAZHA_S3_KEY": self.s3_key,
            "XIAOMAZHA_S3_SECRET": self.s3_secret and self.s3_secret.get_secret_value(),
        }
        if self.files.startswith("s3://") and not all(s3.values()):
            problems.append(f"照片存到 {self.files} 还需要 {_missing(s3)}")
        if not self.files.startswith("s3://") and any(s3.values()):
            problems.append(
                "填了 XIAOMAZHA_S3_…，照片却还存在目录里：要用 S3，请把 XIAOMAZHA_FILES 写成 s3://桶名/前缀"
            )
        if problems:
            raise ValueError("；".join(problems))
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


def _missing(wanted: Mapping[str, object]) -> str:
    return "、".join(name for name, value in wanted.items() if not value)


def _problem(place: tuple[int | str, ...], message: str) -> str:
    name = "XIAOMAZHA_" + "_".join(str(part) for part in place).upper() if place else "设置"
    return f"{name}：{message.removeprefix('Value error, ')}"
