"""Documents made from the code, so that they cannot lie."""

from pathlib import Path

import handlers
from bot.app import found_in
from bot.core.talk import Conversation
from bot.core.texts import Texts
from config.settings import HOME, Settings
from domain.cases import RULES, Need, Part
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


_PARTS = {
    Part.REPORTER: "上报人",
    Part.FOLLOWER: "关注者",
    Part.WORKER: "经办人",
    Part.CHECKER: "受托核查的网格员",
    Part.LEADER: "网格长",
    Part.STAFF: "本级工作人员",
    Part.BELOW: "下级工作人员",
    Part.ABOVE: "比申请人高一级以上的人",
    Part.OVER: "比本级高的街道、区工作人员",
    Part.DISTRICT: "区工作人员",
    Part.COLLEAGUE: "受托接手的同事",
}
_NEEDS = {
    Need.REASON: "原因",
    Need.PHOTO: "照片（报的时候有照片）",
    Need.WORKER: "派给谁",
    Need.CHECKER: "请谁核查",
    Need.CASE: "并入哪一件",
    Need.DAY: "到什么时候",
    Need.SCORE: "评价",
    Need.CATEGORY: "类别",
    Need.DEPARTMENT: "哪个部门",
}


def _cases(texts: Texts) -> str:
    rows = [
        "# 案卷怎么走",
        "",
        "由代码生成（`make docs`），请勿手改。办事的人不能自己结案。",
        "",
        (
            "案卷由社区、街道、区三级里的一级在办（下面叫本级），新的都从社区起。经办人是网格员；派给部门的，是那个部门的人。"
            "各级只办自己片区的，上一级能做下一级的。"
        ),
        "",
        "| 动作 | 从 | 到 | 谁 | 要有 | 告诉谁 |",
        "|---|---|---|---|---|---|",
    ]
    for move, rule in RULES.items():
        start = "、".join(texts.say(f"case.status.{status}") for status in rule.start)
        end = texts.say(f"case.status.{rule.end}") if rule.end else "不变"
        if rule.manned:
            end = f"{texts.say(f'case.status.{rule.manned}')}（经办人不在岗：{end}）"
        told = "、".join("上一级" if part is Part.STAFF else _PARTS[part] for part in rule.tells) or "—"
        needs = "、".join(_NEEDS[need] for need in rule.needs) or "—"
        parts = "、".join(_PARTS[part] for part in rule.parts) or "自动"
        rows.append(f"| {texts.say(f'case.did.{move}')} | {start} | {end} | {parts} | {needs} | {told} |")
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
