"""An operator imports the roster of an area, and has a code for each household printed, to be put into letterboxes."""

import argparse
import asyncio
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings

if TYPE_CHECKING:
    from bot.app import Service
    from domain.rosters import RosterImported
    from storage.desk import Desk


def add_to(commands: Any) -> None:
    """`xiaomazha roster import FILE --area CODE [--estate NAME] [--codes OUT.csv]`."""
    rosters = commands.add_parser("roster", help="名册：一户一票和业主表决用").add_subparsers(
        required=True, metavar="做什么"
    )
    taken = rosters.add_parser("import", help="导入一个片区的名册，代替原来的；有一处不对，一行也不导入")
    taken.add_argument("file", type=Path, metavar="FILE", help="CSV 或 XLSX，第一行是列名：户名、姓名、面积、电话")
    taken.add_argument("--area", required=True, help="区划代码（12 位）或网格码（15 位）")
    taken.add_argument(
        "--estate", default="", metavar="NAME", help="只是片区里一个小区的名册，写小区名；可以分在几个网格里"
    )
    taken.add_argument("--codes", type=Path, metavar="OUT.csv", help="给每一户生成确认码，写进这个文件，打印出来放信箱")
    taken.set_defaults(act=_import)


def _import(settings: Settings, given: argparse.Namespace) -> int:
    from bot.app import build
    from domain.refusals import Refused
    from domain.rosters import RosterImported
    from services.roster_file import BadRoster, read

    try:
        rows = read(given.file.read_bytes())
    except OSError as bad:
        print(f"打不开 {given.file}：{bad.strerror}", file=sys.stderr)
        return 2
    except BadRoster as bad:
        print("名册有误，一行也没有导入：", *bad.problems, sep="\n  ", file=sys.stderr)
        return 1
    service = build(settings)
    if given.area not in service.district.areas and given.area not in service.district.grids:
        print(f"没有 {given.area} 这个代码。区划代码 12 位，网格码 15 位。", file=sys.stderr)
        return 2
    try:
        codes = asyncio.run(
            _taken(service, RosterImported(None, given.area, rows, given.estate), wants_codes=given.codes is not None)
        )
    except Refused as refused:
        print(service.desks.texts.say(refused.key, "zh", **refused.shown), file=sys.stderr)
        return 1
    if given.codes is not None:
        with given.codes.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([("户名", "确认码"), *codes])
        print(f"确认码写在 {given.codes}，七天内有效，打印完请删掉。")
    print(f"已导入 {len(rows)} 户：{given.estate or service.district.area_name(given.area)}")
    return 0


async def _taken(service: "Service", imported: "RosterImported", *, wants_codes: bool) -> list[tuple[str, str]]:
    from domain.areas import Roster
    from services.rosters import extent_of

    async def take_in(desk: "Desk") -> list[tuple[str, str]]:
        await desk.happen(imported)
        extent = extent_of(imported, desk)
        found = await desk.rosters.all(Roster(extent.area, extent.estate)) if wants_codes else []
        return [(each.household, await desk.people.invite(voter_id=each.id)) for each in found]

    try:
        await service.prepare()
        return await service.desks.write(take_in)
    finally:
        await service.desks.database.close()
