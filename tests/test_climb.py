"""A resident was promised something: who hears of it when it is not kept, once each, and who is left in peace."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from bot.app import Knowledge
from config.settings import Settings
from domain.cases import Case, CaseMoved, DeadlineNears, Move, Status
from domain.people import Role
from domain.working_time import Term, Unit
from services import deadlines
from storage import audit
from storage.desk import Desk
from tests.play import Stage

GRID, COMMUNITY, STREET, DISTRICT = "230203002001001", "230203002001", "230203002000", "230203000000"
# Reported on Monday at nine: a lamp is due on Thursday at nine, rubbish on Tuesday at nine.
LAMP, RUBBISH = "报事 幸福里 3 栋楼下路灯不亮", "报事 幸福里 3 栋垃圾满了没人收"
TO_LEADER, TO_COMMUNITY, TO_STREET = "请您去看看卡在哪儿", "请社区安排", "请街道督促"


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, area in (
        ("wang", "居民", GRID),
        ("li", "网格员", GRID),
        ("chang", "网格长", COMMUNITY),
        ("zhou", "社区", COMMUNITY),
        ("jie", "街道", STREET),
    ):
        await stage.introduce(who, role, area)
    yield stage
    await stage.close()


def told(stage: Stage, who: str, words: str) -> int:
    """How often somebody has been told so since they were last asked for."""
    heard = stage.heard(who)
    times = sum(words in line for line in heard)
    heard.clear()
    return times


async def hours(stage: Stage, number: int) -> None:
    await stage.wait(number, "小时")


async def the_case(stage: Stage) -> Case:
    async def find(desk: Desk) -> Case:
        return (await desk.cases.in_area(DISTRICT, list(Status)))[0]

    return await stage.service.desks.read(find)


async def climbed(stage: Stage) -> list[str]:
    """The levels its log says it was told to."""
    case = await the_case(stage)
    steps = await stage.service.desks.read(lambda desk: desk.cases.steps(case.id))
    return [step.words for step in steps if step.move is Move.CLIMB]


async def number_of(stage: Stage, who: str) -> int:
    async def find(desk: Desk) -> int:
        return (await desk.people.meet(stage.address(who))).person.id

    return await stage.service.desks.read(find)


async def test_each_level_is_told_once_however_often_the_bell_rings(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    await hours(stage, 72)
    case = await the_case(stage)
    await stage.service.desks.write(lambda desk: deadlines.plan_climb(case, desk))
    await hours(stage, 1)
    assert (told(stage, "chang", TO_LEADER), told(stage, "zhou", "过了时限")) == (1, 0)
    await hours(stage, 24 * 30)
    # The bell was still meanwhile: every level has its own time from when it is told.
    assert (told(stage, "chang", TO_LEADER), told(stage, "zhou", TO_COMMUNITY), told(stage, "jie", TO_STREET)) == (
        0,
        1,
        0,
    )
    await hours(stage, 24 * 30)
    assert (told(stage, "zhou", TO_COMMUNITY), told(stage, "jie", TO_STREET)) == (0, 1)
    await hours(stage, 24 * 30)
    assert told(stage, "jie", "过了时限") == 0
    assert await climbed(stage) == [Role.GRID_LEADER, Role.COMMUNITY, Role.STREET]


async def test_nobody_is_told_of_what_was_done_in_time(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    await hours(stage, 71)
    await stage.say("li", "[完成]")
    await stage.say("li", "换了灯泡")
    await hours(stage, 24 * 7)
    assert [told(stage, who, "过了时限") for who in ("li", "chang", "zhou", "jie")] == [0, 0, 0, 0]
    assert await climbed(stage) == []


async def test_a_leader_who_does_the_work_is_not_told_of_themselves(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    case, chang, zhou = await the_case(stage), await number_of(stage, "chang"), await number_of(stage, "zhou")
    given = CaseMoved(case.id, Move.DISPATCH, zhou, to=chang)
    await stage.service.desks.write(lambda desk: desk.happen(given))
    await hours(stage, 72)
    assert (told(stage, "chang", TO_LEADER), told(stage, "zhou", TO_COMMUNITY)) == (0, 1)


async def test_a_complaint_about_a_gridworker_does_not_climb_to_their_leader(stage: Stage) -> None:
    await stage.say("wang", "投诉 网格员态度恶劣骂人")
    case = await the_case(stage)
    assert case.category == "conduct"
    await hours(stage, 80)
    assert (told(stage, "li", "过了时限"), told(stage, "chang", "过了时限"), told(stage, "zhou", TO_COMMUNITY)) == (
        0,
        0,
        1,
    )


async def test_with_nobody_in_office_nothing_is_told_and_nothing_noted(
    settings: Settings, knowledge: Knowledge
) -> None:
    stage = Stage(settings, knowledge, restart=False)
    await stage.introduce("wang", "居民", GRID)
    await stage.say("wang", LAMP)
    await hours(stage, 24 * 5)
    assert await climbed(stage) == []
    await stage.close()


async def test_a_gas_leak_climbs_at_night_and_a_cold_room_in_the_morning(stage: Stage) -> None:
    await hours(stage, 13)
    await stage.say("wang", "报事 幸福里 3 栋厨房煤气味很大")
    assert (await the_case(stage)).category == "gas"
    # Ten at night and two hours more, then half an hour each.
    await hours(stage, 2)
    assert told(stage, "chang", TO_LEADER) == 1
    await stage.wait(30, "分钟")
    assert told(stage, "zhou", TO_COMMUNITY) == 1
    await stage.wait(30, "分钟")
    assert told(stage, "jie", TO_STREET) == 1
    await stage.say("wang", "报事 幸福里 3 栋暖气不热家里冷")
    # Reported at one, due at one in the night: it can wait until half past seven.
    await hours(stage, 24)
    assert told(stage, "chang", TO_LEADER) == 0
    await hours(stage, 7)
    assert told(stage, "chang", TO_LEADER) == 1
    await hours(stage, 1)
    assert told(stage, "zhou", TO_COMMUNITY) == 1


async def test_a_warning_of_what_is_not_urgent_waits_for_the_morning(stage: Stage) -> None:
    await stage.say("wang", "报事 幸福里 3 栋暖气不热家里冷")
    told(stage, "li", "")
    # Due on Tuesday at nine, to be warned of at three.
    await hours(stage, 19)
    assert told(stage, "li", "快到时限") == 0
    await hours(stage, 4)
    assert told(stage, "li", "快到时限") == 1


async def test_what_is_sent_back_after_its_deadline_goes_on_where_it_was(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    await hours(stage, 72)
    assert told(stage, "chang", TO_LEADER) == 1
    await stage.say("li", "[完成]")
    await stage.say("li", "换了灯泡")
    await stage.say("wang", "[没解决]")
    await stage.say("wang", "还是不亮")
    # The leader has their four working hours anew, and is not told again.
    await hours(stage, 4)
    assert (told(stage, "chang", TO_LEADER), told(stage, "zhou", TO_COMMUNITY)) == (0, 0)
    await hours(stage, 2)
    assert (told(stage, "chang", TO_LEADER), told(stage, "zhou", TO_COMMUNITY)) == (0, 1)
    assert await climbed(stage) == [Role.GRID_LEADER, Role.COMMUNITY]


async def test_what_was_done_in_time_and_sent_back_later_does_not_climb_at_once(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    await stage.say("li", "[完成]")
    await stage.say("li", "换了灯泡")
    await hours(stage, 71)
    assert told(stage, "wang", "请您看一眼") == 1
    await hours(stage, 2)
    await stage.say("wang", "[没解决]")
    await stage.say("wang", "还是不亮")
    await hours(stage, 3)
    assert told(stage, "chang", TO_LEADER) == 0
    await hours(stage, 3)
    assert told(stage, "chang", TO_LEADER) == 1


async def test_an_extension_takes_back_the_warning_and_the_climb(stage: Stage) -> None:
    async def extend(desk: Desk) -> None:
        later = desk.district.calendar.due(case.due_at, Term(1, Unit.WORKING_DAY))
        await desk.happen(CaseMoved(case.id, Move.ASK_TIME, li, words="要等配件", until=later))
        await desk.happen(CaseMoved(case.id, Move.GIVE_TIME, chang))

    await stage.say("wang", RUBBISH)
    case, li, chang = await the_case(stage), await number_of(stage, "li"), await number_of(stage, "chang")
    await hours(stage, 6)
    await stage.service.desks.write(extend)
    # Tuesday at nine became Wednesday at the close.
    await hours(stage, 47)
    assert (told(stage, "li", "快到时限"), told(stage, "chang", TO_LEADER)) == (0, 0)
    await hours(stage, 2)
    assert (told(stage, "li", "快到时限"), told(stage, "chang", TO_LEADER)) == (1, 0)
    await hours(stage, 2)
    assert told(stage, "chang", TO_LEADER) == 1


async def test_a_warning_planned_by_an_earlier_release_still_comes_and_the_climb_after_it(stage: Stage) -> None:
    await stage.say("wang", RUBBISH)
    case = await the_case(stage)
    rules = stage.service.desks.rules
    earlier = rules.recall("DeadlineNears", f'{{"case":{case.id},"round":1}}')
    assert earlier == DeadlineNears(case.id, 1)
    await hours(stage, 1)
    await stage.service.desks.write(lambda desk: desk.happen(earlier))
    await hours(stage, 24)
    assert (told(stage, "li", "快到时限"), told(stage, "chang", TO_LEADER)) == (1, 1)


async def test_whoever_left_office_cannot_open_the_case_any_more(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    await hours(stage, 72)
    await stage.say("chang", "[看案卷]")
    assert told(stage, "chang", "过了时限，报给网格长") == 1
    number = await number_of(stage, "chang")
    await stage.service.desks.write(lambda desk: desk.people.end_roles(number))
    await stage.say("chang", "[看案卷]")
    assert told(stage, "chang", "路灯") == 0


async def _dispose(stage: Stage, move: Move, who: int, days: int = 0) -> None:
    """Somebody hangs the case for so many days, or takes it up again."""
    case = await the_case(stage)
    until = stage.now + timedelta(days=days) if days else None
    moved = CaseMoved(case.id, move, who, words="要等化冻" if days else "", until=until)
    await stage.service.desks.write(lambda desk: desk.happen(moved))


async def test_what_hangs_is_not_warned_of_and_does_not_climb_and_goes_on_with_what_was_left(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    zhou, due = await number_of(stage, "zhou"), (await the_case(stage)).due_at
    left = due - stage.now
    await _dispose(stage, Move.HANG, zhou, days=60)
    await hours(stage, 24 * 28)
    assert [told(stage, who, "时限了") for who in ("li", "chang", "zhou", "jie")] == [0, 0, 0, 0]
    assert await climbed(stage) == []
    began = stage.now
    await _dispose(stage, Move.RESUME, zhou)
    case = await the_case(stage)
    # Monday to Thursday at nine, and again: the same days are worked.
    assert case.due_at == began + left
    await hours(stage, 71)
    assert (told(stage, "li", "快到时限"), await climbed(stage)) == (1, [])
    await hours(stage, 1)
    assert (told(stage, "chang", TO_LEADER), await climbed(stage)) == (1, [Role.GRID_LEADER])


async def test_a_pause_of_a_moment_loses_neither_the_warning_nor_the_climb(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    zhou, due = await number_of(stage, "zhou"), (await the_case(stage)).due_at
    await _dispose(stage, Move.HANG, zhou, days=60)
    stage.now += timedelta(milliseconds=400)
    await _dispose(stage, Move.RESUME, zhou)
    assert (await the_case(stage)).due_at == due + timedelta(milliseconds=400)
    await hours(stage, 71)
    assert told(stage, "li", "快到时限") == 1
    await hours(stage, 2)
    assert (told(stage, "chang", TO_LEADER), await climbed(stage)) == (1, [Role.GRID_LEADER])


async def test_what_hung_over_its_warning_in_a_pause_nobody_worked_in_is_warned_of_and_climbs(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    zhou, due = await number_of(stage, "zhou"), (await the_case(stage)).due_at
    # Wednesday at nine it is to be warned of; Tuesday evening to Wednesday morning nobody works.
    await hours(stage, 34)
    await _dispose(stage, Move.HANG, zhou, days=60)
    await hours(stage, 12)
    await _dispose(stage, Move.RESUME, zhou)
    assert (await the_case(stage)).due_at == due
    await hours(stage, 3)
    assert told(stage, "li", "快到时限") == 1
    await hours(stage, 24)
    assert (told(stage, "chang", TO_LEADER), await climbed(stage)) == (1, [Role.GRID_LEADER])


async def test_more_time_given_in_the_night_of_a_warning_climbs_all_the_same(stage: Stage) -> None:
    async def extend(desk: Desk) -> None:
        await desk.happen(CaseMoved(case.id, Move.ASK_TIME, li, words="等配件", until=case.due_at + timedelta(hours=3)))
        await desk.happen(CaseMoved(case.id, Move.GIVE_TIME, chang))

    await stage.say("wang", "报事 幸福里 3 栋暖气不热家里冷")
    case, li, chang = await the_case(stage), await number_of(stage, "li"), await number_of(stage, "chang")
    # To be warned of at three in the night: kept for the morning. Then more time, to be warned of at six: the same.
    await hours(stage, 19)
    await stage.service.desks.write(extend)
    await hours(stage, 3)
    await hours(stage, 2)
    assert told(stage, "li", "快到时限") == 1
    await hours(stage, 4)
    assert (told(stage, "chang", TO_LEADER), await climbed(stage)) == (1, [Role.GRID_LEADER])


async def test_what_was_late_when_it_was_hung_is_as_late_afterwards_and_climbs_on(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    await hours(stage, 72)
    assert told(stage, "chang", TO_LEADER) == 1
    zhou, due = await number_of(stage, "zhou"), (await the_case(stage)).due_at
    await _dispose(stage, Move.HANG, zhou, days=60)
    await hours(stage, 24 * 32)
    assert told(stage, "zhou", TO_COMMUNITY) == 0
    told(stage, "li", "")
    await _dispose(stage, Move.RESUME, zhou)
    assert (await the_case(stage)).due_at == due
    await hours(stage, 24)
    assert told(stage, "li", "新任务") == 1
    # The leader had their time anew, and was not told again.
    assert (told(stage, "chang", TO_LEADER), told(stage, "zhou", TO_COMMUNITY)) == (0, 1)


async def test_what_is_opened_again_has_its_whole_time_and_climbs_from_the_bottom(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    await hours(stage, 72)
    assert told(stage, "chang", TO_LEADER) == 1
    wang, zhou = await number_of(stage, "wang"), await number_of(stage, "zhou")
    case = await the_case(stage)
    for moved in (
        CaseMoved(case.id, Move.DISOWN, zhou, words="归路灯所管"),
        CaseMoved(case.id, Move.REOPEN, wang, words="他们说归社区"),
    ):
        await stage.service.desks.write(partial(_happen, moved))
    assert (await the_case(stage)).due_at > stage.now
    await hours(stage, 24 * 8)
    await hours(stage, 24)
    assert told(stage, "chang", TO_LEADER) == 1


async def test_the_journal_is_whole_after_a_climb(stage: Stage) -> None:
    await stage.say("wang", LAMP)
    await hours(stage, 72)
    await hours(stage, 24)
    assert await climbed(stage) == [Role.GRID_LEADER, Role.COMMUNITY]
    tally = audit.Tally()
    assert [each async for each in audit.read_through(stage.service.desks.database, tally)] == []
    assert tally.steps == 3


async def _happen(moved: CaseMoved, desk: Desk) -> None:
    await desk.happen(moved)
