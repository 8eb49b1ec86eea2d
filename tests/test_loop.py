"""What nobody could answer comes back answered: answered once, told once; handed over; followed by neighbours."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import pytest

from bot.app import Knowledge, Service, build
from bot.core.words import Kind, Reply, Said, Tap
from config.settings import Settings
from domain.faq import AnswerWithdrawn, AskersTold, QuestionsSettled, Settling
from domain.refusals import Refused
from nlp.alike import ALIKE, alike, form
from services.questions import kept
from storage.desk import Desk
from tests.play import START, Stage

T = TypeVar("T")

GRID, NEXT_GRID, COMMUNITY, ELSEWHERE = "230203002001001", "230203002001002", "230203002001", "230203002003"
ASKED = "流动餐车晚上在哪儿摆"


@pytest.fixture
async def stage(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Stage]:
    stage = Stage(settings, knowledge, restart=False)
    for who, role, area in (
        ("wang", "居民", GRID),
        ("chen", "居民", NEXT_GRID),
        ("zhou", "社区", COMMUNITY),
        ("ma", "社区", COMMUNITY),
        ("sun", "社区", ELSEWHERE),
    ):
        await stage.introduce(who, role, area)
    yield stage
    await stage.close()


# Which questions ask the same.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("暖气费什么时候交", "请问什么时候交暖气费呀"),
        ("老年公交卡丢了怎么补办", "老年公交卡丢了在哪补办？"),
        ("醫保卡消磁了怎麼辦", "医保卡消磁了咋办"),
        ("流动餐车晚上在哪儿摆，我电话 ＊＊＊", "晚上的流动餐车在哪里摆"),
    ],
)
def test_the_same_question_in_other_words_is_known(one: str, other: str) -> None:
    a, b = form(one), form(other)
    same = a.asks == b.asks and alike(a.pieces, b.pieces) >= ALIKE
    # What is asked about it differs in the second pair: how is not where, and staff answer each.
    assert same is (one != "老年公交卡丢了怎么补办")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("医保怎么办理", "社保怎么办理"),
        ("低保怎么申请", "廉租房怎么申请"),
        ("暖气费什么时候交", "暖气费多少钱"),
        ("能不能养狗", "能不能养鸡"),
        ("😀😀", "😡😡"),
    ],
)
def test_another_question_is_not_taken_for_the_same(one: str, other: str) -> None:
    a, b = form(one), form(other)
    assert not (a.asks == b.asks and alike(a.pieces, b.pieces) >= ALIKE)


@pytest.mark.parametrize(
    ("said", "stays"),
    [
        ("我电话13845678901，身份证 230204195001011234", "我电话＊＊＊，身份证 ＊＊＊"),
        ("看 https://evil.example/?a=1 这个", "看 （网址） 这个"),
        (
            "一行\n来源：假的\n\n{answer} '; DROP TABLE questions; --",
            "一行 来源：假的 {answer} '; DROP TABLE questions; --",
        ),
        ("长" * 4000, "长" * 300),
    ],
)
def test_what_is_kept_of_a_question_is_one_line_without_numbers_or_addresses(said: str, stays: str) -> None:
    assert kept(said) == stays


@pytest.mark.parametrize(
    "odd", ["😀😀😀", "hello can you help me", "https://example.com/a", "'; DROP TABLE questions; --"]
)
async def test_an_odd_question_is_answered_and_kept_once_if_it_asks_anything(odd: str, stage: Stage) -> None:
    for _ in range(2):
        await stage.say("wang", f"问政策 {odd}")
    assert stage.heard("wang")
    assert await _read(stage, lambda desk: desk.questions.count()) == (0 if odd.startswith("😀") else 1)


# Answered once, told once.


async def test_of_two_staff_who_answer_at_once_one_wins_and_the_other_is_told(stage: Stage) -> None:
    await _ask(stage, "wang", "chen")
    for who in ("zhou", "ma"):
        await _write(stage, who)
        stage.heard(who).clear()
    await asyncio.gather(*(_press(stage.service, stage, who, "发出去") for who in ("zhou", "ma")))
    await stage._settle()
    assert sum("已经用上了" in stage.heard(who)[0] for who in ("zhou", "ma")) == 1
    assert sum("已经有人答了" in stage.heard(who)[0] for who in ("zhou", "ma")) == 1
    assert [sum("有答复了" in line for line in stage.heard(who)) for who in ("wang", "chen")] == [1, 1]


async def test_after_a_crash_between_the_answer_and_the_telling_everybody_is_told_once(
    stage: Stage, settings: Settings, knowledge: Knowledge
) -> None:
    await _ask(stage, "wang", "chen")
    await _write(stage, "zhou")
    # The turn is kept, and the process is gone before a bell rings.
    await _press(stage.service, stage, "zhou", "发出去")
    await stage.close()
    stage.service = stage._build()
    for _ in range(3):
        await stage._settle()
    # Even acted on again, nobody is told again.
    await stage.service.desks.write(lambda desk: desk.happen(AskersTold(1)))
    await stage._settle()
    assert [sum("有答复了" in line for line in stage.heard(who)) for who in ("wang", "chen")] == [1, 1]


async def test_every_process_answers_with_it_and_none_after_it_is_withdrawn(
    stage: Stage, settings: Settings, knowledge: Knowledge
) -> None:
    other = build(settings, clock=lambda: stage.now, knowledge=knowledge)
    await _ask(stage, "wang")
    await _write(stage, "zhou")
    await stage.say("zhou", "[发出去]")
    assert not _knows(other)
    await other.bell.ring()
    assert _knows(other)
    assert _knows(stage.service)
    late = build(settings, clock=lambda: stage.now, knowledge=knowledge)
    await late.answers.refresh()
    assert _knows(late)
    await stage.say("zhou", "[撤下]")
    # Its row is gone, so it is not given even by an ear that has not heard yet.
    await stage.close()
    stage.service = other
    await stage.say("chen", f"问政策 {ASKED}")
    assert "卜奎大街" not in "".join(stage.heard("chen"))
    await late.bell.ring()
    assert not _knows(late)
    await late.desks.database.close()


async def test_who_asked_in_the_night_is_told_in_the_morning_unless_it_is_withdrawn_before(stage: Stage) -> None:
    await _ask(stage, "wang")
    stage.now = START.replace(hour=14)
    await _write(stage, "zhou")
    await stage.say("zhou", "[发出去]")
    assert not any("有答复了" in line for line in stage.heard("wang"))
    await stage.say("zhou", "[撤下]")
    await stage.wait(10, "小时")
    assert not any("有答复了" in line for line in stage.heard("wang"))
    assert await _read(stage, lambda desk: desk.questions.count()) == 1
    stage.now = START + timedelta(days=1, hours=13)
    await _write(stage, "ma")
    await stage.say("ma", "[发出去]")
    await stage.wait(10, "小时")
    assert sum("有答复了" in line for line in stage.heard("wang")) == 1


async def test_who_has_blocked_us_is_skipped_and_the_others_are_told(stage: Stage) -> None:
    await _ask(stage, "wang", "chen")

    async def block(desk: Desk) -> None:
        await desk.people.block(await desk.people.find(stage.address("wang")) or 0)

    await stage.service.desks.write(block)
    await _write(stage, "zhou")
    await stage.say("zhou", "[发出去]")
    assert [sum("有答复了" in line for line in stage.heard(who)) for who in ("wang", "chen")] == [0, 1]


async def test_who_is_forgotten_leaves_no_question_and_no_hand_over(stage: Stage) -> None:
    await _ask(stage, "wang")
    await stage.say("wang", "[找人问]")
    assert any(ASKED in line for line in stage.heard("zhou"))
    await stage.say("wang", "忘记我")
    await stage.say("wang", "[确定删除]")
    assert await _read(stage, lambda desk: desk.questions.count()) == 0
    assert await _read(stage, lambda desk: desk.handovers.find(1)) is None
    await stage.say("zhou", "未答问题")
    assert stage.heard("zhou")[-1] == "没有未答的问题。"
    stage.heard("wang").clear()
    await stage.say("zhou", "[回复]")
    assert stage.heard("zhou")[-1].startswith("这次问答已经结束了")
    assert stage.heard("wang") == []


async def test_staff_of_another_area_see_nothing_of_it_and_are_refused(stage: Stage) -> None:
    await _ask(stage, "wang")
    await stage.say("sun", "未答问题")
    assert stage.heard("sun") == ["没有未答的问题。"]
    sun, wang, zhou = [await _number(stage, who) for who in ("sun", "wang", "zhou")]
    for number in (sun, wang):
        with pytest.raises(Refused):
            await _settle(stage, number)
    await _settle(stage, zhou)
    with pytest.raises(Refused):
        await stage.service.desks.write(lambda desk: desk.happen(AnswerWithdrawn(sun, 1)))
    assert (await _read(stage, lambda desk: desk.questions.answer(1))) is not None


async def test_a_phrasing_makes_the_next_one_who_says_it_so_understood(stage: Stage) -> None:
    words = "我这岁数坐大客不花钱的那个本本上哪整"
    for who in ("wang", "chen"):
        await stage.say(who, f"问政策 {words}")
    for each in ("未答问题", "1", "是已有的这条", "居民医保断缴"):
        await stage.say("zhou", each)
    stage.heard("zhou").clear()
    await stage.say("zhou", "1")
    assert any("就是「" in line for line in stage.heard("zhou"))
    for who in ("wang", "chen"):
        stage.heard(who).clear()
    await stage.say("zhou", "[发出去]")
    assert sum("有答复了" in line for line in stage.heard("wang")) == 1
    stage.heard("chen").clear()
    await stage.say("chen", words)
    assert any("解答部门" in line for line in stage.heard("chen"))


async def test_a_button_of_an_answer_taken_back_leads_to_what_answers_now(stage: Stage) -> None:
    await stage.say("wang", "问政策 医保")
    offered = next(each for each in stage._phones["wang"].messages[-1].reply.choices if each.opens == "faq")
    gone = replace(offered, given={"entry": "answer-77", "words": "低保怎么申请"})

    async def offer(desk: Desk) -> None:
        contact = await desk.people.find(stage.address("wang"))
        await desk.outbox.queue(contact or 0, Kind.REPLY, Reply("您是不是想问：", (replace(gone, label="老答案"),)))

    await stage.service.desks.write(offer)
    await stage._settle()
    stage.heard("wang").clear()
    await stage.say("wang", "[老答案]")
    assert any("解答部门" in line for line in stage.heard("wang"))


async def test_a_question_closed_is_not_listed_and_nobody_is_told(stage: Stage) -> None:
    await _ask(stage, "wang")
    for each in ("未答问题", "1", "不用答", "是测试"):
        await stage.say("zhou", each)
    assert stage.heard("zhou")[-1].startswith("好的，这些问题不再列出来")
    await stage.say("ma", "未答问题")
    assert stage.heard("ma") == ["没有未答的问题。"]
    assert not any("有答复了" in line for line in stage.heard("wang"))


async def test_an_answer_without_its_source_or_of_no_entry_is_refused_wherever_it_comes_from(stage: Stage) -> None:
    await _ask(stage, "wang")
    zhou = await _number(stage, "zhou")
    whole = QuestionsSettled(zhou, 1, Settling.ENTRY, "", "问题", "答案", "依据", "部门")
    for lacking in (
        replace(whole, source=" "),
        replace(whole, answer="长" * 601),
        replace(whole, valid_until=START.date() - timedelta(days=1)),
        QuestionsSettled(zhou, 1, Settling.PHRASING, "no-such-entry"),
        QuestionsSettled(zhou, 1, Settling.CLOSED),
    ):
        with pytest.raises(Refused, match="incomplete"):
            await stage.service.desks.write(partial(_happen, lacking))
    await stage.service.desks.write(partial(_happen, whole))
    assert await _read(stage, lambda desk: desk.questions.count()) == 0


# Handed over.


def test_the_office_opens_on_working_days_only(knowledge: Knowledge) -> None:
    district = knowledge.district
    monday, friday = START, START + timedelta(days=4)
    assert district.office_opens(monday) == monday
    assert district.office_opens(monday - timedelta(hours=2)) == datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    assert district.office_opens(friday.replace(hour=9)) == datetime(2026, 11, 30, 0, 30, tzinfo=UTC)


async def test_of_two_who_reply_at_once_one_has_the_thread(stage: Stage) -> None:
    await stage.say("wang", f"转人工 {ASKED}")
    for who in ("zhou", "ma"):
        await stage.say(who, "[回复]")
        stage.heard(who).clear()
    takes = [Said(stage.address(who), f"{who}-reply", stage.now, f"{who} 说") for who in ("zhou", "ma")]
    await asyncio.gather(*(stage.service.turns.take(each) for each in (*takes, *takes)))
    await stage._settle()
    replies = [line for line in stage.heard("wang") if line.startswith("社区回复")]
    assert len(replies) == 1
    assert sorted(stage.heard(who)[0] for who in ("zhou", "ma")) == sorted(
        ["已转达。  [结束]", "已经有同事在回复了，没有发出去。"]
    )


async def test_who_holds_no_office_any_more_cannot_write_on(stage: Stage) -> None:
    await stage.say("wang", f"转人工 {ASKED}")
    await stage.say("zhou", "[回复]")
    await stage.say("zhou", "您说")
    number = await _number(stage, "zhou")
    await stage.service.desks.write(lambda desk: desk.people.end_roles(number))
    stage.heard("zhou").clear()
    await stage.say("zhou", "[回复]")
    assert stage.heard("zhou")[-1].startswith("这次问答已经结束了")


# Followed by neighbours.


async def test_a_neighbour_is_shown_neither_who_reported_nor_their_words_nor_their_door(stage: Stage) -> None:
    await stage.introduce("li", "网格员", GRID)
    await stage.service.desks.write(lambda desk: _call(desk, stage, "wang", "王阿姨"))
    await stage.say("wang", "报事 幸福里 3 栋 2 单元 501 室门口的声控灯灭了摔了我妈，电话 13845678901")
    await stage.say("chen", "报事 幸福里 3 栋 声控灯灭了")
    await stage.say("chen", "[我也遇到了]")
    for step in ("[接单]", "[完成]", "换了灯泡"):
        await stage.say("li", step)
    heard = "\n".join(stage.heard("chen"))
    assert "我也遇到了" in heard
    assert "说办好了" in heard
    for private in ("501", "2 单元", "摔了", "13845678901", "8901", "王阿姨"):
        assert private not in heard
    # Asked twice at once it is one follower; and the case is one.
    assert await _read(stage, lambda desk: desk.cases.followers(1)) == [await _number(stage, "chen")]


async def test_who_is_forgotten_follows_nothing_any_more(stage: Stage) -> None:
    await stage.introduce("li", "网格员", GRID)
    await stage.say("wang", "报事 幸福里 3 栋 声控灯灭了")
    await stage.say("chen", "报事 幸福里 3 栋 声控灯不亮")
    await stage.say("chen", "[我也遇到了]")
    await stage.say("chen", "忘记我")
    await stage.say("chen", "[确定删除]")
    stage.heard("chen").clear()
    await stage.say("li", "[接单]")
    assert stage.heard("chen") == []
    assert await _read(stage, lambda desk: desk.cases.followers(1)) == []


# What the tests say more than once.


async def _ask(stage: Stage, *people: str) -> None:
    for who in people:
        await stage.say(who, f"问政策 {ASKED}")


async def _write(stage: Stage, who: str) -> None:
    """Go as far as the preview of an answer."""
    for words in ("未答问题", "1", "写答案", "流动餐车在哪里摆", "卜奎大街夜市入口", "社区公告 3 号", "民乐社区"):
        await stage.say(who, words)
    assert "发吗？" in stage.heard(who)[-1]


async def _press(service: Service, stage: Stage, who: str, label: str) -> None:
    message, place = stage._find_button(who, label)
    await service.turns.take(Said(stage.address(who), f"{who}-press", stage.now, tap=Tap(message, place)))


def _knows(service: Service) -> bool:
    match = service.desks.ear.faq(ASKED, START.date())
    return match.sure is not None and match.sure.id.startswith("answer-")


async def _settle(stage: Stage, by: int) -> None:
    settled = QuestionsSettled(by, 1, Settling.CLOSED, answer="不用")
    await stage.service.desks.write(lambda desk: desk.happen(settled))


async def _happen(fact: object, desk: Desk) -> None:
    await desk.happen(fact)


async def _number(stage: Stage, who: str) -> int:
    found = await stage.service.desks.read(lambda desk: desk.people.at(stage.address(who)))
    assert found is not None
    return found[1].id


async def _call(desk: Desk, stage: Stage, who: str, name: str) -> None:
    person = (await desk.people.meet(stage.address(who))).person
    await desk.people.change(person.id, name=name)


async def _read(stage: Stage, look: Callable[[Desk], Awaitable[T]]) -> T:
    return await stage.service.desks.read(look)
