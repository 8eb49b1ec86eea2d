"""The command line: an operator runs the service, talks to it, checks its data, invites people."""

import argparse
import asyncio
import ctypes
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import category, roster
from config.settings import HOME, BadSettings, Settings, load, unknown

if TYPE_CHECKING:
    from bot.app import Service
    from domain.district import District


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="xiaomazha", description="小马扎：社区网格服务聊天机器人")
    commands = parser.add_subparsers(dest="command", required=True, metavar="命令")
    commands.add_parser("run", help="启动服务").set_defaults(act=_run)
    commands.add_parser("talk", help="在终端里和它说话").set_defaults(act=_talk)
    check = commands.add_parser("check", help="检查区数据目录，列出每一处错误")
    check.add_argument("folder", nargs="?", type=Path, help="默认用 XIAOMAZHA_DISTRICT")
    check.set_defaults(act=_check)
    reload = commands.add_parser("reload", help="区数据改好了，不用重启就换上；有一处错都不换")
    reload.add_argument("folder", nargs="?", type=Path, help="默认用 XIAOMAZHA_DISTRICT")
    reload.set_defaults(act=_reload)
    invite = commands.add_parser("invite", help="生成一次性邀请码")
    invite.add_argument(
        "--role",
        required=True,
        help="gridworker、grid_leader、community、street、district、department、council_host、council_member",
    )
    invite.add_argument("--area", required=True, help="区划代码（12 位）或网格码（15 位）")
    invite.add_argument("--department", metavar="代号", help="身份是 department 时，哪个部门（见 departments.toml）")
    invite.set_defaults(act=_invite)
    parked = commands.add_parser("parked", help="列出没办成、留着的消息，或重办一条")
    parked.add_argument("--replay", metavar="编号", help="把这一条重新办一次")
    parked.set_defaults(act=_parked)
    audits = commands.add_parser("audit", help="案卷流水：查有没有被改过").add_subparsers(
        required=True, metavar="做什么"
    )
    verify = audits.add_parser("verify", help="把全部流水和封条读一遍；有不对的列出来，退出码 1")
    verify.add_argument("--seal", metavar="编号:摘要", help="以前记下的一张封条，看它还在不在")
    verify.set_defaults(act=_verify)
    counts = commands.add_parser("statistics", help="统计：从流水重新数一遍").add_subparsers(
        required=True, metavar="做什么"
    )
    again = counts.add_parser("recount", help="从流水重新数一遍，不对的改过来，列出差在哪里；有差的退出码 1")
    again.set_defaults(act=_recount)
    category.add_to(commands)
    roster.add_to(commands)
    faq = commands.add_parser("faq", help="政策问答：发布前先考一考").add_subparsers(required=True, metavar="做什么")
    evaluate = faq.add_parser("evaluate", help="用一组问题考一份问答：答得对不对，该拒的拒不拒，快不快")
    evaluate.add_argument(
        "--faq", required=True, type=Path, metavar="FAQ.jsonl", help="每行一条：id、question，可有 alts、answer、dept"
    )
    evaluate.add_argument(
        "--queries", required=True, type=Path, metavar="Q.jsonl", help="每行一问：query，和 faq_id 或 dept"
    )
    evaluate.add_argument("--out-of-scope", type=Path, metavar="O.jsonl", help="不该答的问题，每行一问：query")
    evaluate.add_argument("--json", action="store_true", help="只输出一个 JSON 对象")
    evaluate.set_defaults(act=_evaluate_faq)
    docs = commands.add_parser("docs", help="由代码生成文档")
    docs.add_argument("--check", action="store_true", help="只检查是否最新")
    docs.set_defaults(act=_docs)
    given = parser.parse_args(arguments)
    try:
        settings = load()
    except BadSettings as bad:
        print("设置有误：", *bad.problems, sep="\n  ", file=sys.stderr)
        return 2
    for name in unknown():
        print(f"不认识的设置：{name}（是不是写错了？）", file=sys.stderr)
    return int(given.act(settings, given))


def _run(settings: Settings, _given: argparse.Namespace) -> int:
    return _with_service(settings, _serve)


def _talk(settings: Settings, _given: argparse.Namespace) -> int:
    # A chat of its own beside a running service: any free port.
    return _with_service(settings.model_copy(update={"http_port": 0, "telegram_token": None}), _converse)


def _with_service(settings: Settings, work: "Callable[[Service], Coroutine[None, None, None]]") -> int:
    from bot.app import build
    from bot.core.errors import CannotGoOn
    from bot.log import to_stderr
    from config.district import BadDistrict

    to_stderr()
    try:
        service = build(settings)
    except BadDistrict as bad:
        print("区数据有误：", *bad.problems, sep="\n  ", file=sys.stderr)
        return 2
    except CannotGoOn as bad:
        print(bad, file=sys.stderr)
        return 1
    except ValueError as bad:
        print(f"文字有误：{bad}", file=sys.stderr)
        return 2
    try:
        asyncio.run(work(service))
    except CannotGoOn as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"启动不了：{error.strerror or error}（{settings.http_host}:{settings.http_port}）",
            file=sys.stderr,
        )
        return 1
    return 0


async def _serve(service: "Service") -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with service.running():
        # What was loaded stays for good: looked through again and again for garbage, it holds up whoever is waiting.
        gc.collect()
        gc.freeze()
        # A turn makes thousands of things and hardly a ring: by default it would be looked for several times in each.
        gc.set_threshold(10_000, 20, 50)
        _give_back()
        host = service.settings.http_host
        print(
            f"小马扎在 http://{host}:{service.port}/ 等您（{service.district.city}{service.district.name}"
            f"{'，示例数据' if service.district.sample else ''}）",
            flush=True,
        )
        stopped = asyncio.create_task(stop.wait())
        ends: list[asyncio.Future[Any]] = [stopped, *([service.broken] if service.broken else [])]
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
        print("正在收好手里的事…", flush=True)
        service.leaving = True
        await asyncio.sleep(service.settings.drain_seconds)


def _give_back() -> None:
    """Memory that only loading needed goes back to the system, where its C library (glibc) does so when asked."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


async def _converse(service: "Service") -> None:
    from bot.adapters.terminal import Terminal
    from storage.outbox import lane

    logging.getLogger("xiaomazha").setLevel(logging.ERROR)
    terminal = Terminal(service.desks.clock, service.desks.new_id)
    service.adapters.append(terminal)
    print("直接说话就行，按钮用序号选；Ctrl-D 结束。")
    async with service.running():
        await terminal.ended.wait()
        way = lane(terminal.platform, terminal.account)
        # Lines from a file end at once; their answers are still on the way.
        for _ in range(100):
            if not await service.desks.read(lambda desk: desk.outbox.waiting(way)):
                break
            await asyncio.sleep(0.05)


def _check(settings: Settings, given: argparse.Namespace) -> int:
    from config.district import BadDistrict, load

    folder = given.folder or settings.district
    try:
        district = load(folder)
    except BadDistrict as bad:
        print(*bad.problems, sep="\n")
        print(f"{folder.name}：{len(bad.problems)} 处错误")
        return 1
    print(f"{folder.name}：没有错误")
    if doubtful := [entry.id for entry in district.entries if not entry.confirmed]:
        print(f"待核实的问答 {len(doubtful)} 条：{'、'.join(doubtful)}")
    _tell_stale(district)
    _tell_unannounced(district)
    return 0


def _reload(settings: Settings, given: argparse.Namespace) -> int:
    from bot import reload
    from config.district import BadDistrict

    folder = given.folder or settings.district
    try:
        told = asyncio.run(reload.put_in_force(settings, folder))
    except BadDistrict as bad:
        print(*bad.problems, sep="\n")
        print(f"{folder.name}：{len(bad.problems)} 处错误，没有换，服务照旧用原来的。")
        return 1
    except reload.CannotReload as bad:
        print(f"{bad}没有换，服务照旧用原来的。")
        return 1
    print(*told, sep="\n")
    return 0


def _tell_stale(district: "District") -> None:
    from datetime import UTC, datetime

    from domain.faq import ENDING, doubt

    today = district.day(datetime.now(UTC))
    old = [entry for entry in district.entries if doubt(entry, today, district.stale_days)]
    if old:
        soon = f"{ENDING.days} 天内到期，或已过有效期"
        print(f"{len(old)} 条政策问答该核对了（超过 {district.stale_days} 天没核对、{soon}），不算错误：")
    for entry in old:
        until = f"，有效期到 {entry.valid_until}" if entry.valid_until else ""
        print(f"  {entry.id}  {entry.question}（{entry.department}，{entry.checked} 核对{until}）")


def _tell_unannounced(district: "District") -> None:
    from datetime import UTC, datetime

    from config.calendar import unannounced

    for year in unannounced(district.calendar, district.day(datetime.now(UTC))):
        print(
            f"{year} 年的放假和调休还没写进 calendar.toml，暂按星期和法定节日算；国务院办公厅公布后请补上，不算错误。"
        )


def _invite(settings: Settings, given: argparse.Namespace) -> int:
    from bot.invite import BadInvitation, invite

    try:
        code = asyncio.run(invite(settings, given.role, given.area, given.department))
    except BadInvitation as bad:
        print(bad, file=sys.stderr)
        return 2
    print(code)
    print(
        f"七天内有效，用一次。请对方发「{code}」，或打开 https://t.me/<机器人>?start=i_{code}",
        file=sys.stderr,
    )
    return 0


def _parked(settings: Settings, given: argparse.Namespace) -> int:
    from bot import parked
    from bot.app import build

    service = build(settings)
    if not given.replay:
        found = asyncio.run(parked.listed(service))
        print(*found or ["没有留着的消息。"], sep="\n")
        return 0
    done = asyncio.run(parked.replay(service, given.replay))
    print("已重新办理。" if done else "没有这个编号，或者已经重办过。")
    return 0 if done else 1


def _verify(settings: Settings, given: argparse.Namespace) -> int:
    from bot import audit
    from config.district import BadDistrict
    from config.district import load as load_district

    try:
        district = load_district(settings.district)
        return 0 if asyncio.run(audit.verify(settings, district, given.seal, print)) else 1
    except BadDistrict as bad:
        print("区数据有误：", *bad.problems, sep="\n  ", file=sys.stderr)
    except audit.BadSeal:
        print("封条是编号、冒号和 64 位摘要，照上次打印的原样写。", file=sys.stderr)
    except LookupError:
        print("这个数据库的表不是这一版的。先用这一版启动一次服务。", file=sys.stderr)
    return 2


def _recount(settings: Settings, _given: argparse.Namespace) -> int:
    from bot import recount
    from config.district import BadDistrict
    from config.district import load as load_district

    try:
        district = load_district(settings.district)
        return 0 if asyncio.run(recount.recount(settings, district, print)) else 1
    except BadDistrict as bad:
        print("区数据有误：", *bad.problems, sep="\n  ", file=sys.stderr)
    except LookupError:
        print("这个数据库的表不是这一版的。先用这一版启动一次服务。", file=sys.stderr)
    return 2


def _evaluate_faq(settings: Settings, given: argparse.Namespace) -> int:
    from bot import evaluate
    from config.district import BadDistrict
    from config.district import load as load_district
    from nlp.ear import reader

    try:
        figures = evaluate.evaluate(
            evaluate.entries(given.faq),
            evaluate.questions(given.queries),
            evaluate.questions(given.out_of_scope, answered=False) if given.out_of_scope else (),
            reader(load_district(settings.district)),
        )
    except evaluate.BadFile as bad:
        print(bad, file=sys.stderr)
        return 2
    except BadDistrict as bad:
        print("区数据有误：", *bad.problems, sep="\n  ", file=sys.stderr)
        return 2
    print(evaluate.as_json(figures) if given.json else evaluate.printed(figures))
    return 0


def _docs(_settings: Settings, given: argparse.Namespace) -> int:
    from bot.docs import write

    stale = write(HOME.parent / "docs", check=given.check)
    for path in stale:
        print(f"{'不是最新' if given.check else '已更新'}：docs/{path}")
    return 1 if stale and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
