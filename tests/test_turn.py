"""What holds when things go wrong in a turn: nothing lost, nothing doubled, nobody left without a word."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Executable

from bot import parked
from bot.app import Knowledge, build
from bot.core.errors import Unavailable
from bot.core.talk import Ask, Talk, conversation
from bot.core.turn import Turns, _picked
from bot.core.words import Address, Choice, Kind, Reply, Said, Tap
from bot.sender import Sender
from config.settings import Settings
from domain.cases import Status
from domain.councils import BallotReminds
from nlp import plain
from nlp.normalise import fold
from storage.desk import Desk, Desks
from storage.outbox import Claimed
from storage.statements import Prepared, Statements
from tests.play import START, Stage

T = TypeVar("T")

WANG = Address("web", "chat", "wang")
GRID = "230203002001001"


def said(text: str, number: str = "1", **more: object) -> Said:
    return replace(Said(WANG, number, START, text), **more)  # type: ignore[arg-type]


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    await stage.introduce("wang", "居民", GRID)
    yield stage
    await stage.close()


async def _cases(stage: Stage) -> int:
    return len(await stage.service.desks.read(lambda desk: desk.cases.in_area(GRID, list(Status), limit=1000)))


async def test_the_same_message_twice_even_at_once_does_one_thing(stage: Stage) -> None:
    report = said("报事 楼下路灯不亮")
    await asyncio.gather(*(stage.service.turns.take(report) for _ in range(5)))
    await stage.service.turns.take(report)
    assert await _cases(stage) == 1


async def test_two_services_on_one_database_take_a_message_once(
    stage: Stage, settings: Settings, knowledge: Knowledge
) -> None:
    other = build(settings, clock=lambda: START, knowledge=knowledge)
    report = said("报事 楼下路灯不亮")
    await asyncio.gather(stage.service.turns.take(report), other.turns.take(report))
    await other.desks.database.close()
    assert await _cases(stage) == 1


async def test_two_strangers_first_messages_at_once_make_one_person(stage: Stage) -> None:
    stranger = Address("web", "chat", "stranger")
    await asyncio.gather(*(stage.service.turns.take(Said(stranger, str(number), START, "你好")) for number in range(3)))
    people = {(await stage.service.desks.write(lambda desk: desk.people.meet(stranger))).person.id for _ in range(2)}
    assert len(people) == 1


async def test_what_people_do_most_is_put_into_sql_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One `Prepared` lost to a statement that depends on its values cost half of all there was to a turn."""
    anew: list[str] = []
    find = Statements.find

    def seen(kept: Statements, statement: Executable, parameters: object) -> Prepared | None:
        found = find(kept, statement, parameters)
        if found is None:
            anew.append(str(statement))
        return found

    monkeypatch.setattr(Statements, "find", seen)
    # Whatever is seen for the first time goes SQLAlchemy's way; the third who comes finds all of it made.
    for number in range(3):
        anew.clear()
        chat = replace(WANG, chat=f"w{number}")
        for place, words in enumerate(("报事", "幸福里 3 栋", f"路灯不亮了 {number}", "是")):
            await stage.service.turns.take(Said(chat, f"{number}:{place}", START, words))
    assert not anew
    assert await _cases(stage) == 3


class _Failing(Desks):
    """A store whose transactions fail at their last moment, a few times."""

    def __init__(self, desks: Desks, failures: int) -> None:
        self.__dict__.update(desks.__dict__)
        self.failures = failures

    async def write(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        async def failing(desk: Desk) -> T:
            result = await work(desk)
            if self.failures:
                self.failures -= 1
                raise OSError("the disk is full")
            return result

        return await super().write(failing)


async def test_a_transaction_that_fails_is_tried_again_and_done_once(stage: Stage) -> None:
    turns: Turns[Desk] = Turns(_Failing(stage.service.desks, 2), stage.service.book, lambda: "t1")
    await turns.take(said("报事 楼下路灯不亮"))
    assert await _cases(stage) == 1
    await stage.wait(0, "秒")
    assert stage.heard("wang")[0] == "已上报，网格员会联系您。"


async def test_a_message_that_cannot_even_be_put_aside_is_not_acknowledged(stage: Stage) -> None:
    turns: Turns[Desk] = Turns(_Failing(stage.service.desks, 9), stage.service.book, lambda: "t1")
    with pytest.raises(Unavailable):
        await turns.take(said("报事 楼下路灯不亮"))
    assert await _cases(stage) == 0
    await stage.service.turns.take(said("报事 楼下路灯不亮"))
    assert await _cases(stage) == 1


async def test_a_mistake_of_ours_is_parked_with_an_apology_and_the_chat_goes_on(
    settings: Settings, knowledge: Knowledge
) -> None:
    asked = Ask("report.what", plain.words())

    @conversation("report", opens_with=["坏了"])
    async def broken(talk: Talk[Desk]) -> None:
        await talk.ask(asked)
        raise ZeroDivisionError

    service = build(settings, clock=lambda: START, knowledge=knowledge, conversations=[broken])
    await service.turns.take(said("坏了", "1"))
    await service.turns.take(said("路灯", "2"))
    aside = await service.desks.read(lambda desk: desk.heard.parked())
    assert len(aside) == 1
    await Sender(service.desks, service.adapters, lambda: 0.0).deliver()
    contact = await service.desks.read(lambda desk: desk.people.find(WANG))
    assert contact is not None
    lying = [
        outgoing.reply.text for _, outgoing in await service.desks.read(lambda desk: desk.outbox.lying(contact, 0))
    ]
    assert aside[0][0] in lying[-1]
    assert "ZeroDivisionError" not in "".join(lying)
    await service.turns.take(said("取消", "3"))
    await service.desks.database.close()


async def test_what_was_parked_is_listed_and_done_once_when_it_is_replayed(
    settings: Settings, knowledge: Knowledge
) -> None:
    @conversation("report", opens_with=["报事"])
    async def broken(talk: Talk[Desk]) -> None:
        raise ZeroDivisionError

    service = build(settings, clock=lambda: START, knowledge=knowledge, conversations=[broken], new_id=lambda: "t7")
    await service.turns.take(said("报事 幸福里 3 栋楼下路灯不亮"))
    await service.desks.database.close()
    mended = [build(settings, clock=lambda: START, knowledge=knowledge) for _ in range(4)]
    assert await parked.listed(mended[0]) == ["t7  web"]
    assert await parked.replay(mended[1], "t7")
    assert not await parked.replay(mended[2], "t7")
    assert len(await mended[3].desks.read(lambda desk: desk.cases.in_area(GRID, list(Status)))) == 1
    await mended[3].desks.database.close()


async def test_a_due_fact_that_keeps_failing_is_listed_and_tried_on(settings: Settings, knowledge: Knowledge) -> None:
    later = START
    service = build(settings, clock=lambda: later, knowledge=knowledge)
    await service.prepare()
    # No such ballot: it fails every time.
    await service.desks.write(lambda desk: desk.plan(BallotReminds(999), START, key="t"))
    for _ in range(5):
        assert await service.bell.ring() >= 1
        later += timedelta(minutes=11)
    listed = await parked.listed(service)
    assert len(listed) == 1
    assert "BallotReminds" in listed[0]
    assert await service.bell.ring() >= 1
    await service.desks.database.close()


async def test_a_button_of_somebody_elses_message_is_an_old_button(stage: Stage) -> None:
    await stage.introduce("chen", "居民", GRID)
    await stage.say("wang", "报事 楼下路灯不亮")
    receipt = stage._phones["wang"].messages[-1]
    await stage.service.turns.take(
        Said(Address("web", "chat", "chen"), "9", START, tap=Tap(receipt.id, len(receipt.reply.choices) - 1))
    )
    await stage.wait(0, "秒")
    assert stage.heard("chen") == ["这个按钮已经过期了，没有改动任何内容。"]


@pytest.mark.parametrize("tap", [Tap(0, 0), Tap(10**12, 0), Tap(1, -1), Tap(1, 99)])
async def test_a_button_that_never_was_is_an_old_button(stage: Stage, tap: Tap) -> None:
    await stage.service.turns.take(said("", tap=tap))
    await stage.wait(0, "秒")
    assert stage.heard("wang") == ["这个按钮已经过期了，没有改动任何内容。"]


@pytest.mark.parametrize(
    "odd", ["\x00", "\ud800", "\x1b[31m", "\u202e", "'; DROP TABLE cases; --", "{words} %s {0.__class__}"]
)
async def test_strange_characters_harm_nobody_and_the_report_is_kept(stage: Stage, odd: str) -> None:
    await stage.service.turns.take(said(f"报事 路灯{odd}不亮了"))
    await stage.wait(0, "秒")
    assert await _cases(stage) == 1
    assert stage.heard("wang")[0] == "已上报，网格员会联系您。"
    stage.heard("wang").clear()
    await stage.service.turns.take(said("我的报事", "2"))
    await stage.wait(0, "秒")
    assert any("路灯" in line for line in stage.heard("wang"))


async def test_an_edit_of_an_open_answer_replaces_it(stage: Stage) -> None:
    turns = stage.service.turns
    await turns.take(said("报事", "1"))
    await turns.take(said("幸福里 3 栋", "2"))
    await turns.take(said("幸福里 5 栋", "2#1", edited=True))
    stage.now += timedelta(seconds=5)
    await turns.take(said("路灯不亮了", "3"))
    await stage.wait(0, "秒")
    assert any(line.startswith("幸福里 5 栋，路灯不亮了") for line in stage.heard("wang"))


async def test_a_confirmation_holds_only_for_what_was_shown(stage: Stage) -> None:
    turns = stage.service.turns
    for number, words in enumerate(["报事", "幸福里 3 栋", "路灯不亮了"]):
        await turns.take(said(words, str(number)))
        stage.now += timedelta(seconds=5)
    # The place is put right before 是 arrives: what they agreed to is not what would be reported.
    await turns.take(said("幸福里 5 栋", "1#9", edited=True))
    stage.now += timedelta(seconds=5)
    await turns.take(said("是", "7"))
    assert [
        case.place for case in await stage.service.desks.read(lambda desk: desk.cases.in_area(GRID, list(Status)))
    ] == ["幸福里 5 栋"]


async def test_an_old_yes_agrees_to_nothing_new(stage: Stage) -> None:
    for words in ("报事", "幸福里 3 栋", "路灯坏了一盏"):
        await stage.say("wang", words)
    old = stage._phones["wang"].messages[-1]
    for words in ("返回", "路灯坏了三盏"):
        await stage.say("wang", words)
    stage.heard("wang").clear()
    await stage.service.turns.take(said("", "old", tap=Tap(old.id, 0)))
    await stage.wait(0, "秒")
    assert stage.heard("wang")[0] == "这个按钮已经过期了，没有改动任何内容。"
    assert await _cases(stage) == 0


async def test_what_was_held_and_fails_is_put_aside_alone_and_the_chat_goes_on(stage: Stage) -> None:
    # No database has a number this large: the tap cannot even be looked up.
    poison = [said("", f"p{number}", tap=Tap(2**70, number)) for number in range(3)]
    await asyncio.gather(
        *(stage.service.turns.take(each) for each in [*poison, *(said("你好", f"h{n}") for n in range(6))])
    )
    await stage.wait(10, "秒")
    stage.heard("wang").clear()
    await stage.say("wang", "报事 楼下路灯不亮")
    assert stage.heard("wang")[0] == "已上报，网格员会联系您。"


async def test_people_writing_to_each_other_at_once_never_stand_in_each_others_way(stage: Stage) -> None:
    await stage.introduce("li", "网格员", GRID)
    names = [f"r{number}" for number in range(12)]
    for name in names:
        await stage.introduce(name, "居民", GRID)
    reports = [
        Said(Address("web", "chat", name), f"{name}-1", START, f"报事 楼下第 {number} 盏路灯不亮")
        for number, name in enumerate(names)
    ]
    tasks = [Said(Address("web", "chat", "li"), f"li-{number}", START, "我的任务") for number in range(3)]
    await asyncio.gather(*(stage.service.turns.take(each) for each in [*reports, *tasks]))
    assert await _cases(stage) == len(names)
    assert await stage.service.desks.read(lambda desk: desk.heard.parked()) == []


async def test_quiet_hours_hold_back_what_can_wait_and_not_what_cannot(stage: Stage) -> None:
    wang = (await stage.service.desks.write(lambda desk: desk.people.meet(WANG))).person
    stage.now = START + timedelta(hours=14)
    assert stage.now.astimezone(stage.knowledge.district.timezone).hour == 23

    async def tell(desk: Desk) -> None:
        await desk.tell(wang.id, "turn.empty", kind=Kind.REMINDER)
        await desk.tell(wang.id, "me.link", kind=Kind.PUSH)

    await stage.service.desks.write(tell)
    await stage.wait(0, "秒")
    assert stage.heard("wang") == ["连接另一个聊天"]
    stage.heard("wang").clear()
    await stage.wait(9, "小时")
    assert stage.heard("wang") == ["这条消息是空的。请打几个字，或者发一张照片。"]


async def test_a_thing_told_once_is_told_once(stage: Stage) -> None:
    wang = (await stage.service.desks.write(lambda desk: desk.people.meet(WANG))).person
    for _ in range(3):
        await stage.service.desks.write(lambda desk: desk.tell(wang.id, "turn.empty", kind=Kind.PUSH, once="push:1"))
    await stage.wait(0, "秒")
    assert len(stage.heard("wang")) == 1


async def test_what_is_due_comes_true_once_however_many_bells_ring(
    stage: Stage, settings: Settings, knowledge: Knowledge
) -> None:
    await stage.introduce("zhou", "主持人", "230203002001")
    for words in ("发起表决 楼前先装灯还是先种树", "先装灯、先种树", "1 天", "是"):
        await stage.say("zhou", words)
    stage.heard("wang").clear()
    stage.now += timedelta(days=2)
    other = build(settings, clock=lambda: stage.now, knowledge=knowledge)
    await asyncio.gather(stage.service.bell.ring(), other.bell.ring(), stage.service.bell.ring())
    await other.desks.database.close()
    await stage.wait(0, "秒")
    assert sum(line.startswith("表决结果") for line in stage.heard("wang")) == 1


async def test_messages_after_a_crash_in_flight_follow_their_kinds_policy(stage: Stage) -> None:

    async def queue(desk: Desk) -> None:
        contact = (await desk.people.meet(Address("telegram", "1", "5"))).id
        for kind in (Kind.PUSH, Kind.REMINDER):
            await desk.outbox.queue(contact, kind, Reply(kind.value, (Choice("好"),)))

    await stage.service.desks.write(queue)
    sent = []
    for _ in range(2):
        sent += await stage.service.desks.write(lambda desk: desk.outbox.claim("telegram:1", 1, frozenset()))
    assert [claimed.outgoing.kind for claimed in sent] == [Kind.PUSH, Kind.REMINDER]
    # The process dies here; the next one settles what was in flight.

    async def begin_again(desk: Desk) -> tuple[list[Claimed], list[Claimed]]:
        await desk.outbox.recover("telegram:1")
        again = await desk.outbox.claim("telegram:1", 9, frozenset())
        return again, await desk.outbox.claim("telegram:1", 9, frozenset())

    again, nothing = await stage.service.desks.write(begin_again)
    assert [(claimed.outgoing.id, claimed.outgoing.reply) for claimed in again] == [
        (sent[0].outgoing.id, sent[0].outgoing.reply)
    ]
    assert nothing == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("是的", "yes"),
        ("对的。", "yes"),
        ("嗯呐", "yes"),
        ("好的呢", "yes"),
        ("不是的", "no"),
        ("不用了", "no"),
        ("再说吧", None),
    ],
)
def test_yes_and_no_are_heard_as_people_say_them(said: str, meant: str | None) -> None:
    found = _picked(said, [("是", "yes"), ("否", "no")], fold)
    assert (found and found[0]) == meant
    assert _picked(said, [("确定删除", "yes"), ("留着", "no")], fold) is None
