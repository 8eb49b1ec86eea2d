"""People on Telegram get what only Telegram has, from the whole service: menus, links, albums, maps and ballots."""

import asyncio
import io
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from bot.app import Knowledge
from bot.core.words import Address, Choice, Kind
from config.settings import Settings
from domain.councils import BallotOpened
from domain.matters import MatterMoved, MatterProposed, Move, Tier
from domain.people import Role
from storage.database import Database
from storage.desk import Desk
from storage.tables import Contacts, HeardMessages, Outbox, Parked, People
from tests.telegram_server import NAME, Sent, _Refusal
from tests.test_conformance import GRID, LI, REPORT, TASK, WANG, House, Telegram, TelegramClient, hears, picture, until

HOST, FIRST_RESIDENT, RESIDENTS = 1003, 2001, 30
COMMUNITY = GRID[:12]

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.parametrize("platform", ["polling", "polling by ptb"], ids=["aiogram", "ptb"]),
]


class Moody(Telegram):
    """A Telegram where one chat has blocked us, or is told to wait, while the others are well."""

    def __init__(self, **manners: Any) -> None:
        super().__init__(**manners)
        self.blocked: set[int] = set()
        self.slow: dict[int, int] = {}
        self.refused_at: list[float] = []

    def _on_sendMessage(self, data: dict[str, Any]) -> Any:  # noqa: N802
        chat = int(data["chat_id"])
        if chat in self.blocked:
            raise _Refusal(403, "Forbidden: bot was blocked by the user")
        if seconds := self.slow.pop(chat, 0):
            self.refused_at.append(time.monotonic())
            raise _Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        return super()._on_sendMessage(data)

    def calls_to(self, chat: int) -> list[float]:
        """When we wrote to a chat, whatever became of it."""
        return [call.at for call in self.called("sendMessage") if int(call.data["chat_id"]) == chat]


class TelegramHouse(House):
    """The service with Telegram beside it."""

    def __init__(self, settings: Settings, knowledge: Knowledge, platform: str, server: Moody) -> None:
        super().__init__(settings, knowledge, platform, server)
        self.server = server
        self.database_url = settings.database_url
        self.wang: TelegramClient = TelegramClient(self.clock, server, WANG)
        self.li: TelegramClient = TelegramClient(self.clock, server, LI)

    def person(self, chat: int) -> TelegramClient:
        return TelegramClient(self.clock, self.server, chat)

    def address(self, chat: int) -> Address:
        return Address("telegram", self.server.token.partition(":")[0], str(chat))

    async def rows(self, *columns: Any) -> list[Any]:
        """What the database holds, whether the service runs or not."""
        database = Database(self.database_url)
        try:
            return list((await database.read(lambda connection: connection.execute(select(*columns)))).all())
        finally:
            await database.close()

    async def push(self, chat: int, words: str, kind: Kind = Kind.PUSH) -> None:
        """Tell somebody something of our own accord, with a button under it."""

        async def tell(desk: Desk) -> None:
            person = (await desk.people.meet(self.address(chat))).person
            # It is not they who speak.
            desk._speaker = None
            await desk.tell(person.id, words, kind=kind, choices=[Choice("tasks.title", opens="tasks")])

        await self.service.desks.write(tell)


@pytest.fixture
async def server() -> AsyncIterator[Moody]:
    async with Moody() as server:
        yield server


@pytest.fixture
async def house(platform: str, server: Moody, settings: Settings, knowledge: Knowledge) -> AsyncIterator[TelegramHouse]:
    house = TelegramHouse(settings, knowledge, platform, server)
    await house.open()
    yield house
    await house.settle()
    await house.close()


# Menus and links.


async def test_everybody_sees_the_residents_menu_and_a_gridworker_their_tasks_as_well(house: TelegramHouse) -> None:
    await until(lambda: None in house.server.menus)
    residents = {command for command, _ in house.server.menus[None]}
    assert {"report", "mine", "grid"} <= residents
    assert "tasks" not in residents

    await house.employ()

    await until(lambda: LI in house.server.menus)
    assert {command for command, _ in house.server.menus[LI]} == residents | {
        *("tasks", "patrol", "walk", "visit", "leave"),
        *("admissions", "carry", "signin"),
    }
    assert WANG not in house.server.menus


async def test_the_code_on_the_wall_opens_the_card_of_its_grid(house: TelegramHouse) -> None:
    await house.wang.say(f"/start g_{GRID}")
    card = await hears(house.wang, f"网格码：{GRID}")
    assert "我住这个网格" in card.buttons


async def test_an_invitation_link_works_once(house: TelegramHouse) -> None:
    link = f"/start i_{await house.invite(Role.GRIDWORKER, GRID)}"
    await house.li.say(link)
    await hears(house.li, "欢迎！您现在是民乐社区第一网格的网格员")
    await house.wang.say(link)
    await hears(house.wang, "这个邀请码不能用")


# Photos, places, numbers.


async def test_an_album_is_one_report_with_all_its_photos(house: TelegramHouse) -> None:
    await house.employ()
    for place, colour in enumerate(["red", "green", "blue"]):
        house.server.photo(WANG, picture(colour), media_group_id="g1", caption=None if place else REPORT)
    # Held until nothing more comes: the bell rings every second.
    await until(house.wang.acknowledged)
    assert house.wang.heard() == []
    house.clock.move_on()

    await hears(house.wang, "受理编号")
    await hears(house.li, TASK)

    (case,) = await house.cases()
    kept = await house.service.desks.read(lambda desk: desk.cases.photos(case.id))
    album = [sent for sent in house.server.sent(LI) if sent.photo]
    assert [sent.photo for sent in album] == [await house.service.desks.album.read(digest) for digest in kept]
    assert len(set(kept)) == 3
    assert len({sent.media_group_id for sent in album}) == 1


async def test_a_photo_is_downloaded_kept_and_pushed_as_a_photo(house: TelegramHouse) -> None:
    await house.employ()
    await house.wang.photo(picture("blue"), REPORT)

    task: Sent = (await hears(house.li, TASK)).key

    (case,) = await house.cases()
    (kept,) = await house.service.desks.read(lambda desk: desk.cases.photos(case.id))
    assert task.photo == await house.service.desks.album.read(kept)
    assert task.buttons == ["接单", "退回", "完成"]


async def test_a_place_on_the_map_goes_into_the_case(house: TelegramHouse) -> None:
    house.server.location(WANG, 47.35, 123.95)
    await hears(house.wang, "位置收到了")
    await house.wang.say("幸福里 3 栋")
    await hears(house.wang, "出了什么问题？")
    await house.wang.say("楼下路灯不亮")
    await hears(house.wang, "对吗？")
    await house.wang.tap("是")
    await hears(house.wang, "受理编号")

    (case,) = await house.cases()
    assert (case.latitude, case.longitude) == (47.35, 123.95)


async def test_a_number_somebody_shares_is_kept_and_a_friends_is_not(house: TelegramHouse) -> None:
    house.server.contact(WANG, "+8613800000002", of=LI)
    await hears(house.wang, "这种消息我还看不懂")
    assert [phone for (phone,) in await house.rows(People.phone) if phone == "8613800000002"] == []

    house.server.contact(WANG, "+8613800000001")
    await hears(house.wang, "电话记下了")
    assert [phone for (phone,) in await house.rows(People.phone) if phone == "8613800000001"] != []


# Edits and taps.


async def test_an_edit_changes_an_answer_while_the_matter_is_open_and_not_afterwards(house: TelegramHouse) -> None:
    await house.wang.say("报事")
    await hears(house.wang, "请问在哪个小区")
    await house.wang.say("幸福里 3 栋")
    answer = house.wang.number
    await hears(house.wang, "出了什么问题？")
    house.clock.move_on()
    house.server.edit(WANG, answer, text="幸福里 5 栋")
    await until(lambda: sum("出了什么问题？" in bubble.text for bubble in house.wang.heard()) == 2)
    await house.wang.say("楼下路灯不亮")
    await hears(house.wang, "幸福里 5 栋，楼下路灯不亮，对吗？")
    await house.wang.tap("是")
    await hears(house.wang, "受理编号")
    house.clock.move_on()

    house.server.edit(WANG, answer, text="幸福里 7 栋")

    await hears(house.wang, "您改的那句话已经办过了，我照原样留着。")
    assert [case.place for case in await house.cases()] == ["幸福里 5 栋"]


async def test_every_tap_is_answered_whatever_becomes_of_it(
    house: TelegramHouse, caplog: pytest.LogCaptureFixture
) -> None:
    await house.wang.say("报事")
    question = await hears(house.wang, "请问在哪个小区")
    taps = [house.server.tap(WANG, question.key, 0)]
    await hears(house.wang, "在哪个街道？")
    house.clock.move_on()
    # Outdated, another message's, and one nobody ever drew.
    taps += [house.server.tap(WANG, question.key, 0)]
    taps += [house.server.tap_data(WANG, question.key.id, data) for data in ("99999:0", "nonsense")]
    await until(lambda: set(house.server.answered) >= set(taps))
    house.clock.move_on()

    house.store.broken = True
    late = house.server.tap(WANG, question.key, 0)
    await until(lambda: "turn failed, attempt 3" in caplog.text)
    assert late not in house.server.answered
    house.store.broken = False

    await until(lambda: late in house.server.answered)
    assert Counter(house.server.answered) == Counter([*taps, late])


# When Telegram does not want, or not now.


async def test_a_gridworker_who_blocked_us_is_left_in_peace_until_they_write_again(house: TelegramHouse) -> None:
    await house.employ()
    before = len(house.server.calls_to(LI))
    house.server.blocked.add(LI)

    await house.wang.say(REPORT)
    await hears(house.wang, "受理编号")
    await until(lambda: _blocked(house, LI))
    await house.wang.say("报事 幸福里 3 栋井盖不见了")
    await until(lambda: sum("受理编号" in bubble.text for bubble in house.wang.heard()) == 2)
    await until(lambda: _nothing_pending(house))

    assert len(house.server.calls_to(LI)) == before + 1
    house.server.blocked.clear()
    await house.li.say("我的任务")
    assert "井盖不见了" in (await hears(house.li, "楼下路灯不亮")).text


async def _blocked(house: TelegramHouse, chat: int) -> bool:
    rows = await house.rows(Contacts.chat, Contacts.blocked_at)
    return any(row.chat == str(chat) and row.blocked_at is not None for row in rows)


async def _nothing_pending(house: TelegramHouse) -> bool:
    return all(row.state in ("sent", "dead") for row in await house.rows(Outbox.state))


async def test_a_chat_told_to_wait_waits_and_the_others_do_not(house: TelegramHouse) -> None:
    await house.employ()
    before = len(house.server.calls_to(LI))
    house.server.slow[LI] = 2

    await house.wang.say(REPORT)
    await until(lambda: house.server.refused_at)
    for words in ("返回", "取消"):
        await house.wang.say(words)
    await until(lambda: sum("现在没有办到一半的事" in bubble.text for bubble in house.wang.heard()) == 2)
    # They were served while Li's chat was still waiting.
    assert len(house.server.calls_to(LI)) == before + 1

    await hears(house.li, TASK)
    first, second = house.server.calls_to(LI)[before:]
    assert second - first >= 2.0
    assert sum(TASK in bubble.text for bubble in house.li.heard()) == 1


# Many at once.


async def test_a_ballot_is_told_voted_in_and_its_result_shown_to_all(
    platform: str, settings: Settings, knowledge: Knowledge
) -> None:
    # With Telegram's limits in force, and at our real pace.
    async with Moody(limits=True) as server:
        house = TelegramHouse(settings, knowledge, platform, server)
        house.brisk = False
        await house.open()
        await _ballot(house)
        await house.close()
        arrived = sum(len(server.sent(chat)) for chat in (HOST, *_residents()))
        assert len(server.called("sendMessage")) + len(server.called("sendPhoto")) == arrived


def _residents() -> range:
    return range(FIRST_RESIDENT, FIRST_RESIDENT + RESIDENTS)


async def _ballot(house: TelegramHouse) -> None:
    host, residents = house.person(HOST), [house.person(chat) for chat in _residents()]

    async def settle(desk: Desk) -> None:
        for each in residents:
            person = (await desk.people.meet(house.address(each.chat))).person
            await desk.people.change(person.id, grid=GRID)

    await house.service.desks.write(settle)
    await host.say(f"/start i_{await house.invite(Role.COUNCIL_HOST, COMMUNITY)}")
    await hears(host, "欢迎")
    await host.say("发起表决 3 号楼前要不要装充电桩")
    await hears(host, "有哪些选项？")
    await host.say("要装、不要装")
    await hears(host, "到什么时候截止？")
    await host.tap("1 天后")
    await hears(host, "将通知 30 位居民")
    await host.tap("是")
    for each in residents:
        assert (await hears(each, "请您表决：3 号楼前要不要装充电桩")).buttons == ("要装", "不要装")

    for place, each in enumerate(residents):
        await each.tap("不要装" if place % 3 == 0 else "要装")
    for each in residents:
        await hears(each, "投票成功。")

    house.clock.move_on(timedelta(days=1))
    for each in (host, *residents):
        result: Sent = (await hears(each, "表决结果：3 号楼前要不要装充电桩")).key
        assert "· 要装：20 票" in result.text
        assert "· 不要装：10 票" in result.text
        with Image.open(io.BytesIO(result.photo or b"")) as chart:
            assert chart.format == "PNG"
    assert [len(house.server.sent(each.chat)) for each in residents] == [3] * RESIDENTS


async def test_a_hundred_messages_in_a_second_get_one_word_and_none_is_lost(house: TelegramHouse) -> None:
    said = ["报事", "幸福里 3 栋", "帮助", "帮助", *(f"第{number}盏灯坏了" for number in range(96))]
    for words in said:
        house.server.say(WANG, words)

    question = await hears(house.wang, "第95盏灯坏了，对吗？", seconds=30)

    assert all(words in question.text for words in said[4:])
    assert sum("我先都收下，等您发完一起看。" in bubble.text for bubble in house.wang.heard()) == 1
    await house.wang.tap("是")
    await hears(house.wang, "受理编号")
    (case,) = await house.cases()
    assert case.words.split("\n") == said[4:]
    assert await house.rows(Parked.trouble) == []
    assert [row for row in await house.rows(HeardMessages.held) if row.held] == []


# Dying, or stopping, in the middle of it.


@pytest.mark.parametrize(
    ("kind", "state", "copies"), [(Kind.PUSH, "sent", 2), (Kind.REMINDER, "unknown", 1)], ids=["push", "reminder"]
)
async def test_what_was_being_sent_at_a_kill_is_repeated_or_left_as_its_kind_says(
    house: TelegramHouse,
    platform: str,
    settings: Settings,
    knowledge: Knowledge,
    tmp_path: Path,
    kind: Kind,
    state: str,
    copies: int,
) -> None:
    await _pushed_slowly(house, kind)
    # What lies on the disk at this moment is all that a killed process leaves behind.
    left = tmp_path / "left.db"
    await asyncio.to_thread(_copy, Path(house.database_url.removeprefix("sqlite:///")), left)
    await until(lambda: _copies(house))
    await house.close()
    elsewhere = settings.model_copy(update={"database_url": f"sqlite:///{left}"})
    after = TelegramHouse(elsewhere, knowledge, platform, house.server)
    ((number,),) = [row[:1] for row in await after.rows(Outbox.id, Outbox.state) if row.state == "sending"]

    await after.open()

    await until(lambda: _in_state(after, number, state))
    assert await after.all_heard(after.li)
    assert len(_copies(after)) == copies
    assert {(sent.text, sent.data(0)) for sent in _copies(after)} == {("帮助", f"{number}:0")}
    await after.close()
    await house.open()


async def test_what_is_being_sent_at_a_stop_arrives_once(house: TelegramHouse) -> None:
    await _pushed_slowly(house, Kind.PUSH)
    await house.close()
    await until(lambda: _copies(house))
    await house.open()
    assert await house.all_heard(house.li)
    assert len(_copies(house)) == 1


async def _pushed_slowly(house: TelegramHouse, kind: Kind) -> None:
    """A message is on the line, and Telegram takes its time to answer."""
    await house.li.say("帮助")
    await hears(house.li, "您可以")
    await house.settle()
    before = len(house.server.calls_to(LI))
    house.server.fail("sendMessage", delay=0.5)
    await house.push(LI, "help.title", kind)
    await until(lambda: len(house.server.calls_to(LI)) > before)


def _copy(database: Path, to: Path) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _copies(house: TelegramHouse) -> list[Sent]:
    return [sent for sent in house.server.sent(LI) if sent.text == "帮助"]


async def _in_state(house: TelegramHouse, number: int, state: str) -> bool:
    return (number, state) in [tuple(row) for row in await house.rows(Outbox.id, Outbox.state)]


# A group chat reads along.


async def test_the_group_of_an_estate_follows_a_matter_and_nobody_votes_in_it(house: TelegramHouse) -> None:
    host, yard = house.person(HOST), house.person(-100200)
    await house.wang.say(f"/start g_{GRID}")
    await hears(house.wang, f"网格码：{GRID}")
    await house.wang.tap("我住这个网格")
    await hears(house.wang, "记住了")
    await host.say(f"/start i_{await house.invite(Role.COUNCIL_HOST, GRID)}")
    await hears(host, "欢迎")

    async def propose(desk: Desk) -> None:
        wang = (await desk.people.meet(house.address(WANG))).person.id
        zhou = (await desk.people.meet(house.address(HOST))).person.id
        desk._speaker = None
        await desk.happen(MatterProposed(wang, Tier.COMMUNITY, COMMUNITY, "民乐社区", "院门口装一排充电桩"))
        await desk.people.grant(zhou, Role.COUNCIL_HOST, COMMUNITY)
        await desk.happen(MatterMoved(1, Move.FORWARD, zhou))

    await house.service.desks.write(propose)

    async def in_the_yard(words: str) -> None:
        house.clock.move_on()
        house.server.say(yard.chat, words, user=WANG)

    # A code of another kind stays good; a guess, and a code typed in private, do nothing.
    other = await house.invite(Role.GRIDWORKER, GRID)
    for wrong in (other, "AAAAAAAAA2"):
        seen = len(yard.heard())
        await in_the_yard(f"/follow {wrong}")
        await until(lambda seen=seen: len(yard.heard()) > seen)  # type: ignore[misc]
        assert "这个码不能用" in yard.heard()[-1].text
    await host.say("请群关注 1")
    given = await hears(host, "再在群里发")
    code = given.text.split("/follow ")[1].split()[0]
    await house.wang.say(f"/start i_{code}")
    await hears(house.wang, "请在小区的群里发 /follow")
    await in_the_yard(f"/follow {code}")
    followed = await hears(yard, "本群关注了民乐社区「院门口装一排充电桩」")
    assert [data for row in followed.key.rows for _, data in row] == [f"https://t.me/{NAME}?start=t_1"]
    await house.li.say(f"/start i_{other}")
    await hears(house.li, "欢迎")

    async def open_ballot(desk: Desk) -> None:
        zhou = (await desk.people.meet(house.address(HOST))).person.id
        desk._speaker = None
        until_ = desk.now + timedelta(days=1)
        await desk.happen(BallotOpened(zhou, COMMUNITY, "装几个充电桩", ("四个", "八个"), until_, matter=1))

    await house.service.desks.write(open_ballot)
    asked = await hears(yard, "群里不投票")
    # No answer stands under it, only where to vote in private.
    assert [key for row in asked.key.rows for key in row] == [("私下投票", f"https://t.me/{NAME}?start=v_1")]
    await in_the_yard("/vote 1")
    await hears(yard, "这里大家都看得到")
    await house.wang.say("/start v_1")
    await hears(house.wang, "您的意见是？")
    await house.wang.tap("八个")
    await hears(house.wang, "投票成功")
    await in_the_yard("/unfollow")
    await hears(yard, "不再收议题的进展")
    assert all("八个" not in bubble.text for bubble in yard.heard())
