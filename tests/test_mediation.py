"""A mediation is its two sides' and their mediator's, on every way of reading anything; a room is held once."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import Knowledge, build
from bot.core.words import Address
from config import district as district_files
from config.settings import Settings, load
from domain.mediation import (
    KEPT,
    Do,
    Mediation,
    MediationAsked,
    MediationDone,
    Office,
    RecordSigned,
    Room,
    Side,
    SideAbsent,
    SlotChosen,
    Stage,
    conflict,
    possible,
    rooms_for,
    slots,
)
from domain.people import Held, Person, Role
from domain.refusals import Refused
from storage.database import Connection
from storage.desk import Desk
from storage.tables import Base, MediationSlots
from tests import walk
from tests.office import COMMUNITY, DISTRICT, ELSEWHERE, GRID
from tests.office import Office as StaffOffice
from tests.play import START
from tests.play import Stage as Theatre

WORDS, NAMED, RECORD, WHY = "半夜拖桌子敲暖气", "楼上六零二那家", "十点以后不挪家具，两周内贴毡垫", "毡垫颜色不对"
STREET = "230203002000"
CAST = {
    "wang": ("居民", GRID),
    "sun": ("居民", GRID),
    "chen": ("居民", GRID),
    "li": ("网格员", GRID),
    "he": ("网格长", COMMUNITY),
    "zhou": ("社区", COMMUNITY),
    "qian": ("街道", STREET),
    "wu": ("区", DISTRICT),
    "far": ("社区", ELSEWHERE),
    "host": ("主持人", COMMUNITY),
    "han": ("调解员", "justice"),
    "gao": ("调解员", "justice"),
    "cui": ("调解员", "centre"),
}
THEIRS = {"wang", "sun", "han"}
TUESDAY = datetime(2026, 11, 24, 6, 0, tzinfo=START.tzinfo)


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Theatre]:
    stage = Theatre(settings, knowledge, restart=False)
    for who, (role, area) in CAST.items():
        await stage.introduce(who, role, area)
    yield stage
    await stage.close()


async def _ask(stage: Theatre, *, words: str = WORDS, by: str = "wang", with_whom: str = "sun") -> None:
    """Asked, agreed to by both, and taken."""
    for said in ("申请调解", words, NAMED, "[司法所调解室（示例）]", "[是]"):
        await stage.say(by, said)
    await stage.invite(by, with_whom)
    await stage.say(with_whom, "[同意调解]")
    await stage.say("han", "[接手]")


async def _to_agreement(stage: Theatre) -> None:
    await _ask(stage)
    await stage.say("wang", "[约时间、改时间]")
    await stage.say("wang", "[11 月 24 日 周二 14:00]")
    await stage.wait(1, "天")
    await stage.wait(6, "小时")
    await stage.say("han", "[写协议]")
    await stage.say("han", RECORD)
    await stage.say("sun", "[看协议，签字]")
    await stage.say("sun", "[有不对的]")
    await stage.say("sun", WHY)
    for who in ("wang", "sun"):
        await stage.say(who, "[看协议，签字]")
        await stage.say(who, "[都对，我签字]")


async def test_nobody_but_the_two_sides_and_their_mediator_reads_a_word_on_any_way(
    stage: Theatre, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await _to_agreement(stage)
    for who in THEIRS:
        await stage.say(who, "我的调解")
    for _ in range(8):
        await stage.wait(1, "天")
    tables = await stage.service.desks.read(_everything)
    for who in CAST:
        if who not in THEIRS:
            await walk.every_conversation(stage, who)
            for number in ("1", "调解 1", "261123-0001"):
                await stage.say(who, number)
                await stage.say(who, "取消")
    shown = {who: walk.read(stage._phones[who].messages) for who in CAST}

    # A walk that could see nothing proves nothing.
    assert all(RECORD in shown[who] and WORDS in shown[who] for who in THEIRS)
    assert NAMED in shown["han"]
    assert WHY in shown["han"]
    assert NAMED not in shown["sun"]
    for who in CAST.keys() - THEIRS:
        for secret in (WORDS, NAMED, RECORD, WHY):
            assert secret not in shown[who], (who, secret)
    # Who sits in the room heard that somebody is wanted, and no more; others not even that.
    assert "调解 1" not in "".join(shown[who] for who in CAST.keys() - THEIRS - {"gao"})
    for secret in (WORDS, NAMED, RECORD, WHY):
        assert secret not in tables, secret
        assert secret not in caplog.text, secret


async def _everything(desk: Desk) -> str:
    """All that the database holds, as one text: rows of cases, journals, messages, chats, what is due or put aside."""

    async def read(connection: Connection) -> str:
        found = []
        for table in Base.metadata.sorted_tables:
            found += [f"{table.name} {tuple(row)}" for row in await connection.execute(select(table))]
        return "\n".join(found)

    return await read(desk._db)


async def test_no_route_of_the_api_shows_anything_to_any_role(settings: Settings, knowledge: Knowledge) -> None:
    office = StaffOffice(settings, knowledge)
    async with office.service.running():
        for who, role, area in (
            ("zhou", Role.COMMUNITY, COMMUNITY),
            ("qian", Role.STREET, STREET),
            ("wu", Role.DISTRICT, DISTRICT),
            ("li", Role.GRIDWORKER, GRID),
        ):
            await office.meet(who, role, area)
        wang = await office.meet("王秀英", grid=GRID)
        fact = MediationAsked(wang, "justice", WORDS, NAMED, wang)
        await office.service.desks.write(lambda desk: desk.happen(fact))
        for who in ("zhou", "qian", "wu", "li"):
            async with office.at_desk(who) as page:
                read = await walk.every_page(page, walk.gets(walk.all_routes(), ("1", "261123-0001")))
            assert "'cases'" in read or "cases" in read
            assert not any(secret in read for secret in (WORDS, NAMED, "王秀英", "调解 1"))


async def test_a_case_turned_into_one_says_only_that(stage: Theatre) -> None:
    await stage.say("wang", "报事 幸福里 3 栋 楼上邻居不讲理，漏水不赔")
    await stage.say("zhou", "我的任务")
    await stage.say("zhou", "[转调解]")
    await stage.invite("zhou", "sun")
    # Until whoever reported it wants it, the other side reads neither what it is nor who.
    assert not any("漏水" in line for line in stage.heard("sun"))
    await stage.say("sun", "我的调解")
    assert not any("漏水" in line for line in stage.heard("sun"))
    await stage.say("sun", "[退出调解]")
    await stage.say("sun", "[是]")
    async with asyncio.timeout(20):
        tables = await stage.service.desks.read(_everything)
    [row] = [line for line in tables.splitlines() if line.startswith("cases ")]
    assert "mediated" in row
    log = [line for line in tables.splitlines() if line.startswith("case_log ")]
    assert not any("sun" in line or "justice" in line for line in log)


async def test_a_room_and_a_mediator_are_held_once_whichever_process_is_first(
    settings: Settings, knowledge: Knowledge, stage: Theatre
) -> None:
    """Two services on one database book the same time for two mediations, many times over."""
    await _ask(stage)
    await _ask(stage, words="车位吵了半年", by="chen", with_whom="far")
    other = build(settings, clock=lambda: stage.now, knowledge=knowledge)
    ids = await stage.service.desks.read(_people)
    for hour in range(3):
        at = TUESDAY + timedelta(hours=hour)

        said: list[str] = []

        async def book(desks: Any, number: int, by: str, at: datetime = at, said: list[str] = said) -> bool:
            try:
                await desks.write(lambda desk: desk.happen(SlotChosen(number, ids[by], at)))
            except Refused as refused:
                said.append(refused.key)
                return False
            return True

        won = await asyncio.gather(book(stage.service.desks, 1, "han"), book(other.desks, 2, "han"))
        assert sorted(won) == [False, True]
        assert said == ["mediation.slot_taken"]
        held = await stage.service.desks.database.read(_slots)
        assert len({(room, when) for room, when, _, _ in held}) == len(held)
        assert len({(who, when) for _, when, _, who in held}) == len(held)
    await other.desks.database.close()


async def _slots(connection: Connection) -> list[tuple[str, datetime, int, int]]:
    columns = (MediationSlots.room, MediationSlots.at, MediationSlots.mediation_id, MediationSlots.mediator_id)
    return [tuple(row) for row in await connection.execute(select(*columns))]


async def test_a_signature_is_bound_to_what_was_shown(stage: Theatre) -> None:
    await _ask(stage)
    await stage.say("wang", "[约时间、改时间]")
    await stage.say("wang", "[11 月 24 日 周二 14:00]")
    await stage.wait(1, "天")
    await stage.wait(6, "小时")
    await stage.say("han", "[写协议]")
    await stage.say("han", RECORD)
    await stage.say("wang", "[看协议，签字]")
    await stage.say("han", "[写协议]")
    await stage.say("han", f"{RECORD}，另赔五百元")
    stage.heard("wang").clear()
    await stage.say("wang", "[都对，我签字]")
    assert stage.heard("wang")[-1] == "协议刚刚改过了，刚才那一稿不算。请看新的一稿再签。"
    assert (await _found(stage)).signed == {Side.FIRST: None, Side.OTHER: None}
    # And nothing typed over the wire signs an older one either.
    ids = await stage.service.desks.read(_people)
    with pytest.raises(Refused, match="rewritten"):
        await stage.service.desks.write(lambda desk: desk.happen(RecordSigned(1, ids["wang"], 1)))


async def test_what_is_nobodys_to_do_is_refused_and_changes_nothing(stage: Theatre) -> None:
    await _ask(stage)
    ids = await stage.service.desks.read(_people)
    before = await _found(stage)
    for who in CAST.keys() - THEIRS:
        for do in Do:
            fact = MediationDone(1, ids[who], do)
            with pytest.raises(Refused, match=r"mediation\.not_found"):
                await stage.service.desks.write(partial(_happen, fact))
    wrong: list[tuple[object, str]] = [
        (SlotChosen(1, ids["wang"], TUESDAY + timedelta(minutes=7)), "no_such_slot"),
        (SlotChosen(1, ids["wang"], TUESDAY - timedelta(days=7)), "no_such_slot"),
        (SideAbsent(1, ids["han"], Side.OTHER), "not_now"),
        (SideAbsent(1, ids["wang"], Side.OTHER), "for_mediator"),
        (RecordSigned(1, ids["wang"], 0), "not_now"),
        (MediationDone(1, ids["han"], Do.LEAVE), "for_sides"),
        (MediationDone(99, ids["wang"], Do.LEAVE), "not_found"),
    ]
    for each, key in wrong:
        with pytest.raises(Refused, match=key):
            await stage.service.desks.write(partial(_happen, each))
    assert await _found(stage) == before


async def test_who_has_just_lost_the_office_reads_no_more_and_somebody_else_is_called(stage: Theatre) -> None:
    from domain.cases import OfficeLeft

    await _ask(stage)
    ids = await stage.service.desks.read(_people)

    async def leave(desk: Desk) -> None:
        await desk.people.end_roles(ids["han"])
        await desk.happen(OfficeLeft(ids["han"]))

    await stage.service.desks.write(leave)
    await stage.wait(1, "秒")
    stage.heard("han").clear()
    await stage.say("han", "我的调解")
    await stage.say("han", "[看内容]")
    assert WORDS not in "\n".join(stage.heard("han"))
    found = await _found(stage)
    assert (found.mediator, found.stage) == (None, Stage.ASKED)
    assert any("等调解员" in line for line in stage.heard("gao"))


@pytest.mark.parametrize("both", [False, True])
async def test_whoever_wants_to_be_forgotten_leaves_it_and_the_last_one_takes_the_key(
    both: bool, stage: Theatre
) -> None:
    await _to_agreement(stage)
    key = (await _found(stage)).key
    assert key in stage.service.desks.keys.all()
    for who in ("wang", "sun") if both else ("wang",):
        await stage.say(who, "忘记我")
        await stage.say(who, "[确定删除]")
    await stage.wait(1, "分钟")
    found = await _found(stage)
    assert found.sides[Side.FIRST] is None
    assert (found.words, found.named) == (None, None)
    # The other side's copy of what both signed is theirs as long as they are there.
    assert (found.record is None) is both
    assert (key in stage.service.desks.keys.all()) is not both


async def test_in_the_middle_of_it_forgotten_is_left(stage: Theatre) -> None:
    await _ask(stage)
    await stage.say("sun", "忘记我")
    await stage.say("sun", "[确定删除]")
    assert (await _found(stage)).stage is Stage.WITHDRAWN
    assert any("有一方退出了" in line for line in stage.heard("wang"))


async def test_after_a_year_the_words_are_gone_for_everybody(stage: Theatre) -> None:
    await _to_agreement(stage)
    await stage.wait(KEPT.days + 1, "天")
    found = await _found(stage)
    assert (found.words, found.record) == (None, None)
    assert found.key not in stage.service.desks.keys.all()
    stage.heard("wang").clear()
    await stage.say("wang", "我的调解")
    assert any("内容已经销毁" in line for line in stage.heard("wang"))


async def test_two_sides_who_turn_out_to_be_one_person_have_no_mediation(stage: Theatre) -> None:
    await _ask(stage)
    ids = await stage.service.desks.read(_people)
    await stage.service.desks.write(lambda desk: desk.people.merge(ids["sun"], ids["wang"]))
    assert (await _found(stage)).stage is Stage.WITHDRAWN


async def test_a_relative_on_the_districts_list_may_not_mediate(stage: Theatre, knowledge: Knowledge) -> None:
    """高明（示例） is related to 李强（示例）, who is a side."""
    gao = await stage.service.desks.read(lambda desk: desk.people.by_key("mediator-sample-2"))
    assert gao is not None
    await stage.service.desks.write(lambda desk: desk.people.bind(stage.address("高明"), gao))
    stage._phones["高明"] = type(stage._phones["wang"])()
    ids = await stage.service.desks.read(_people)
    fact = MediationAsked(ids["wang"], "centre", WORDS, NAMED, ids["li"])
    await stage.service.desks.write(lambda desk: desk.happen(fact))
    await stage.wait(1, "秒")
    # Not even called to it, as others of the room are.
    assert any("等调解员" in line for line in stage.heard("cui"))
    assert not any("等调解员" in line for line in stage.heard("高明"))
    with pytest.raises(Refused, match="conflict"):
        await stage.service.desks.write(lambda desk: desk.happen(MediationDone(1, gao, Do.TAKE)))


async def test_nobody_answers_for_a_month_and_it_ends(stage: Theatre) -> None:
    for said in ("申请调解", WORDS, NAMED, "[司法所调解室（示例）]", "[是]"):
        await stage.say("wang", said)
    await stage.wait(7, "天")
    assert any("还没有等到对方的答复" in line for line in stage.heard("wang"))
    await stage.say("wang", "[再要一个邀请码]")
    await stage.wait(23, "天")
    assert any("先结束了" in line for line in stage.heard("wang"))
    assert (await _found(stage)).stage is Stage.WITHDRAWN
    stage.heard("chen").clear()
    await stage.invite("wang", "chen")
    assert "邀请码不能用" in stage.heard("chen")[-1]


async def test_a_third_time_too_many_is_asked_to_end_one_first(stage: Theatre) -> None:
    ids = await stage.service.desks.read(_people)
    fact = MediationAsked(ids["wang"], "justice", WORDS, NAMED, ids["wang"])
    for _ in range(3):
        await stage.service.desks.write(lambda desk: desk.happen(fact))
    with pytest.raises(Refused, match="enough"):
        await stage.service.desks.write(lambda desk: desk.happen(fact))


async def _happen(fact: object, desk: Desk) -> None:
    await desk.happen(fact)


async def _found(stage: Theatre) -> Mediation:
    found = await stage.service.desks.read(lambda desk: desk.mediations.get(1))
    assert found is not None
    return found


async def _people(desk: Desk) -> dict[str, int]:
    found = {who: await desk.people.at(Address("web", "chat", who)) for who in CAST}
    return {who: each[1].id for who, each in found.items() if each}


# The rules alone.

_ROOM = Room("r", "室", Office.CENTRE, (STREET,), "", {2: ((time(14), time(17)),), 4: ((time(9), time(10)),)})


def test_a_room_offers_whole_talks_on_working_days_not_at_once(knowledge: Knowledge) -> None:
    found = slots(_ROOM, knowledge.district.calendar, START)
    shown = [f"{each.astimezone(knowledge.district.timezone):%m-%d %H}" for each in found]
    assert shown == [
        *("11-24 14", "11-24 15", "11-24 16", "11-26 09"),
        *("12-01 14", "12-01 15", "12-01 16", "12-03 09"),
    ]
    # Two hours before it is too late, and a holiday has no talks: 1 January 2027 is a Friday.
    assert slots(_ROOM, knowledge.district.calendar, TUESDAY - timedelta(hours=1))[0] == TUESDAY + timedelta(hours=1)
    friday = replace(_ROOM, hours={5: ((time(9), time(11)),)})
    new_year = slots(friday, knowledge.district.calendar, datetime(2026, 12, 28, tzinfo=START.tzinfo))
    assert {each.date().isoformat() for each in new_year} == {"2027-01-08"}


def test_the_nearest_room_is_offered_first() -> None:
    wide = replace(_ROOM, code="wide", areas=(DISTRICT,))
    assert [room.code for room in rooms_for({"wide": wide, "r": _ROOM}, GRID)] == ["r", "wide"]
    assert [room.code for room in rooms_for({"wide": wide, "r": _ROOM}, "230203009001001")] == ["wide"]


def test_a_side_a_relative_and_whoever_had_a_hand_in_it_may_not_mediate() -> None:
    mediation = Mediation(
        1, "r", Stage.ASKED, "k", START, {Side.FIRST: 1, Side.OTHER: 2}, dict.fromkeys(Side, START), barred=(7,)
    )
    assert conflict(mediation, Person(1), ())
    assert conflict(mediation, Person(7), ())
    assert conflict(mediation, Person(9), (2,))
    assert not conflict(mediation, Person(9), (3,))


def test_the_time_is_moved_so_often_and_then_it_is_the_mediators() -> None:
    chair = Person(9, roles=(Held(Role.MEDIATOR, "r"),))
    mediation = Mediation(
        1,
        "r",
        Stage.BOOKED,
        "k",
        START,
        {Side.FIRST: 1, Side.OTHER: 2},
        dict.fromkeys(Side, START),
        mediator=9,
        slot_at=TUESDAY,
        moves=3,
    )
    assert Do.BOOK not in possible(mediation, Person(1), START)
    assert Do.BOOK in possible(mediation, chair, START)
    # The same person with the role for another room sits in no chair here.
    assert possible(mediation, Person(9, roles=(Held(Role.MEDIATOR, "else"),)), START) == []


@pytest.mark.parametrize(
    ("was", "slip", "told"),
    [
        ('code = "court"', 'code = "230203"', "code 用小写字母开头"),
        ("周二 14:00-17:00", "周二下午", "hours 周二下午 看不懂"),
        ("周二 14:00-17:00", "周二 14:00-14:30", "还不够谈一场（60 分钟）"),
        ('"周四 09:00-12:00"', '"周二 15:00-18:00"', "和同一天的另一段重叠"),
        ('rooms = ["justice", "centre"]', 'rooms = ["nowhere"]', "rooms 里的 nowhere 不是调解室的 code"),
        ('relatives = ["w-002001001"]', 'relatives = ["nobody"]', "relatives 里的 nobody 不是名单上的 key"),
        ('key = "mediator-sample-1"', 'key = "w-002001001"', "在 gridworkers.csv 里已经有了"),
        ('areas = ["230203002000"]', 'areas = ["1"]', "areas 里的 1 不是区划代码"),
    ],
)
def test_each_slip_in_the_rooms_is_told_with_its_line(was: str, slip: str, told: str, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "district"
    shutil.copytree(load().district, folder)
    page = folder / "mediation.toml"
    page.write_text(page.read_text("utf-8").replace(was, slip, 1), "utf-8")
    problems = [str(each) for each in district_files.check(folder)]
    assert len(problems) == 1, problems
    assert told in problems[0]
    assert re.match(r"mediation\.toml:\d+: ", problems[0])


def test_a_district_without_rooms_has_no_mediation(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "district"
    shutil.copytree(load().district, folder)
    (folder / "mediation.toml").unlink()
    assert district_files.load(folder).rooms == {}
