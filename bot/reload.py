"""The operator puts an edited folder in force while the service runs, and reads what that changes in the catalogue."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bot.core.errors import Unavailable
from config.district import BadDistrict, gathered, packed, read, unpacked
from config.settings import Settings
from domain.catalogue import Category
from domain.district import District
from nlp.category import learnt
from storage.database import Connection, Database
from storage.editions import EditionStore
from storage.migrate import in_shape

# Long enough for an editor to have written a file to its end.
_SETTLED = 0.3


class CannotReload(Exception):
    """Nothing was put in force, and why."""


async def put_in_force(settings: Settings, folder: Path) -> list[str]:
    """Put a folder in force for every process; says what is different from before.

    Raises:
        BadDistrict: the folder has mistakes, all of them named.
        CannotReload: it is being saved just now, or the database is not ours to write to.
    """
    files = gathered(folder)
    await asyncio.sleep(_SETTLED)
    if gathered(folder) != files:
        raise CannotReload("文件夹里还有文件正在保存，请等一会儿再来。")
    district = read(files)
    database = Database(settings.database_url)

    async def publish(connection: Connection) -> list[str] | None:
        store = EditionStore(connection, datetime.now(UTC))
        newest = await store.newest()
        if newest is not None and newest.digest == district.digest:
            return None
        before = await store.files(newest.id) if newest else None
        await store.publish(district.digest, packed(files))
        return list(_different(_read(before), district))

    try:
        if not await in_shape(database):
            raise CannotReload("这个数据库的表不是这一版的，先用这一版启动一次服务。")
        lines = await database.exclusive("xiaomazha:district", publish)
    except Unavailable as error:
        raise CannotReload("数据库现在用不了，请核对 XIAOMAZHA_DATABASE_URL。") from error
    finally:
        await database.close()
    if lines is None:
        return ["和正在用的一样，没有要换的。"]
    return ["换好了，每个进程一两秒内用上；已经上报的案卷按原来的规矩走完。", *lines]


def _read(data: bytes | None) -> District | None:
    try:
        return read(unpacked(data)) if data else None
    except BadDistrict:
        # Put in force by another release, to whom it said something else.
        return None


def _different(before: District | None, after: District) -> Iterator[str]:
    """What the catalogue says that it did not say before, in lines for the operator."""
    if before is None:
        return
    then, now = _entries(before), _entries(after)
    yield from (f"权责清单新写：{_line(now[each], after)}" for each in now if each not in then)
    yield from (f"权责清单去掉：{_line(then[each], before)}" for each in then if each not in now)
    if learnt(before) != learnt(after):
        yield (
            "类别有增有减，猜类别的模型还不认识，先按 words 猜。要让它学，运行 xiaomazha category retrain，再重启服务。"
        )


def _entries(district: District) -> dict[object, Category]:
    return {(each.version, each.since, each.until): each for each in district.catalogue.entries}


def _line(entry: Category, district: District) -> str:
    span = f"{entry.since or '一开始'} 至 {entry.until or '以后'}"
    return f"{entry.name}（{entry.code}，{span}，{district.department(entry.department).name}）"
