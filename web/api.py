"""The HTTP API for the pages of staff: every route of it, as it is served and as docs/api.md describes it."""

from collections.abc import Callable, Iterator
from typing import Any, get_args

import msgspec
from aiohttp import web
from msgspec import inspect

from domain.people import Role
from web import admissions, cases, matter_lists, matters, questions, sign_in, statistics, visits, whistles
from web.gate import LARGEST, Failed, Gate, Route


def routes(gate: Gate) -> list[Route]:
    """Everything a page can ask for."""
    return [
        *sign_in.routes(gate),
        *questions.routes(gate),
        *cases.routes(gate),
        *statistics.routes(gate),
        *admissions.routes(gate),
        *visits.routes(gate),
        *whistles.routes(gate),
        *matters.routes(gate),
        *matter_lists.routes(gate),
    ]


def served(gate: Gate) -> list[web.AbstractRouteDef]:
    return [web.route(each.method, each.path, each.act) for each in routes(gate)]


_HEAD = f"""# 工作人员的接口

由代码生成（`make docs`），请勿手改。网页 `/staff` 用的就是这些；别的系统也可以用，规矩一样。

- **登录。** 在聊天里发「登录网页」得到登录码，`POST /api/session` 换一个 Cookie（`HttpOnly`、`SameSite=Strict`，
  本机以外只走 HTTPS）。12 小时不用就要重新登录；在聊天里发「退出网页」可以看到、结束每一处登录。
- **谁能做什么。** Cookie 只说是谁；身份每次请求都重新看，收回了，下一个请求就不行了。不在自己片区的，和没有一样。
- **写。** 都要带 `Content-Type: application/json`、本站的 `Origin`，最长 {LARGEST // 1024} KB。
  注明「要 `Idempotency-Key`」的，每件事自己编一个（8 到 64 位字母、数字、横线）：
  断了线用同一个再发，只办一次，回答也一样；七天内记得。
- **翻页。** `next` 原样写到下一个请求的 `cursor`；`null` 是没有了。
- **时间**是 UTC，`2026-11-23T01:00:00Z`；日期是本地的，`2026-11-23`。
- **没办成**都是一个样子：`{{"error": {{"code": "…", "message": "给人看的话"}}}}`。400 没看懂，401 没登录，403 不归您，
  404 没有，409 现在不行（规矩不许，或者别人先办了），413 太长，429 试得太多，500 出了岔子（话里有编号），
  503 过几秒再试（看 `Retry-After`）。
"""


def described(role_name: Callable[[Role], str]) -> str:
    """The document, for people who write to the API."""
    lines = [_HEAD]
    named: dict[str, Any] = {}
    for each in routes(_Nobody()):  # type: ignore[arg-type]
        path = _plain(each.path)
        who = "、".join(role_name(role) for role in each.roles) or "所有人"
        lines += [f"## `{each.method} {path}`", "", f"{each.says}。", "", f"- 谁：{who}"]
        if each.once:
            lines.append("- 要 `Idempotency-Key`")
        for what, shape in (("问号后面", each.asks), ("发", each.takes), ("得到", each.gives)):
            if shape is not None:
                shapes = get_args(shape) or (shape,)
                lines.append(f"- {what}：{' 或 '.join(_link(one) for one in shapes)}")
                named |= {one.__name__: one for one in shapes}
        lines.append("")
    lines += ["# 里面有什么", ""]
    for shape in _with_inner(named | {"Failed": Failed}):
        lines += [*_table(shape), ""]
    return "\n".join(lines).rstrip() + "\n"


class _Nobody:
    """Stands where a gate would: routes are only looked at."""


def _plain(path: str) -> str:
    """`/api/cases/{number:[0-9]+}` → `/api/cases/{number}`."""
    return "/".join(part.split(":")[0] + "}" if part.startswith("{") else part for part in path.split("/"))


def _with_inner(named: dict[str, Any]) -> Iterator[Any]:
    """These shapes and those that stand in them, each once, in the order they are met."""
    seen: list[Any] = []
    waiting = list(named.values())
    while waiting:
        shape = waiting.pop(0)
        if shape in seen:
            continue
        seen.append(shape)
        yield shape
        for field in _fields(shape):
            waiting += [each for each in _structs(field.type) if each not in seen]


def _fields(shape: Any) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(shape)
    return info.fields if isinstance(info, inspect.StructType) else ()


def _structs(info: inspect.Type) -> list[Any]:
    if isinstance(info, inspect.Metadata):
        return _structs(info.type)
    if isinstance(info, inspect.StructType):
        return [info.cls]
    if isinstance(info, inspect.ListType):
        return _structs(info.item_type)
    return []


def _table(shape: Any) -> list[str]:
    says = (shape.__doc__ or "").strip()
    lines = [f"## {shape.__name__}", "", says, ""]
    tag = shape.__struct_config__.tag
    fields = _fields(shape)
    if not fields and tag is None:
        return lines[:-1]
    lines += ["| 名称 | 是什么 | 说明 |", "|---|---|---|"]
    if tag is not None:
        lines.append(f"| `{shape.__struct_config__.tag_field}` | 文字 | 一定是 `{tag}` |")
    for field in fields:
        needed = "" if field.required or not shape.__struct_config__.forbid_unknown_fields else "，可以不写"
        lines.append(f"| `{field.encode_name}` | {_kind(field.type)}{needed} | {_says(field.type)} |")
    return lines


def _says(info: inspect.Type) -> str:
    extra = info.extra_json_schema if isinstance(info, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


def _kind(info: inspect.Type) -> str:
    """A type in words: 文字，4 到 100 字."""
    if isinstance(info, inspect.Metadata):
        return _kind(info.type)
    if isinstance(info, inspect.StrType):
        least, most = info.min_length, info.max_length
        return f"文字，{least} 到 {most} 字" if least and most else f"文字，最长 {most} 字" if most else "文字"
    if isinstance(info, inspect.IntType):
        return f"数，{info.ge} 到 {info.le}" if info.ge is not None and info.le is not None else "数"
    if isinstance(info, inspect.ListType):
        return f"{_kind(info.item_type)} 的列表"
    if isinstance(info, inspect.DictType):
        return f"{_kind(info.value_type)}，按名称"
    if isinstance(info, inspect.UnionType):
        return " 或 ".join(_kind(each) for each in info.types)
    if isinstance(info, inspect.StructType):
        return _link(info.cls)
    if isinstance(info, inspect.EnumType):
        return "、".join(f"`{each.value}`" for each in info.cls)
    return _KINDS[type(info)]


_KINDS: dict[type[inspect.Type], str] = {
    inspect.BoolType: "`true` 或 `false`",
    inspect.DateTimeType: "时间",
    inspect.DateType: "日期",
    inspect.FloatType: "数",
    inspect.NoneType: "`null`",
}


def _link(shape: type[msgspec.Struct]) -> str:
    return f"[{shape.__name__}](#{shape.__name__.lower()})"
