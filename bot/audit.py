"""An operator asks whether the journal of the cases is as it was put down."""

import hmac
import re
from collections.abc import Callable

from config.settings import Settings
from domain.district import District
from storage import audit
from storage.audit import Seal, Tally, Trouble
from storage.database import Database
from storage.migrate import in_shape

_SAID = {
    Trouble.GUARD: "数据库里的触发器 {where} 不见了，流水现在改得动",
    Trouble.ORPHAN: "第 {step} 行流水找不到案卷",
    Trouble.EMPTY: "{where}：一步流水都没有",
    Trouble.GAP: "{where}：第 {step} 步不见了",
    Trouble.CHANGED: "{where}：第 {step} 步改过，或者它的照片换过",
    Trouble.WORDS: "{where}：第 {step} 步的话改过",
    Trouble.ERASED: "{where}：第 {step} 步的话被抹掉了，说话的人并没有要求「忘记我」",
    Trouble.TAIL: "{where}：第 {step} 步后面的被拿掉了，或者最后一步换过",
    Trouble.CASE: "{where}：案卷现在的状态、轮次或时限，和流水最后一步不一样",
    Trouble.SEAL: "第 {where} 号封条对不上：它封住的流水少了、多了或改过",
}
_SEAL = re.compile(r"(\d+):([0-9a-f]{64})")


class BadSeal(ValueError):
    """What was given is not a seal as we print them."""


async def verify(settings: Settings, district: District, noted: str | None, tell: Callable[[str], None]) -> bool:
    """Read the whole journal and tell what is wrong, and at the end how much there is; True when nothing is.

    `noted`: a seal printed earlier, which must be there still.

    Raises:
        BadSeal: `noted` is none.
        LookupError: the database is not of this release.
    """
    wanted = _SEAL.fullmatch(noted.strip()) if noted else None
    if noted and wanted is None:
        raise BadSeal(noted)
    database = Database(settings.database_url)
    try:
        if not await in_shape(database):
            raise LookupError("the tables are of another release")
        tally = Tally()
        async for problem in audit.read_through(database, tally):
            tell(_SAID[problem.what].format(where=problem.where, step=problem.step))
        if wanted:
            found = await audit.seal_of(database, int(wanted[1]))
            if found is None or not hmac.compare_digest(found.digest.hex(), wanted[2]):
                tally.problems += 1
                tell(f"您记下的第 {wanted[1]} 号封条不在了，或者换过：流水被重写过")
    finally:
        await database.close()
    for line in _summary(tally, district):
        tell(line)
    return not tally.problems


def _summary(tally: Tally, district: District) -> list[str]:
    erased = f"，按「忘记我」抹去的话 {tally.erased} 处" if tally.erased else ""
    lines = [f"案卷 {tally.cases} 件，流水 {tally.steps} 步{erased}。"]
    if tally.last:
        at = f"{tally.last.at.astimezone(district.timezone):%Y-%m-%d %H:%M}"
        lines.append(f"封条 {tally.seals} 张，还没封的 {tally.unsealed} 步。最后一张（{at}）：{printed(tally.last)}")
    else:
        lines.append(f"还没有封条，{tally.unsealed} 步没封。服务运行时每 5 分钟封一次。")
    lines.append(f"有 {tally.problems} 处不对。" if tally.problems else "都对得上。")
    return lines


def printed(seal: Seal) -> str:
    """A seal to note down, and to give to `audit verify --seal`."""
    return f"{seal.number}:{seal.digest.hex()}"
