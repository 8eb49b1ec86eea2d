"""What goes out: the urgent first, each once, late news as one message, never more than a platform allows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from bot.app import Knowledge, build
from bot.core.words import Address, Allowance, Choice, Kind, Reply, Said
from config.settings import Settings
from storage import outbox
from storage.desk import Desk, Desks
from storage.outbox import Claimed
from storage.tables import Outbox
from tests.play import START, Stage

WAY = "telegram:1"
CHEN = Address("telegram", "1", "5")


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    yield stage
    await stage.close()


async def _queue(stage: Stage, *messages: tuple[Kind, str, str | None], address: Address = CHEN) -> int:
    async def queue(desk: Desk) -> int:
        contact = (await desk.people.meet(address)).id
        for kind, words, topic in messages:
            await desk.outbox.queue(contact, kind, Reply(words, (Choice("看"),)), topic=topic)
        return contact

    return await stage.service.desks.write(queue)


async def _claim(stage: Stage, limit: int = 9) -> list[Claimed]:
    return await stage.service.desks.write(lambda desk: desk.claim(WAY, limit, ()))


async def _sent(numbers: list[int], desk: Desk) -> None:
    await desk.outbox.sent(numbers)


async def _drain(stage: Stage) -> list[str]:
    """Everything due, sent one after the other, as it reads."""
    texts = []
    while claimed := await _claim(stage):
        texts += [each.outgoing.reply.text for each in claimed]
        numbers = [each.outgoing.id for each in claimed]
        await stage.service.desks.write(partial(_sent, numbers))
    return texts


async def test_the_urgent_goes_before_the_routine_and_each_kind_in_its_order(stage: Stage) -> None:
    await _queue(stage, (Kind.REMINDER, "r", None), (Kind.NOTICE, "n", None), (Kind.PUSH, "p1", None))
    await _queue(stage, (Kind.PUSH, "p2", None), (Kind.REPLY, "a", None))
    assert await _drain(stage) == ["a", "p1", "p2", "n", "r"]


async def test_one_chat_gets_one_message_at_a_time_and_others_need_not_wait_for_it(stage: Stage) -> None:
    await _queue(stage, (Kind.PUSH, "1", None), (Kind.PUSH, "2", None))
    await _queue(stage, (Kind.PUSH, "other", None), address=Address("telegram", "1", "6"))
    assert sorted(each.outgoing.reply.text for each in await _claim(stage)) == ["1", "other"]


async def test_messages_of_another_account_are_left_to_it(stage: Stage) -> None:
    await _queue(stage, (Kind.PUSH, "theirs", None), address=Address("telegram", "2", "5"))
    assert await _claim(stage) == []


async def test_old_news_gives_way_to_newer_of_the_same_matter(stage: Stage) -> None:
    await _queue(stage, *[(Kind.NOTICE, f"进展 {number}", "case:1") for number in range(3)])
    await _queue(stage, (Kind.NOTICE, "别的", None))
    texts = await _drain(stage)
    assert texts == ["这件事有 3 条新进展，最新的是：\n\n进展 2", "别的"]


async def test_after_a_day_down_people_get_one_message_instead_of_a_burst(stage: Stage) -> None:
    contact = await _queue(
        stage,
        (Kind.NOTICE, "一号案卷有人接了", "case:1"),
        (Kind.REMINDER, "今晚议事会", None),
        (Kind.NOTICE, "一号案卷办完了", "case:1"),
        (Kind.PUSH, "新任务", None),
    )
    stage.now += timedelta(hours=20)
    task, shared = [(await _claim(stage))[0].outgoing for _ in range(2)]
    assert task.reply.text == "新任务"
    assert shared.reply.text == "下面是之前没能及时送到您这里的消息：\n\n1. 一号案卷办完了\n\n2. 今晚议事会"
    assert await _claim(stage) == []
    # Its buttons say which of them they belong to, and can be pressed.
    choices = await stage.service.desks.read(lambda desk: desk.outbox.choices(contact, shared.id))
    assert [choice.label for choice in choices] == ["看（1）", "看（2）"]


async def test_a_shared_message_never_grows_too_long_and_nothing_is_left_out(stage: Stage) -> None:
    await _queue(stage, *[(Kind.NOTICE, f"{number:02}" + "长" * 900, None) for number in range(10)])
    stage.now += timedelta(hours=1)
    texts = await _drain(stage)
    assert all(len(text) < 3200 for text in texts)
    assert all(sum(f"{number:02}长" in text for text in texts) == 1 for number in range(10))


async def test_what_expired_is_not_sent(stage: Stage) -> None:
    await _queue(stage, (Kind.REMINDER, "议事会今天开", None), (Kind.REPLY, "回答", None))
    stage.now += timedelta(days=3)
    assert await _drain(stage) == []


async def test_no_more_goes_out_than_the_platform_allows_until_somebody_speaks_again(stage: Stage) -> None:
    weixin = Address("telegram", "1", "weixin")
    allowed = Allowance(2, timedelta(hours=48))
    said = Said(weixin, "1", START, "你好", allows=allowed)
    await stage.service.turns.take(said)
    await _queue(stage, *[(Kind.PUSH, f"任务 {number}", None) for number in range(3)], address=weixin)
    first = await _drain(stage)
    assert len(first) == 2
    assert first[1] == "任务 0"
    stage.now += timedelta(hours=1)
    await stage.service.turns.take(replace(said, id="2", at=stage.now))
    second = await _drain(stage)
    assert second[1:] == ["任务 1"]
    # A short allowance does not cut a longer one short, and an old one allows nothing.
    await stage.service.turns.take(replace(said, id="3", at=stage.now, allows=Allowance(1, timedelta(minutes=1))))
    stage.now += timedelta(minutes=2)
    assert await _drain(stage) == []


async def test_a_doubtful_fate_is_written_down_and_stays_so(stage: Stage) -> None:
    await _queue(stage, (Kind.PUSH, "p", None), (Kind.REMINDER, "r", None))
    await _claim(stage)
    await stage.service.desks.write(lambda desk: desk.outbox.recover(WAY))
    await _drain(stage)

    async def fates(desk: Desk) -> list[tuple[str, str, bool]]:
        rows = await desk._db.execute(select(Outbox.kind, Outbox.state, Outbox.unknown_at).order_by(Outbox.id))
        return [(row.kind, row.state, row.unknown_at is not None) for row in rows]

    assert await stage.service.desks.read(fates) == [("push", "sent", True), ("reminder", "sent", False)]


async def test_a_release_without_lanes_queues_and_this_one_sends(stage: Stage) -> None:
    await _queue(stage, (Kind.PUSH, "old", None))

    async def as_before(desk: Desk) -> None:
        await desk._db.execute(update(Outbox).values(lane=""))

    await stage.service.desks.write(as_before)
    assert await _claim(stage) == []
    await stage.service.desks.write(lambda desk: desk.outbox.adopt())
    assert await _drain(stage) == ["old"]


async def test_two_processes_never_take_the_same_message(
    stage: Stage, settings: Settings, knowledge: Knowledge
) -> None:
    for number in range(20):
        await _queue(stage, (Kind.PUSH, str(number), None), address=Address("telegram", "1", f"c{number}"))
    other = build(settings, clock=lambda: START, knowledge=knowledge)

    async def all_of(desks: Desks) -> list[str]:
        taken = []
        while claimed := await desks.write(lambda desk: desk.claim(WAY, 2, ())):
            taken += [each.outgoing.reply.text for each in claimed]
        return taken

    mine, theirs = await asyncio.gather(all_of(stage.service.desks), all_of(other.desks))
    await other.desks.database.close()
    assert sorted([*mine, *theirs], key=int) == [str(number) for number in range(20)]


async def test_a_clock_set_back_or_forward_an_hour_doubles_nothing(stage: Stage) -> None:
    await stage.introduce("zhou", "主持人", "230203002001")
    await stage.introduce("wang", "居民", "230203002001001")
    for words in ("发起表决 楼前先装灯还是先种树", "先装灯、先种树", "1 天", "是"):
        await stage.say("zhou", words)
    for jump in (timedelta(hours=25), timedelta(hours=-1), timedelta(hours=1), timedelta(hours=1), timedelta(hours=-2)):
        stage.now += jump
        await stage.service.bell.ring()
        await stage._settle()
    heard = stage.heard("wang")
    assert sum(line.startswith("表决结果") for line in heard) == 1
    # And the conversation goes on whatever the clock says.
    await stage.say("wang", "我的报事")
    assert len(stage.heard("wang")) > len(heard) - 1


async def test_a_whole_area_is_told_once_each_in_parts_between_which_others_are_served(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_AT_ONCE", 7)
    grids = ["230203002001001", "230203002001002", "230203002001003"]

    async def move_in(desk: Desk) -> None:
        for number in range(50):
            person = (await desk.people.meet(Address("telegram", "1", f"r{number}"))).person
            await desk.people.change(person.id, grid=grids[number % 3], language=["zh", "en"][number % 2])

    async def tell(desk: Desk) -> int:
        return await desk.tell_area("230203002001", "turn.empty", once="t", kind=Kind.NOTICE)

    async def queued(desk: Desk) -> list[int]:
        return list(await desk._db.scalars(select(Outbox.contact_id)))

    await stage.service.desks.write(move_in)
    assert await stage.service.desks.write(tell) == 50
    assert 0 < len(await stage.service.desks.read(queued)) <= 7
    # A crash here loses nothing: the rest is planned in the same transaction.
    await stage.service.bell.ring()
    told = await stage.service.desks.read(queued)
    assert (len(told), len(set(told))) == (50, 50)
    await stage.service.desks.write(tell)
    await stage.service.bell.ring()
    assert len(await stage.service.desks.read(queued)) == 50
