"""An operator has the statistics counted again from the journal, and reads what was not as it says."""

from collections.abc import Callable

from config.settings import Settings
from domain.district import District
from storage import statistics
from storage.database import Database
from storage.migrate import in_shape


async def recount(settings: Settings, district: District, tell: Callable[[str], None]) -> bool:
    """Count again, put right, and tell what differed; True when nothing did. The service may run meanwhile.

    Raises:
        LookupError: the database is not of this release.
    """
    database = Database(settings.database_url)
    try:
        if not await in_shape(database):
            raise LookupError("the tables are of another release")
        done = await statistics.recount(database, district.timezone)
    finally:
        await database.close()
    for each in done.first:
        span = each.span or "全部时间"
        tell(f"{district.area_name(each.area)}（{each.area}）{span} {each.what}：原来 {each.kept}，应为 {each.counted}")
    if done.wrong > len(done.first):
        tell(f"……还有 {done.wrong - len(done.first)} 处")
    tell(f"案卷 {done.cases} 件，统计 {done.rows} 行。")
    tell(f"有 {done.wrong} 处不对，已经改过来。" if done.wrong else "都对得上。")
    return not done.wrong
