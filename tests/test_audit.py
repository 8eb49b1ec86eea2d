"""The journal of the cases is only added to, and whoever changes or removes something behind our back is found out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot import audit as command
from bot.app import Knowledge
from config.settings import Settings
from storage import audit
from storage.audit import Problem, Tally, Trouble
from storage.database import Connection
from tests.play import Stage

GRID = "230203002001001"


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, area in (("wang", "居民", GRID), ("li", "网格员", GRID), ("zhou", "社区", GRID[:12])):
        await stage.introduce(who, role, area)
    await stage.say("wang", "报事 幸福里 3 栋楼下路灯不亮")
    for who, words in (("li", "[接单]"), ("li", "[完成]"), ("li", "<photo 换了灯泡>"), ("wang", "[没解决]")):
        await stage.say(who, words)
    await stage.say("wang", "还是一闪一闪的")
    await stage.say("wang", "报事 幸福里 5 栋单元门坏了关不上")
    yield stage
    await stage.close()


async def _read(stage: Stage) -> tuple[list[Problem], Tally]:
    tally = Tally()
    return [each async for each in audit.read_through(stage.service.desks.database, tally)], tally


async def _do(stage: Stage, *statements: str) -> None:
    async def work(connection: Connection) -> None:
        for each in statements:
            await connection.execute(text(each))

    await stage.service.desks.database.write(work)


async def _behind_our_back(stage: Stage, statement: str) -> None:
    """Done by somebody who may do anything to the database: the guards are put away, and put back."""
    database = stage.service.desks.database
    if not database.sqlite:
        table = "seals" if "seals" in statement else "case_log"
        guards = f"ALTER TABLE {table} DISABLE TRIGGER USER", f"ALTER TABLE {table} ENABLE TRIGGER USER"
        await _do(stage, guards[0], statement, guards[1])
        return

    async def work(connection: Connection) -> None:
        rows = (await connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))).all()
        for name, _ in rows:
            await connection.execute(text(f"DROP TRIGGER {name}"))
        await connection.execute(text(statement))
        for _, sql in rows:
            await connection.execute(text(sql))

    await database.write(work)


async def test_a_journal_nobody_touched_is_whole(stage: Stage) -> None:
    problems, tally = await _read(stage)
    assert problems == []
    assert (tally.cases, tally.steps, tally.unsealed, tally.seals) == (2, 5, 5, 0)
    made = await audit.seal(stage.service.desks.database, stage.now)
    assert made is not None
    assert made.count == 5
    assert await audit.seal(stage.service.desks.database, stage.now) is None
    await stage.say("li", "[接单]")
    problems, tally = await _read(stage)
    assert (problems, tally.seals, tally.unsealed) == ([], 1, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_log SET at = at WHERE id = 1",
        "UPDATE case_log SET words = 'x', salt = NULL WHERE id = 3",
        "UPDATE case_log SET words = NULL, salt = NULL, part = 'staff' WHERE id = 3",
        "DELETE FROM case_log WHERE id = 5",
        "UPDATE seals SET count = 1",
        "DELETE FROM seals",
    ],
)
async def test_no_statement_changes_or_removes_a_step(statement: str, stage: Stage) -> None:
    await audit.seal(stage.service.desks.database, stage.now)
    with pytest.raises(DBAPIError, match="only added to"):
        await _do(stage, statement)
    assert (await _read(stage))[0] == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE case_log SET person_id = 999 WHERE case_id = 1 AND number = 2", [(2, Trouble.CHANGED)]),
        ("UPDATE case_log SET move = 'verify' WHERE case_id = 1 AND number = 3", [(3, Trouble.CHANGED)]),
        ("UPDATE case_log SET words = '好了' WHERE case_id = 1 AND number = 4", [(4, Trouble.WORDS)]),
        ("UPDATE case_log SET words = NULL, salt = NULL WHERE case_id = 1 AND number = 4", [(4, Trouble.ERASED)]),
        ("DELETE FROM case_log WHERE case_id = 1 AND number = 2", [(2, Trouble.GAP)]),
        ("DELETE FROM case_log WHERE case_id = 1 AND number = 4", [(3, Trouble.TAIL), (3, Trouble.CASE)]),
        ("DELETE FROM case_log WHERE case_id = 2", [(0, Trouble.EMPTY)]),
        ("UPDATE cases SET status = 'closed' WHERE id = 1", [(4, Trouble.CASE)]),
        ("UPDATE cases SET words = '一切都好' WHERE id = 1", [(1, Trouble.WORDS)]),
        ("DELETE FROM case_photos WHERE case_id = 1", [(3, Trouble.CHANGED)]),
    ],
)
async def test_what_is_changed_behind_our_back_is_found(
    statement: str, found: list[tuple[int, Trouble]], stage: Stage
) -> None:
    await _behind_our_back(stage, statement)
    problems, _ = await _read(stage)
    assert [(each.step, each.what) for each in problems] == found


async def test_a_case_that_is_gone_with_all_its_steps_is_missed_by_the_seal(stage: Stage) -> None:
    await audit.seal(stage.service.desks.database, stage.now)
    await _behind_our_back(stage, "DELETE FROM case_log WHERE case_id = 2")
    await _do(stage, "DELETE FROM dues", "DELETE FROM cases WHERE id = 2")
    problems, _ = await _read(stage)
    assert problems == [Problem("1", 0, Trouble.SEAL)]


async def test_a_seal_noted_down_shows_that_all_was_written_anew(
    stage: Stage, settings: Settings, knowledge: Knowledge
) -> None:
    first = await audit.seal(stage.service.desks.database, stage.now)
    assert first is not None
    said: list[str] = []
    assert await command.verify(settings, knowledge.district, command.printed(first), said.append)
    assert said[-1] == "都对得上。"
    # Somebody with all rights writes the seal anew as well: it fits, and yet it is not the one noted down.
    await _behind_our_back(stage, "DELETE FROM seals")
    await audit.seal(stage.service.desks.database, stage.now + timedelta(minutes=5))
    assert (await _read(stage))[0] == []
    said.clear()
    assert not await command.verify(settings, knowledge.district, command.printed(first), said.append)
    assert "您记下的第 1 号封条不在了" in said[0]
    with pytest.raises(command.BadSeal):
        await command.verify(settings, knowledge.district, "1:xyz", said.append)


async def test_a_guard_put_away_is_reported(stage: Stage) -> None:
    sqlite = stage.service.desks.database.sqlite
    await _do(stage, "DROP TRIGGER case_log_stays" + ("" if sqlite else " ON case_log"))
    problems, _ = await _read(stage)
    assert problems == [Problem("case_log_stays", 0, Trouble.GUARD)]


async def test_who_is_forgotten_leaves_a_journal_that_is_whole_without_their_words(stage: Stage) -> None:
    await audit.seal(stage.service.desks.database, stage.now)
    await stage.say("wang", "忘记我")
    await stage.say("wang", "[确定删除]")
    problems, tally = await _read(stage)
    assert (problems, tally.erased) == ([], 1)
    steps = await stage.service.desks.read(lambda desk: desk.cases.steps(1))
    assert [step.words for step in steps] == ["", "", "换了灯泡", ""]


async def test_who_joins_two_chats_is_still_the_one_who_said_it_and_can_be_forgotten(stage: Stage) -> None:
    await stage.introduce("second", "居民", GRID)
    await stage.say("second", "连接另一个聊天")
    await stage.link("second", "wang")
    assert (await _read(stage))[0] == []
    await stage.say("second", "忘记我")
    await stage.say("second", "[确定删除]")
    problems, tally = await _read(stage)
    assert (problems, tally.erased) == ([], 1)


async def test_steps_of_many_at_once_are_chained_and_sealed_whole(stage: Stage) -> None:
    database = stage.service.desks.database

    async def work(who: str) -> None:
        for number in range(3):
            await stage.service.turns.take(await stage._said(who, f"报事 幸福里 {number + 1} 栋路灯坏了第 {number} 次"))

    async def keep_sealing() -> None:
        for _ in range(10):
            await audit.seal(database, stage.now)
            await asyncio.sleep(0.01)

    await asyncio.gather(keep_sealing(), *(work(f"p{number}") for number in range(6)))
    for who in range(6):
        await stage.introduce(f"p{who}", "居民", GRID)
    await audit.seal(database, stage.now)
    problems, tally = await _read(stage)
    assert problems == []
    assert tally.unsealed == 0
