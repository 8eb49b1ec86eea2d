"""Staff sign in to the pages with a code from their chat; nobody else does, and nothing is written for another site."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.app import Knowledge
from config.settings import BadSettings, Settings, load
from domain.people import Role
from domain.sessions import SessionsEnded
from tests.office import COMMUNITY, GRID, Office


@pytest.fixture
async def office(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Office]:
    office = Office(settings, knowledge)
    async with office.service.running():
        await office.meet("zhou", Role.COMMUNITY, COMMUNITY)
        await office.meet("li", Role.GRIDWORKER, GRID)
        await office.meet("wang", grid=GRID)
        yield office


async def test_a_code_from_the_chat_opens_the_door_once(office: Office) -> None:
    code = await office.code("zhou")
    async with office.browser() as page, office.browser() as other:
        assert (await page.get("/api/me")).code == "page.sign_in"
        begun = await page.sign_in(code.replace("-", "").lower())
        assert begun.status == 200
        assert begun.body == {
            "name": "zhou",
            "roles": [
                {
                    "role": "community",
                    "role_name": "社区工作人员",
                    "area": COMMUNITY,
                    "area_name": "民乐社区",
                    "department": None,
                }
            ],
            "answers": True,
        }
        cookie = begun.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path=/" in cookie
        # On this machine there is no HTTPS; anywhere else the cookie goes over nothing else.
        assert "Secure" not in cookie
        assert (await page.get("/api/me")).body == begun.body
        again = await other.sign_in(code)
        assert (again.status, again.code) == (401, "page.bad_code")


async def test_away_from_this_machine_the_cookie_is_for_https_only(office: Office) -> None:
    code = await office.code("zhou")
    async with office.browser() as page:
        begun = await page.sign_in(code, Host="chat.example.gov.cn", Origin="https://chat.example.gov.cn")
        assert begun.status == 200
        assert "Secure" in begun.headers["Set-Cookie"]
        assert begun.headers["Set-Cookie"].startswith("__Host-")


async def test_the_token_and_the_code_are_kept_as_digests_only(office: Office) -> None:
    from sqlalchemy import select

    from storage.database import Connection
    from storage.tables import Sessions, SignInCodes

    waiting = await office.code("li")
    async with office.at_desk("zhou") as page:
        token = next(iter(page.http.cookie_jar)).value

        async def rows(connection: Connection) -> str:
            found = [*(await connection.execute(select(Sessions))), *(await connection.execute(select(SignInCodes)))]
            assert len(found) == 2
            return repr(found)

        kept = await office.service.desks.database.read(rows)
    assert token not in kept
    assert waiting.replace("-", "") not in kept


async def test_a_code_is_good_for_five_minutes_and_a_new_one_ends_the_old(office: Office) -> None:
    first, second = await office.code("zhou"), await office.code("zhou")
    assert first != second
    async with office.browser() as page:
        assert (await page.sign_in(first)).code == "page.bad_code"
        office.later += timedelta(minutes=5, seconds=1)
        assert (await page.sign_in(second)).code == "page.bad_code"


async def test_of_two_who_use_one_code_at_once_one_comes_in(office: Office) -> None:
    code = await office.code("zhou")
    async with office.browser() as one, office.browser() as two:
        answers = await asyncio.gather(one.sign_in(code), two.sign_in(code))
    assert sorted(each.status for each in answers) == [200, 401]


async def test_who_guesses_is_stopped_and_others_are_not(office: Office) -> None:
    code = await office.code("zhou")
    async with office.browser() as page:
        for number in range(10):
            assert (await page.sign_in(f"ABCDEF{number + 22}", X_Forwarded_For="10.1.2.3")).code == "page.bad_code"
        stopped = await page.sign_in(code, X_Forwarded_For="10.1.2.3")
        assert (stopped.status, stopped.code, stopped.headers["Retry-After"]) == (429, "page.too_many", "600")
        assert (await page.sign_in(code, X_Forwarded_For="10.9.9.9")).status == 200
        office.later += timedelta(minutes=11)
        assert (await page.sign_in("ABCDEFGH", X_Forwarded_For="10.1.2.3")).code == "page.bad_code"


async def test_guesses_from_everywhere_are_counted_together(office: Office) -> None:
    code = await office.code("zhou")
    async with office.browser() as page:
        for number in range(200):
            answer = await page.sign_in("ABCDEFGH", X_Forwarded_For=f"10.1.{number // 9}.3")
            assert answer.code == "page.bad_code"
        assert (await page.sign_in(code, X_Forwarded_For="10.200.0.1")).code == "page.too_many"


async def test_guesses_at_once_are_counted_as_many(office: Office) -> None:
    async with office.browser() as page:
        answers = await asyncio.gather(*(page.sign_in("ABCDEFGH") for _ in range(30)))
    assert sorted(each.status for each in answers) == [401] * 10 + [429] * 20


@pytest.mark.parametrize("cookie", ["", "short", "A" * 43, "'; DROP TABLE sessions; --", "\u0000" * 43, "A" * 5000])
async def test_a_forged_cookie_opens_nothing(cookie: str, office: Office) -> None:
    async with office.browser() as page:
        page.http.cookie_jar.update_cookies({"xiaomazha-staff": cookie})
        assert (await page.get("/api/me")).code == "page.sign_in"


async def test_a_session_left_idle_for_twelve_hours_is_over(office: Office) -> None:
    async with office.at_desk("zhou") as page:
        for _ in range(3):
            office.later += timedelta(hours=8)
            assert (await page.get("/api/me")).status == 200
        office.later += timedelta(hours=12, seconds=1)
        assert (await page.get("/api/me")).code == "page.sign_in"


async def test_who_loses_the_role_may_nothing_more_at_the_very_next_request(office: Office) -> None:
    async with office.at_desk("zhou") as page:
        assert (await page.get("/api/questions")).status == 200
        await office.service.desks.write(lambda desk: desk.people.end_roles(office.people["zhou"]))
        for path in ("/api/me", "/api/questions", "/api/cases", "/api/entries?q=公交卡"):
            refused = await page.get(path)
            assert (refused.status, refused.code) == (403, "page.not_for_you")
        refused = await page.post("/api/questions/1/answer", {"kind": "closed", "why": "测试"})
        assert (refused.status, refused.code) == (403, "page.not_for_you")
        # Out they may go.
        assert (await page.ask("DELETE", "/api/session")).status == 200
        assert (await page.get("/api/me")).code == "page.sign_in"


async def test_a_resident_gets_no_code(office: Office) -> None:
    from domain.refusals import Refused
    from domain.sessions import SignInWanted

    with pytest.raises(Refused, match=r"turn\.not_for_you"):
        await office.service.desks.write(lambda desk: desk.happen(SignInWanted(office.people["wang"])))


async def test_one_session_or_all_are_ended_from_the_chat(office: Office) -> None:
    async with office.at_desk("zhou") as one, office.at_desk("zhou") as two, office.at_desk("li") as other:
        mine = await office.service.desks.read(lambda desk: desk.sessions.of(office.people["zhou"]))
        assert len(mine) == 2
        # Another's session is not theirs to end.
        await office.service.desks.write(lambda desk: desk.happen(SessionsEnded(office.people["li"], mine[0].id)))
        assert (await two.get("/api/me")).status == 200
        await office.service.desks.write(lambda desk: desk.happen(SessionsEnded(office.people["zhou"], mine[0].id)))
        assert [(await page.get("/api/me")).status for page in (one, two)] == [200, 401]
        await office.service.desks.write(lambda desk: desk.happen(SessionsEnded(office.people["zhou"])))
        assert [(await page.get("/api/me")).status for page in (one, two, other)] == [401, 401, 200]


async def test_who_is_forgotten_is_signed_out(office: Office) -> None:
    async with office.at_desk("zhou") as page:
        await office.service.desks.write(lambda desk: desk.people.erase(office.people["zhou"]))
        assert (await page.get("/api/me")).code == "page.sign_in"


@pytest.mark.parametrize(
    ("heads", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_nothing_is_written_for_another_site(heads: dict[str, str], status: int, office: Office) -> None:
    code = await office.code("li")
    async with office.at_desk("zhou") as page:
        assert (await page.post("/api/questions/1/answer", {"kind": "closed", "why": "测试"}, **heads)).status == status
        assert (await page.ask("POST", "/api/session", {"code": code}, **heads)).status == status
        if "Origin" in heads:
            assert (await page.ask("DELETE", "/api/session", **heads)).code == "page.other_site"
        assert (await page.get("/api/me")).status == 200


async def test_the_log_says_nothing_of_who_came_and_with_what(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "xiaomazha")
    async with office.browser() as page:
        await page.sign_in("ABCD2345", X_Forwarded_For="10.20.30.40")
    async with office.at_desk("zhou"):
        pass
    assert "signed in" in caplog.text
    assert "wrong code" in caplog.text
    assert not any(word in caplog.text for word in ("ABCD2345", "10.20.30.40", "127.0.0.1", "zhou"))


async def test_with_a_public_address_the_chat_gives_a_link_that_nobody_can_use_up_by_looking(
    settings: Settings, knowledge: Knowledge
) -> None:
    office = Office(settings.model_copy(update={"public_url": "https://chat.example.gov.cn"}), knowledge)
    async with office.service.running():
        await office.meet("zhou", Role.COMMUNITY, COMMUNITY)
        code = await office.code("zhou")
        said = (await office.told("zhou"))[-1]
        assert f"https://chat.example.gov.cn/staff#{code}" in said
        async with office.browser() as page:
            # What stands behind the # is never sent.
            for _ in range(3):
                async with page.http.get(f"{page.base}/staff") as looked:
                    assert looked.status == 200
            wrong = await page.sign_in(code, Host="evil.example", Origin="http://evil.example")
            assert wrong.code == "page.other_site"
            assert (await page.sign_in(code, Origin="https://chat.example.gov.cn")).status == 200


@pytest.mark.parametrize("url", ["chat.example.gov.cn", "https://chat.example.gov.cn/path", "ftp://x", "https://a b"])
def test_a_public_address_is_one_a_browser_would_name(url: str) -> None:
    with pytest.raises(BadSettings, match="XIAOMAZHA_PUBLIC_URL"):
        load(public_url=url)
    assert load(public_url="https://Chat.Example.gov.cn/").public_url == "https://chat.example.gov.cn"
