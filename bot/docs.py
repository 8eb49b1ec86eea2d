"""Documents made from the code, so that they cannot lie."""

from pathlib import Path

import handlers
from bot.app import found_in
from bot.core.talk import Conversation
from bot.core.texts import Texts
from config.settings import HOME, Settings
from domain.cases import RULES
from web import api


def write(folder: Path, *, check: bool) -> list[str]:
    """Make the documents; returns the names of those that differed. `check` leaves them as they are."""
    texts = Texts.load(HOME / "texts")
    made = {
        "conversations.md": _conversations(texts),
        "cases.md": _cases(texts),
        "settings.md": _settings(),
        "api.md": api.described(lambda role: texts.say(f"role.{role}")),
    }
    stale = []
    for name, content in made.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != content:
            stale.append(name)
            if not check:
                path.write_text(content, "utf-8")
    return stale


def _conversations(texts: Texts) -> str:
    rows = [
        "# 能聊什么",
        "",
        "由代码生成（`make docs`），请勿手改。",
        "",
        "| 话题 | 怎么打开 | 谁能用 | 做什么 |",
        "|---|---|---|---|",
    ]
    found = sorted(found_in(handlers, Conversation), key=lambda each: (each.place is None, each.place or 0, each.name))
    for each in found:
        opens = "、".join(f"`{word}`" for word in each.opens_with) or "按钮"
        if each.link:
            opens += f"、链接 `/start {each.link}_…`"
        roles = "、".join(texts.say(f"role.{role}") for role in each.roles) or "所有人"
        rows.append(f"| {texts.say(f'{each.name}.title')} | {opens} | {roles} | {texts.say(f'{each.name}.help')} |")
    return "\n".join(rows) + "\n"


def _cases(texts: Texts) -> str:
    rows = [
        "# 案卷怎么走",
        "",
        "由代码生成（`make docs`），请勿手改。办事的人不能自己结案。",
        "",
        "| 动作 | 从 | 到 | 谁 |",
        "|---|---|---|---|",
    ]
    names = {"reporter": "上报人", "worker": "网格员", "staff": "社区及以上工作人员"}
    for move, rule in RULES.items():
        start = "、".join(texts.say(f"case.status.{status}") for status in rule.start)
        end = texts.say(f"case.status.{rule.end}") if rule.end else "不变"
        rows.append(
            f"| {texts.say(f'case.did.{move}')} | {start} | {end} | {'、'.join(names[p] for p in rule.parts)} |"
        )
    return "\n".join(rows) + "\n"


def _settings() -> str:
    rows = [
        "# 设置",
        "",
        "由代码生成（`make docs`），请勿手改。环境变量，或 `XIAOMAZHA_CONFIG` 指向的 TOML 文件（键名小写、不带前缀）。",
        "",
        "| 名称 | 默认 | 说明 |",
        "|---|---|---|",
    ]
    for name, setting in Settings.model_fields.items():
        default = setting.default
        shown = default.relative_to(HOME.parent) if isinstance(default, Path) and default.is_absolute() else default
        rows.append(
            f"| `XIAOMAZHA_{name.upper()}` | {'' if default is None else f'`{shown}`'} | {setting.description} |"
        )
    return "\n".join(rows) + "\n"
