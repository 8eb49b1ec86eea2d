"""What staff do on their pages is as in their chat: the same areas, the same rules, once however often it is sent."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import text

from bot.app import Knowledge
from config.settings import Settings
from domain.cases import Case, CaseMoved, Move, ProblemReported, Status, Step
from domain.faq import QuestionAsked
from domain.people import Role
from storage.cases import Theirs, _open_page
from storage.database import Connection, Database
from storage.desk import Desk
from tests.office import COMMUNITY, DISTRICT, ELSEWHERE, GRID, NEXT_GRID, Office
from tests.play import START
from web.api import described

_words = count(1)
WRITTEN = {
    "kind": "entry",
    "question": "流动餐车晚上在哪里摆",
    "answer": "卜奎大街文化广场，晚上 6 点到 10 点。",
    "source": "社区公告（2026 年第 3 号）",
    "department": "民乐社区居民委员会",
}


@pytest.fixture
async def office(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Office]:
    office = Office(settings, knowledge)
    async with office.service.running():
        for who, grid in (("wang", GRID), ("chen", NEXT_GRID), ("sun", ELSEWHERE + "001")):
            await office.meet(who, grid=grid)
        for who, role, area in (
            ("zhou", Role.COMMUNITY, COMMUNITY),
            ("ma", Role.COMMUNITY, COMMUNITY),
            ("far", Role.COMMUNITY, ELSEWHERE),
            ("gao", Role.DISTRICT, DISTRICT),
            ("li", Role.GRIDWORKER, GRID),
            ("zhao", Role.GRIDWORKER, NEXT_GRID),
        ):
            await office.meet(who, role, area)
        yield office


async def ask(office: Office, who: str, words: str) -> None:
    await office.service.desks.write(lambda desk: desk.happen(QuestionAsked(office.people[who], words, ())))


async def report(
    office: Office,
    grid: str = GRID,
    words: str = "楼下路灯不亮",
    category: str = "street-lamp",
    photos: tuple[str, ...] = (),
) -> Case:
    """A case, as wang reports it."""

    async def happen(desk: Desk) -> Case:
        said = f"{words} {next(_words)}"
        await desk.people.change(office.people["wang"], phone="13845678901")
        await desk.happen(ProblemReported(office.people["wang"], grid, category, "幸福里 3 栋", said, photos))
        found = await desk.cases.in_area(grid, list(Status), limit=5000)
        return next(case for case in found if case.words == said)

    return await office.service.desks.write(happen)


async def give(office: Office, case: Case, who: str) -> None:
    """Let a case lie with somebody, wherever it first went."""

    async def happen(desk: Desk) -> None:
        now = await desk.cases.get(case.id, lock=True)
        given = replace(now, worker_id=office.people[who], status=Status.DISPATCHED)
        await desk.cases.step(given, Step(desk.now, None, Move.DISPATCH))

    await office.service.desks.write(happen)


# Questions.


async def test_staff_see_the_questions_of_their_areas_and_answer_once(office: Office) -> None:
    for who in ("wang", "chen", "sun"):
        await ask(office, who, "流动餐车晚上在哪儿摆")
    async with office.at_desk("zhou") as zhou, office.at_desk("far") as far, office.at_desk("gao") as gao:
        [cluster] = (await zhou.get("/api/questions")).body["questions"]
        assert (cluster["askers"], cluster["wordings"], cluster["shown"]) == (2, ["流动餐车晚上在哪儿摆"], [])
        path = f"/api/questions/{cluster['id']}"
        assert (await zhou.get(path)).body == cluster
        assert (await gao.get(path)).body["askers"] == 3
        seen = await zhou.post(f"{path}/preview", WRITTEN)
        assert seen.body["askers"] == 2
        assert "您问过：流动餐车晚上在哪儿摆\n有答复了：卜奎大街文化广场" in seen.body["reads"]
        done = await zhou.post(f"{path}/answer", WRITTEN)
        assert done.status == 200, done.body
        assert "已经用上了" in done.body["said"][0]
        assert (await zhou.get("/api/questions")).body == {"questions": [], "next": None}
        assert (await zhou.get(path)).status == 404
        assert (await far.get(path)).body["askers"] == 1
    assert seen.body["reads"] in (await office.told("wang"))[-1]
    assert seen.body["reads"] in (await office.told("chen"))[-1]
    assert not any("有答复了" in each for each in await office.told("sun"))
    # It was said on the page; the chat is left alone.
    assert not any("已经用上了" in each for each in await office.told("zhou"))


async def test_an_answer_taken_back_in_time_reaches_nobody(office: Office) -> None:
    office.later += timedelta(hours=14)
    await ask(office, "wang", "流动餐车晚上在哪儿摆")
    async with office.at_desk("zhou") as zhou, office.at_desk("far") as far:
        [cluster] = (await zhou.get("/api/questions")).body["questions"]
        made = (await zhou.post(f"/api/questions/{cluster['id']}/answer", WRITTEN)).body["answer"]
        refused = await far.post(f"/api/answers/{made}/withdraw", {})
        assert (refused.status, refused.code) == (403, "questions.not_yours")
        # As if it did not exist.
        assert (await far.post("/api/answers/99999/withdraw", {})).body == refused.body
        assert "已撤下" in (await zhou.post(f"/api/answers/{made}/withdraw", {})).body["said"][0]
        assert "已经撤下了" in (await zhou.post(f"/api/answers/{made}/withdraw", {})).body["said"][0]
        assert len((await zhou.get("/api/questions")).body["questions"]) == 1
    office.later += timedelta(hours=14)
    assert not any("有答复了" in each for each in await office.told("wang"))


async def test_a_question_is_given_an_entry_that_is_there_or_closed(office: Office) -> None:
    await ask(office, "wang", "流动餐车晚上在哪儿摆")
    await ask(office, "wang", "啦啦啦啦啦啦啦")
    async with office.at_desk("zhou") as zhou:
        entries = (await zhou.get("/api/entries?q=老年公交卡怎么办")).body["entries"]
        assert entries
        second, first = (await zhou.get("/api/questions")).body["questions"]
        same = {"kind": "phrasing", "entry": entries[0]["entry"]}
        assert (
            entries[0]["answer"][:20] in (await zhou.post(f"/api/questions/{first['id']}/preview", same)).body["reads"]
        )
        assert (await zhou.post(f"/api/questions/{first['id']}/answer", same)).status == 200
        closed = {"kind": "closed", "why": "不是问题，是测试"}
        assert (await zhou.post(f"/api/questions/{second['id']}/preview", closed)).body["reads"] == ""
        assert (await zhou.post(f"/api/questions/{second['id']}/answer", closed)).status == 200
        nowhere = {"kind": "phrasing", "entry": "no-such-entry"}
        assert (await zhou.post(f"/api/questions/{first['id']}/preview", nowhere)).status == 404
    told = await office.told("wang")
    assert sum("有答复了" in each for each in told) == 1
    assert not any("测试" in each for each in told)


async def test_of_two_sessions_that_settle_one_cluster_at_once_one_wins(office: Office) -> None:
    await ask(office, "wang", "流动餐车晚上在哪儿摆")
    async with office.at_desk("zhou") as zhou, office.at_desk("ma") as ma:
        [cluster] = (await zhou.get("/api/questions")).body["questions"]
        path = f"/api/questions/{cluster['id']}/answer"
        answers = await asyncio.gather(zhou.post(path, WRITTEN, "zhou-key"), ma.post(path, WRITTEN, "ma-key-01"))
        assert sorted(each.status for each in answers) == [200, 409]
        refused = next(each for each in answers if each.status == 409)
        assert refused.code == "questions.settled"
        assert "已经有人答了" in refused.body["error"]["message"]
    assert sum("有答复了" in each for each in await office.told("wang")) == 1


async def test_what_is_sent_twice_is_done_once_and_answered_twice(office: Office) -> None:
    await ask(office, "wang", "流动餐车晚上在哪儿摆")
    async with office.at_desk("zhou") as zhou, office.at_desk("ma") as ma:
        [cluster] = (await zhou.get("/api/questions")).body["questions"]
        path = f"/api/questions/{cluster['id']}/answer"
        answers = await asyncio.gather(*(zhou.post(path, WRITTEN, "one-and-the-same") for _ in range(5)))
        assert [each.status for each in answers] == [200] * 5
        assert len({str(each.body) for each in answers}) == 1
        # A key is its maker's own, and for one thing only.
        assert (await ma.post(path, WRITTEN, "one-and-the-same")).code == "questions.settled"
        other = await zhou.post(path, WRITTEN | {"answer": "换个地方了。"}, "one-and-the-same")
        assert (other.status, other.code) == (409, "page.key_used")
        other = await zhou.post(f"/api/answers/{answers[0].body['answer']}/withdraw", {}, "one-and-the-same")
        assert other.code == "page.key_used"
    assert sum("有答复了" in each for each in await office.told("wang")) == 1


async def test_what_was_refused_may_be_sent_again_under_the_same_key(office: Office) -> None:
    await ask(office, "wang", "流动餐车晚上在哪儿摆")
    async with office.at_desk("zhou") as zhou:
        [cluster] = (await zhou.get("/api/questions")).body["questions"]
        path = f"/api/questions/{cluster['id']}/answer"
        over = await zhou.post(path, WRITTEN | {"valid_until": "2026-11-22"}, "same-key-again")
        assert (over.status, over.code) == (409, "answer.incomplete")
        assert (await zhou.post(path, WRITTEN | {"valid_until": "2026-12-22"}, "same-key-again")).status == 200


async def test_questions_are_paged_and_none_is_left_out_or_shown_twice(office: Office) -> None:
    asked = [
        "流动餐车晚上在哪儿摆",
        "露天电影几点放",
        "广场舞队能领音响不",
        "楼顶能种菜不",
        "鸽子谁来喂",
        "风筝节报名找谁",
        "修鞋摊搬哪去了",
        "磨剪刀的啥时候来",
        "社区合唱团还招人吗",
        "冰灯展今年有没有",
    ]
    for words in asked:
        await ask(office, "wang", words)
    await ask(office, "chen", asked[3])
    async with office.at_desk("zhou") as zhou:
        seen, cursor = [], ""
        while True:
            page = (await zhou.get(f"/api/questions?limit=4&cursor={cursor}")).body
            seen += [each["id"] for each in page["questions"]]
            cursor = page["next"]
            if cursor is None:
                break
            assert len(page["questions"]) == 4
        assert len(seen) == len(set(seen))
        assert seen == [each["id"] for each in (await zhou.get("/api/questions?limit=50")).body["questions"]]
        assert len(seen) == len(asked)


@pytest.mark.parametrize("who", ["li", "wang"])
async def test_only_staff_answer(who: str, office: Office) -> None:
    await ask(office, "chen", "流动餐车晚上在哪儿摆")
    if who == "wang":
        # A resident has no way in at all.
        async with office.browser() as page:
            assert (await page.get("/api/questions")).code == "page.sign_in"
        return
    async with office.at_desk(who) as page:
        for answer in (
            await page.get("/api/questions"),
            await page.get("/api/questions/1"),
            await page.post("/api/questions/1/preview", WRITTEN),
            await page.post("/api/questions/1/answer", WRITTEN),
            await page.post("/api/answers/1/withdraw", {}),
            await page.get("/api/entries?q=公交卡"),
        ):
            assert (answer.status, answer.code) == (403, "page.not_for_you")


# Cases.


async def test_who_has_just_lost_the_role_does_nothing_more_and_the_operator_can_read_that_they_tried(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    case, who = await report(office), office.people["zhou"]
    path, move = f"/api/cases/{case.number}/moves", {"move": "dismiss", "words": "不归我们"}
    async with office.at_desk("zhou") as page:
        with caplog.at_level(logging.INFO, "xiaomazha"):
            assert (await page.post(path, move)).code == "case.already.dispatched"
            await office.service.desks.write(lambda desk: desk.people.end_roles(who))
            assert (await page.post(path, move)).code == "page.not_for_you"
    assert f"refused case.already.dispatched: person {who}, POST {path}" in caplog.text
    assert f"refused page.not_for_you: person {who}, POST {path}" in caplog.text
    assert move["words"] not in caplog.text
    assert await office.service.desks.read(lambda desk: desk.cases.get(case.id)) == case


async def test_another_areas_case_is_as_if_it_did_not_exist(office: Office) -> None:
    here, there = await report(office), await report(office, ELSEWHERE + "001")
    async with office.at_desk("zhou") as zhou:
        assert [each["number"] for each in (await zhou.get("/api/cases")).body["cases"]] == [here.number]
        hidden = await zhou.get(f"/api/cases/{there.number}")
        nowhere = await zhou.get("/api/cases/261123-9999")
        assert hidden.status == 404
        assert hidden.body == nowhere.body
        for move in Move:
            tried = await zhou.post(f"/api/cases/{there.number}/moves", {"move": move, "words": "看看"})
            nothing = await zhou.post("/api/cases/261123-9999/moves", {"move": move, "words": "看看"})
            assert (tried.status, tried.body) == (nothing.status, nothing.body) == (404, hidden.body)
        assert (await zhou.get(f"/api/cases?area={ELSEWHERE}")).code == "page.not_your_area"
        assert (await zhou.get(f"/api/cases?area={DISTRICT}")).code == "page.not_your_area"
    after = await office.service.desks.read(lambda desk: desk.cases.get(there.id))
    assert after == there


async def test_a_gridworker_reads_what_lies_with_them_and_nothing_else(office: Office) -> None:
    own, others = await report(office), await report(office, NEXT_GRID)
    complaint = await report(office, words="网格员态度不好", category="conduct")
    await give(office, own, "li")
    await give(office, others, "zhao")
    async with office.at_desk("li") as li:
        assert [each["number"] for each in (await li.get("/api/cases")).body["cases"]] == [own.number]
        whole = (await li.get(f"/api/cases/{own.number}")).body
        assert (whole["worker"], whole["moves"], whole["workers"]) == ("li", [], [])
        for case in (others, complaint):
            assert (await li.get(f"/api/cases/{case.number}")).status == 404
        assert (await li.post(f"/api/cases/{own.number}/moves", {"move": "remark", "words": "看看"})).status == 403


async def test_a_case_is_given_out_done_and_verified_from_the_page(office: Office) -> None:
    case = await report(office)
    async with office.at_desk("zhou") as zhou:
        path = f"/api/cases/{case.number}"
        whole = (await zhou.get(path)).body
        assert (whole["phone"], whole["followers"], whole["overdue"]) == ("13845678901", 0, False)
        # Who reported it stays unnamed.
        assert [(each["move_name"], each["who"]) for each in whole["journal"]] == [("上报", None)]
        assert "wang" not in str(whole)
        assert {"move": "dispatch", "name": "派单"} in whole["moves"]
        assert "rate" not in [each["move"] for each in whole["moves"]]
        [li] = [each for each in whole["workers"] if each["id"] == office.people["li"]]
        given = await zhou.post(f"{path}/moves", {"move": "dispatch", "to": li["id"]})
        assert given.status == 200, given.body
        assert given.body == {"said": [f"{case.number} 已派给li。"]}
        now = (await zhou.get(path)).body
        assert (now["worker"], now["status"]) == ("li", "dispatched")
        assert any("新任务" in each for each in await office.told("li"))
        await office.service.desks.write(
            lambda desk: desk.happen(CaseMoved(case.id, Move.FINISH, office.people["li"], words="换了灯泡"))
        )
        [waiting] = (await zhou.get("/api/cases?queue=verify")).body["cases"]
        assert (waiting["number"], waiting["status_name"]) == (case.number, "待核查")
        done = await zhou.post(f"{path}/moves", {"move": "verify"})
        assert done.status == 200, done.body
        closed = (await zhou.get(path)).body
        assert (closed["status"], closed["moves"], closed["workers"]) == ("closed", [], [])
        again = await zhou.post(f"{path}/moves", {"move": "verify"})
        assert (again.status, again.code) == (409, "case.already.closed")
        assert again.body["error"]["message"] == f"{case.number} 已经结案，没有改动。"
        assert (await zhou.get("/api/cases")).body == {"cases": [], "next": None}
        journal = (await zhou.get(path)).body["journal"]
        assert [(each["move"], each["who"]) for each in journal] == [
            ("open", None),
            ("dispatch", "zhou"),
            ("finish", "li"),
            ("verify", "zhou"),
        ]


async def test_nobody_verifies_their_own_work(office: Office) -> None:
    case = await report(office)
    async with office.at_desk("zhou") as zhou, office.at_desk("ma") as ma:
        path = f"/api/cases/{case.number}/moves"
        assert (await zhou.post(path, {"move": "finish", "words": "自己办的"})).status == 200
        own = await zhou.post(path, {"move": "verify"})
        assert (own.status, own.code) == (403, "case.own_work")
        assert (await ma.post(path, {"move": "verify"})).status == 200


async def test_what_a_move_takes_is_asked_for_and_what_a_page_cannot_bring_is_not_offered(office: Office) -> None:
    case, other = await report(office), await report(office)
    day = (START + timedelta(days=30)).isoformat()
    async with office.at_desk("zhou") as zhou, office.at_desk("gao") as gao:
        path = f"/api/cases/{case.number}/moves"
        for sent, lacking in (
            ({"move": "disown", "words": "不"}, "words"),
            ({"move": "hang", "words": "要等化冻"}, "until"),
            ({"move": "merge"}, "into"),
            ({"move": "rate"}, "move"),
            ({"move": "climb"}, "move"),
        ):
            refused = await zhou.post(path, sent)
            assert (refused.status, refused.code) == (400, "page.unreadable"), sent
            assert lacking in refused.body["error"]["message"]
        hung = await zhou.post(path, {"move": "hang", "words": "要等化冻", "until": day})
        assert hung.status == 200, hung.body
        whole = (await zhou.get(f"/api/cases/{case.number}")).body
        assert (whole["status"], whole["look_at"][:10]) == ("hung", day[:10])
        assert (await zhou.post(path, {"move": "resume"})).status == 200
        # The level above decides, nobody on the same one.
        asked = {"move": "ask_time", "words": "配件要从外地发来", "until": day}
        assert (await zhou.post(path, asked)).status == 200
        assert "give_time" not in str((await zhou.get(f"/api/cases/{case.number}")).body["moves"])
        assert "give_time" in str((await gao.get(f"/api/cases/{case.number}")).body["moves"])
        assert (await zhou.post(path, {"move": "give_time"})).status == 403
        assert (await gao.post(path, {"move": "give_time"})).status == 200
        whole = (await zhou.get(f"/api/cases/{case.number}")).body
        assert (whole["due_at"][:10], whole["asked_until"]) == (day[:10], None)
        assert other.number in whole["beside"]
        assert (await zhou.post(path, {"move": "merge", "into": other.number})).status == 200
        whole = (await zhou.get(f"/api/cases/{case.number}")).body
        assert (whole["status"], whole["merged_into"], whole["moves"]) == ("merged", other.number, [])
        shown = await report(office, photos=("a" * 64,))
        offered = (await zhou.get(f"/api/cases/{shown.number}")).body["moves"]
        assert "finish" not in [each["move"] for each in offered]
        bare = await zhou.post(f"/api/cases/{shown.number}/moves", {"move": "finish", "words": "办好了"})
        assert (bare.status, bare.code) == (409, "case.needs.photo")


async def test_who_is_asked_to_check_it_had_no_hand_in_it_and_residents_stay_unnamed(office: Office) -> None:
    case = await report(office)
    await office.service.desks.write(
        lambda desk: desk.happen(CaseMoved(case.id, Move.FINISH, office.people["li"], words="换了灯泡"))
    )
    await office.service.desks.write(lambda desk: desk.cases.follow(case.id, office.people["chen"]))
    async with office.at_desk("zhou") as zhou:
        path = f"/api/cases/{case.number}"
        checkers = [each["id"] for each in (await zhou.get(path)).body["workers"]]
        assert office.people["zhao"] in checkers
        assert office.people["li"] not in checkers
        assert (await zhou.post(f"{path}/moves", {"move": "ask_check", "to": office.people["zhao"]})).status == 200
        assert (await zhou.post(f"{path}/moves", {"move": "verify"})).status == 200
        await office.service.desks.write(
            lambda desk: desk.happen(CaseMoved(case.id, Move.APPRAISE, office.people["chen"], score=3))
        )
        journal = (await zhou.get(path)).body["journal"]
        assert (journal[-1]["move"], journal[-1]["who"]) == ("appraise", None)


async def test_a_repeated_move_is_made_once(office: Office) -> None:
    case = await report(office)
    async with office.at_desk("zhou") as zhou:
        path = f"/api/cases/{case.number}/moves"
        answers = [await zhou.post(path, {"move": "remark", "words": "明天去看"}, "remark-once") for _ in range(3)]
        assert [each.status for each in answers] == [200] * 3
        journal = (await zhou.get(f"/api/cases/{case.number}")).body["journal"]
        assert [each["words"] for each in journal] == ["", "明天去看"]


async def test_cases_are_paged_by_their_deadline_and_queues_hold_what_they_say(office: Office) -> None:
    cases = [await report(office, NEXT_GRID if number % 2 else GRID) for number in range(7)]
    async with office.at_desk("zhou") as zhou:
        assert (await zhou.get("/api/cases?queue=overdue")).body["cases"] == []
        office.later += timedelta(days=30)
        # Away for a month, they sign in anew.
        async with office.at_desk("ma") as page:
            for queue in ("open", "overdue"):
                seen, cursor = [], ""
                while cursor is not None:
                    here = (await page.get(f"/api/cases?queue={queue}&limit=3&cursor={cursor}")).body
                    seen += [each["number"] for each in here["cases"]]
                    assert all(each["overdue"] for each in here["cases"])
                    cursor = here["next"]
                assert seen == [case.number for case in sorted(cases, key=lambda case: (case.due_at, case.id))]
            part = (await page.get(f"/api/cases?area={NEXT_GRID}")).body["cases"]
            assert [each["number"] for each in part] == [case.number for case in cases if case.grid == NEXT_GRID]


async def test_open_cases_are_read_along_their_index(office: Office) -> None:
    database = office.service.desks.database
    theirs, states = Theirs((COMMUNITY, ELSEWHERE), office.people["zhou"]), (Status.DISPATCHED, Status.RETURNED)
    query = _open_page(theirs, states, COMMUNITY, None, START, (START, 1)).limit(20)

    async def explain(connection: Connection) -> str:
        if not database.sqlite:
            # So few rows are read faster without any index.
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        shown = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        verb = "EXPLAIN QUERY PLAN" if database.sqlite else "EXPLAIN"
        return "\n".join(str(row) for row in await connection.execute(text(f"{verb} {shown}".replace(":", "\\:"))))

    plan = await database.read(explain)
    assert "ix_cases_open_due" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


# What is no request of ours.


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({}, "page.unreadable", 400),
        ([], "page.unreadable", 400),
        ({"kind": "nothing"}, "page.unreadable", 400),
        (WRITTEN | {"answer": ""}, "page.unreadable", 400),
        (WRITTEN | {"answer": "   \u0000  "}, "page.unreadable", 400),
        (WRITTEN | {"answer": "长" * 601}, "page.unreadable", 400),
        (WRITTEN | {"answer": "长" * 20_000}, "page.too_large", 413),
        (WRITTEN | {"valid_until": "明天"}, "page.unreadable", 400),
        (WRITTEN | {"by": 1}, "page.unreadable", 400),
        ({"kind": "closed", "why": ["测试"]}, "page.unreadable", 400),
    ],
)
async def test_what_cannot_be_read_is_refused_in_the_one_shape(
    body: object, code: str, status: int, office: Office
) -> None:
    await ask(office, "wang", "流动餐车晚上在哪儿摆")
    async with office.at_desk("zhou") as zhou:
        answer = await zhou.post("/api/questions/1/answer", body)
        assert (answer.status, answer.code) == (status, code)
        assert len((await zhou.get("/api/questions")).body["questions"]) == 1


async def test_what_steers_a_screen_is_taken_out_as_in_a_chat(office: Office) -> None:
    await ask(office, "wang", "流动餐车晚上在哪儿摆")
    async with office.at_desk("zhou") as zhou:
        [cluster] = (await zhou.get("/api/questions")).body["questions"]
        seen = await zhou.post(
            f"/api/questions/{cluster['id']}/preview", WRITTEN | {"answer": "\u202e卜奎\u0000大街文化广场"}
        )
        assert "有答复了：卜奎大街文化广场\n" in seen.body["reads"]


async def test_everything_that_goes_wrong_has_the_one_shape(office: Office) -> None:
    async with office.at_desk("zhou") as zhou:
        for answer, status, code in (
            (await zhou.get("/api/nothing"), 404, "page.nothing_here"),
            (await zhou.get("/api/questions/one"), 404, "page.nothing_here"),
            (await zhou.ask("PUT", "/api/me", {}), 405, "page.nothing_here"),
            (await zhou.get("/api/questions?limit=1000"), 400, "page.unreadable"),
            (await zhou.get("/api/questions?cursor=%00"), 400, "page.unreadable"),
            (await zhou.get("/api/questions?cursor=WzEsIngiXQ"), 400, "page.unreadable"),
            (await zhou.get("/api/cases?queue=mine"), 400, "page.unreadable"),
            (await zhou.get("/api/cases?who=all"), 400, "page.unreadable"),
            (await zhou.get("/api/entries"), 400, "page.unreadable"),
            (await zhou.post("/api/questions/1/answer", WRITTEN, "short"), 400, "page.no_key"),
            (await zhou.post("/api/questions/1/answer", WRITTEN, "a" * 65), 400, "page.no_key"),
        ):
            assert (answer.status, answer.code) == (status, code)


async def test_a_database_that_does_not_answer_is_no_fault_of_the_pages(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "xiaomazha")
    async with office.at_desk("zhou") as zhou:
        await _shut(office)
        for answer in (await zhou.get("/api/me"), await zhou.post("/api/questions/1/answer", WRITTEN)):
            assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "page.busy", "5")
    assert "卜奎" not in caplog.text


async def _shut(office: Office) -> None:
    """Let the database be away, as when its server takes nobody."""
    await office.service.desks.database.close()
    office.service.desks.database = Database("postgresql://nobody@127.0.0.1:9/nothing")


async def test_a_failure_of_ours_is_told_with_a_number_and_no_word_of_theirs(
    settings: Settings, knowledge: Knowledge, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(settings, knowledge)
    async with office.service.running():
        await office.meet("zhou", Role.COMMUNITY, COMMUNITY)
        await office.meet("wang", grid=GRID)
        await ask(office, "wang", "流动餐车晚上在哪儿摆")
        async with office.at_desk("zhou") as zhou:
            [cluster] = (await zhou.get("/api/questions")).body["questions"]

            await office.service.desks.write(lambda desk: _rename(desk, "answers", "gone"))
            failed = await zhou.post(f"/api/questions/{cluster['id']}/answer", WRITTEN)
            assert (failed.status, failed.code) == (500, "page.trouble")
            assert "answers" not in str(failed.body)
            number = failed.body["error"]["message"].split("编号 ")[1].split("。")[0]
            assert number in caplog.text
            await office.service.desks.write(lambda desk: _rename(desk, "gone", "answers"))


async def _rename(desk: Desk, old: str, new: str) -> None:
    await desk._db.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_the_document_explains_every_word_of_the_api() -> None:
    rows = [line for line in described(str).splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert [row for row in rows if row.endswith("|  |")] == []
