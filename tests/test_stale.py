"""An answer nobody stands by any more is told of in time, once a month, and never given."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.app import Knowledge, Service, build
from config.settings import Settings
from domain.district import Entry
from domain.faq import Doubt, QuestionAsked, QuestionsSettled, Settling, StaleTold, doubt
from domain.people import Role
from domain.refusals import Refused
from storage.desk import Desk
from tests.office import DISTRICT, GRID, Office
from tests.play import START, Stage

DAY = date(2026, 11, 23)
FRESH = Entry("fresh", "新的", "答", "民政局", "文件", DAY)
OVER = replace(FRESH, id="over", question="过期的", valid_until=DAY - timedelta(1))
ENDING = replace(FRESH, id="ending", question="快到期的", valid_until=DAY + timedelta(14))
OLD = replace(FRESH, id="old", question="没核对的", checked=DAY - timedelta(366))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (FRESH, None),
        (OVER, Doubt.OVER),
        (ENDING, Doubt.ENDING),
        (replace(ENDING, valid_until=DAY), Doubt.ENDING),
        (replace(ENDING, valid_until=DAY + timedelta(15)), None),
        (OLD, Doubt.OLD),
        (replace(OLD, checked=DAY - timedelta(365)), None),
        (replace(OVER, checked=OLD.checked), Doubt.OVER),
    ],
)
def test_the_most_pressing_doubt_is_named(entry: Entry, why: Doubt | None) -> None:
    assert doubt(entry, DAY, 365) is why


def changed(knowledge: Knowledge, *entries: Entry, digest: str = "another") -> Knowledge:
    """The district's folder with other entries in it."""
    return replace(knowledge, district=replace(knowledge.district, entries=entries, digest=digest))


async def lists(office: Office, who: str) -> list[str]:
    return [each for each in await office.told(who) if "该核对了" in each]


async def test_data_that_has_changed_is_told_of_at_once_the_most_pressing_first(
    settings: Settings, knowledge: Knowledge
) -> None:
    before = Office(settings, knowledge)
    async with before.service.running():
        await before.meet("gao", Role.DISTRICT, DISTRICT)
        assert await lists(before, "gao") == []
    many = [replace(OLD, id=f"old-{number}", question=f"没核对的第 {number} 条") for number in range(9)]
    for start in range(2):
        # The second start finds nothing new to tell.
        office = Office(settings, changed(knowledge, FRESH, *many, ENDING, OVER))
        async with office.service.running():
            await office.meet("gao")
            [told] = await lists(office, "gao")
            assert told.splitlines()[:3] == [
                "有 11 条政策问答该核对了：",
                "· 过期的：2026-11-22 已过期，请民政局核对",
                "· 快到期的：2026-12-07 到期，请民政局核对",
            ], start
            assert "没核对的第 5 条" in told
            assert "没核对的第 6 条" not in told
            assert "还有 3 条。" in told


async def test_each_month_is_told_once_and_one_gone_by_is_not_made_up_for(
    settings: Settings, knowledge: Knowledge
) -> None:
    office = Office(settings, changed(knowledge, OLD))
    async with office.service.running():
        await office.meet("gao", Role.DISTRICT, DISTRICT)
        assert len(await lists(office, "gao")) == 1
        office.later = timedelta(days=8)
        for _ in range(3):
            assert len(await lists(office, "gao")) == 2
        # Planned again by hand, as a second process would: the month has been told.
        await office.service.desks.write(lambda desk: desk.plan(StaleTold("2026-12"), desk.now, key="again"))
        assert len(await lists(office, "gao")) == 2
        # Away for the whole of January and February, and back in March.
        office.later = timedelta(days=8 + 95)
        for _ in range(3):
            assert len(await lists(office, "gao")) == 3
        planned = await office.service.desks.read(_planned)
        assert planned == datetime(2027, 4, 1, 0, 0, tzinfo=UTC)
        office.later = timedelta(days=8 + 125)
        assert len(await lists(office, "gao")) == 4


async def _planned(desk: Desk) -> datetime | None:
    from sqlalchemy import select

    from storage.tables import Dues

    rows = await desk._db.execute(
        select(Dues.due_at).where(Dues.done_at.is_(None), Dues.fact == "StaleTold").order_by(Dues.due_at)
    )
    return next((row.due_at for row in rows), None)


async def test_two_processes_that_start_and_ring_at_once_tell_it_once(settings: Settings, knowledge: Knowledge) -> None:
    known = changed(knowledge, OLD)

    def service() -> Service:
        return build(settings, clock=lambda: START, knowledge=known)

    office = Office(settings, known)
    two: list[Service] = [service(), service()]
    await asyncio.gather(*(each.prepare() for each in two))
    office.service = two[0]
    await office.meet("gao", Role.DISTRICT, DISTRICT)
    await asyncio.gather(*(each.bell.ring() for each in two))
    assert len(await lists(office, "gao")) == 1
    for each in two:
        await each.desks.database.close()


async def test_with_nobody_to_tell_the_log_says_so(
    settings: Settings, knowledge: Knowledge, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(settings, changed(knowledge, OLD))
    async with office.service.running():
        await office.service.bell.ring()
    assert "1 answers want checking" in caplog.text
    assert "没核对的" not in caplog.text


async def test_an_entry_past_its_day_is_not_given_by_any_way(settings: Settings, knowledge: Knowledge) -> None:
    stage = Stage(settings, changed(knowledge, *knowledge.district.entries, OVER), restart=False)
    await stage.introduce("wang", "居民", GRID)

    async def last(desk: Desk) -> Any:
        person = (await desk.people.meet(stage.address("wang"))).person
        from bot.core.words import Choice

        await desk.tell(
            person.id,
            "faq.glad",
            choices=[Choice("看一看", opens="faq", given={"entry": "over", "words": "飞碟停在哪儿"})],
        )
        await desk.happen(QuestionAsked(person.id, "飞碟停在哪儿", ()))
        return person.id

    asker = await stage.service.desks.write(last)
    await stage._settle()
    stage.heard("wang").clear()
    await stage.say("wang", "[看一看]")
    assert "还答不好" in stage.heard("wang")[0]

    async def same(desk: Desk) -> None:
        await desk.people.grant(asker, Role.DISTRICT, DISTRICT)
        [cluster] = (await desk.questions.clusters([DISTRICT]))[0]
        await desk.happen(QuestionsSettled(asker, cluster.id, Settling.PHRASING, entry="over"))

    with pytest.raises(Refused, match=r"answer\.incomplete"):
        await stage.service.desks.write(same)
    await stage.close()


async def test_an_answer_whose_last_day_ended_in_the_night_is_not_told_and_the_question_is_open_again(
    settings: Settings, knowledge: Knowledge
) -> None:
    office = Office(settings, knowledge)
    async with office.service.running():
        office.later = timedelta(hours=14)
        await office.meet("wang", grid=GRID)
        gao = await office.meet("gao", Role.DISTRICT, DISTRICT)
        await office.service.desks.write(
            lambda desk: desk.happen(QuestionAsked(office.people["wang"], "飞碟停在哪儿", ()))
        )

        async def settle(desk: Desk) -> None:
            [cluster] = (await desk.questions.clusters([DISTRICT]))[0]
            words = {"question": "飞碟停在哪里", "answer": "体育场。", "source": "公告", "department": "体育局"}
            await desk.happen(QuestionsSettled(gao, cluster.id, Settling.ENTRY, valid_until=DAY, **words))

        await office.service.desks.write(settle)
        assert await office.service.desks.read(lambda desk: desk.questions.count()) == 0
        office.later = timedelta(hours=24)
        assert not any("有答复了" in each for each in await office.told("wang"))
        assert await office.service.desks.read(lambda desk: desk.questions.count()) == 1
