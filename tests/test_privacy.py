"""What is nobody else's business stays so: after 忘记我, in the log, in errors, behind a proxy."""

import io
import logging
from pathlib import Path

import aiohttp
import pytest

from bot.app import Knowledge, build
from bot.core.errors import CannotGoOn
from bot.core.words import Address, Kind, Reply
from bot.log import Discreet
from config.settings import Settings, load
from domain.cases import ProblemReported, Status
from domain.faq import QuestionAsked
from domain.people import Role
from storage.desk import Desk
from tests.chat_client import chat
from tests.office import COMMUNITY, DISTRICT, ELSEWHERE, GRID, Office
from tests.play import Stage


async def test_a_forgotten_persons_open_page_never_gets_anybody_elses_messages(
    settings: Settings, knowledge: Knowledge
) -> None:
    service = build(settings, knowledge=knowledge)
    async with service.running():
        base = f"http://127.0.0.1:{service.port}"
        async with chat(base) as wang, chat(base) as second:
            await wang.say("连接另一个聊天")
            shown = await wang.heard("请在另一个聊天里")
            await second.say(shown["text"].split("：")[1].split()[0])
            await second.heard("连上了")
            await wang.say("忘记我")
            await wang.heard("确定吗")
            await wang.tap("确定删除")
            await wang.heard("已经删除")
            before = len(second.messages)
            async with chat(base) as stranger:
                await stranger.say("你好")
                await stranger.heard("小马扎")
                await stranger.say("我的资料")
                await stranger.heard("称呼")
                assert len(second.messages) == before


async def test_a_number_once_given_out_never_comes_again(settings: Settings, knowledge: Knowledge) -> None:
    stage = Stage(settings, knowledge, restart=False)
    await stage.introduce("wang", "居民", GRID)
    await stage.say("wang", "你好")
    last = stage._phones["wang"].messages[-1].id
    await stage.say("wang", "忘记我")
    await stage.say("wang", "[确定删除]")
    assert stage._phones["wang"].messages[-1].id > last

    async def push(desk: Desk) -> None:
        contact = (await desk.people.meet(Address("web", "chat", "next"))).id
        await desk.outbox.queue(contact, Kind.PUSH, Reply("x"))

    await stage.service.desks.write(push)
    await stage.close()


async def test_an_invited_gridworker_is_the_one_on_the_districts_list(settings: Settings, knowledge: Knowledge) -> None:
    stage = Stage(settings, knowledge, restart=False)
    code = await stage.service.desks.write(lambda desk: desk.people.invite(role=Role.GRIDWORKER, area=GRID))
    await stage.introduce("wang", "居民", GRID)
    await stage.say("li", code)
    await stage.say("wang", "报事 楼下路灯不亮")
    await stage.say("li", "[接单]")
    assert [
        person.name
        for person in await stage.service.desks.read(lambda desk: desk.people.serving(GRID, [Role.GRIDWORKER]))
    ] == ["李强（示例）"]
    assert any("网格员李强（示例）" in line for line in stage.heard("wang"))
    await stage.say("chen", code)
    assert stage.heard("chen") == ["这个邀请码不能用：可能输错了，用过了，或者过了七天。请向发码的人再要一个。"]
    await stage.close()


async def test_a_second_gridworker_of_a_grid_is_asked_for_a_name(settings: Settings, knowledge: Knowledge) -> None:
    stage = Stage(settings, knowledge, restart=False)
    await stage.introduce("li", "网格员", GRID)
    code = await stage.service.desks.write(lambda desk: desk.people.invite(role=Role.GRIDWORKER, area=GRID))
    await stage.say("zhao", code)
    assert "怎么称呼您" in stage.heard("zhao")[0]
    await stage.close()


def test_the_log_says_where_and_of_which_kind_and_never_what_was_said() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(Discreet("%(message)s"))
    logger = logging.Logger("quiet")
    logger.addHandler(handler)
    try:
        try:
            int("我家住在幸福里")
        except ValueError as error:
            raise RuntimeError("李强 13800000001") from error
    except RuntimeError:
        logger.exception("trouble %s", "id7")
    logged = out.getvalue()
    assert "trouble id7" in logged
    assert "builtins.ValueError" in logged
    assert "builtins.RuntimeError" in logged
    assert "test_privacy.py" in logged
    assert not any(word in logged for word in ("幸福里，", "13800000001\n", "invalid literal"))


@pytest.mark.parametrize(
    "header", [{"X-Forwarded-For": "1.2.3.4"}, {"Forwarded": "for=1.2.3.4"}, {"Host": "wg.example"}]
)
async def test_the_sample_phones_are_for_this_machine_only(
    header: dict[str, str], sqlite_template: Path, tmp_path: Path, knowledge: Knowledge
) -> None:
    service = build(load(database_url=f"sqlite:///{tmp_path / 'x.db'}", http_port=0), knowledge=knowledge)
    async with service.running(), aiohttp.ClientSession() as http:
        base = f"http://127.0.0.1:{service.port}"
        async with http.get(f"{base}/chat/phones") as here:
            assert here.status == 200
        async with http.get(f"{base}/chat/phones", headers=header) as through_a_proxy:
            assert through_a_proxy.status == 404
        async with http.post(f"{base}/chat/session", json={"phone": "staff"}, headers=header) as answer:
            assert answer.status == 404
        async with http.get(base, headers=header, allow_redirects=False) as home:
            assert (home.status, home.headers["Location"]) == (302, "/chat")


async def test_a_database_that_does_not_answer_is_told_to_the_operator_without_its_password(
    knowledge: Knowledge,
) -> None:
    service = build(load(database_url="postgresql://me:secret@127.0.0.1:9/x"), knowledge=knowledge)
    with pytest.raises(CannotGoOn, match="XIAOMAZHA_DATABASE_URL") as told:
        async with service.running():
            pass
    assert "secret" not in str(told.value)
    await service.desks.database.close()


async def test_a_port_in_use_is_told_to_the_operator(
    sqlite_template: Path, tmp_path: Path, knowledge: Knowledge
) -> None:
    first = build(load(database_url=f"sqlite:///{tmp_path / 'a.db'}", http_port=0), knowledge=knowledge)
    async with first.running():
        second = build(load(database_url=f"sqlite:///{tmp_path / 'b.db'}", http_port=first.port), knowledge=knowledge)
        with pytest.raises(CannotGoOn, match="XIAOMAZHA_HTTP_PORT"):
            async with second.running():
                pass


async def test_whatever_is_read_over_the_api_stays_within_ones_role_and_area(
    settings: Settings, knowledge: Knowledge
) -> None:
    office = Office(settings, knowledge)
    async with office.service.running():
        for who, role, area in (
            ("zhou", Role.COMMUNITY, COMMUNITY),
            ("far", Role.COMMUNITY, ELSEWHERE),
            ("street", Role.STREET, "230203002000"),
            ("gao", Role.DISTRICT, DISTRICT),
            ("li", Role.GRIDWORKER, GRID),
            ("leader", Role.GRID_LEADER, COMMUNITY),
        ):
            await office.meet(who, role, area)
        wang = await office.meet("王阿姨", grid=GRID)

        async def happen(desk: Desk) -> str:
            await desk.people.change(wang, phone="13845678901")
            await desk.happen(ProblemReported(wang, GRID, "conduct", "幸福里 3 栋", "网格员骂人"))
            await desk.happen(QuestionAsked(wang, "流动餐车晚上在哪儿摆，我电话 13845678901", ()))
            return (await desk.cases.in_area(GRID, list(Status)))[0].number

        number = await office.service.desks.write(happen)
        paths = (
            "/api/me",
            "/api/questions",
            "/api/questions/1",
            "/api/cases",
            f"/api/cases?area={GRID}",
            "/api/cases?queue=overdue",
            "/api/cases?queue=verify",
            f"/api/cases/{number}",
            "/api/entries?q=流动餐车",
        )
        read = {}
        for who in ("zhou", "far", "street", "gao", "li", "leader"):
            async with office.at_desk(who) as page:
                read[who] = " ".join([str((await page.get(path)).body) for path in paths])
        async with office.browser() as page:
            assert {(await page.get(path)).code for path in paths} == {"page.sign_in"}
    for who in ("zhou", "street", "gao"):
        assert "网格员骂人" in read[who]
        assert "流动餐车" in read[who]
        # The number to call stands with the case for those who go there, never with the question.
        assert read[who].count("13845678901") == (1 if who == "zhou" else 0)
    for who in ("far", "li", "leader"):
        assert "网格员骂人" not in read[who]
        assert "流动餐车晚上" not in read[who]
        assert "13845678901" not in read[who]
        assert number not in read[who]
    assert not any("王阿姨" in each for each in read.values())
