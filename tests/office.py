"""Staff at their desks: the real service, its real HTTP, and a browser's manners without the browser."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import aiohttp

from bot.app import Knowledge, Service, build
from bot.core.words import Address
from config.settings import Settings
from domain.people import Role
from domain.sessions import SignInWanted
from storage.desk import Desk
from tests.play import START

GRID, NEXT_GRID, COMMUNITY, ELSEWHERE = "230203002001001", "230203002001002", "230203002001", "230203002003"
DISTRICT = "230203000000"


class Answer:
    """What came back: the status, the head and the JSON in it."""

    def __init__(self, status: int, headers: Any, body: Any) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def code(self) -> str:
        """What went wrong, in the one shape there is for it."""
        assert set(self.body) == {"error"}, self.body
        assert set(self.body["error"]) == {"code", "message"}
        assert re.search("[\u4e00-\u9fff]", self.body["error"]["message"])
        return str(self.body["error"]["code"])


class Page:
    """Somebody's browser with one page of ours open."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http = http
        self.base = base
        self._keys = count(1)

    async def ask(self, method: str, path: str, body: Any = None, **heads: str) -> Answer:
        heads = {"Origin": self.base} | heads
        data = {} if body is None else {"json": body}
        async with self.http.request(
            method, f"{self.base}{path}", headers={k.replace("_", "-"): v for k, v in heads.items() if v}, **data
        ) as response:
            assert response.content_type == "application/json", await response.text()
            assert response.headers["Cache-Control"] == "no-store"
            return Answer(response.status, response.headers, await response.json())

    async def get(self, path: str, **heads: str) -> Answer:
        return await self.ask("GET", path, **heads)

    async def post(self, path: str, body: Any, key: str | None = None, **heads: str) -> Answer:
        return await self.ask("POST", path, body, Idempotency_Key=key or f"test-key-{next(self._keys):04d}", **heads)

    async def sign_in(self, code: str, **heads: str) -> Answer:
        return await self.ask("POST", "/api/session", {"code": code}, **heads)


class Office:
    """The running service and the people around it."""

    def __init__(self, settings: Settings, knowledge: Knowledge) -> None:
        self._begun = time.monotonic()
        self.later = timedelta(0)
        self.service: Service = build(settings, clock=self.now, knowledge=knowledge)
        self.people: dict[str, int] = {}

    def now(self) -> datetime:
        return START + self.later + timedelta(seconds=time.monotonic() - self._begun)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    async def meet(
        self,
        who: str,
        role: Role | None = None,
        area: str = "",
        grid: str | None = None,
        department: str | None = None,
    ) -> int:
        """Somebody with a chat, and perhaps a role."""

        async def add(desk: Desk) -> int:
            person = (await desk.people.meet(Address("web", "chat", who.ljust(64, "x")))).person
            await desk.people.change(person.id, name=who, grid=grid)
            if role is not None:
                await desk.people.grant(person.id, role, area, department)
            return person.id

        self.people[who] = await self.service.desks.write(add)
        return self.people[who]

    async def code(self, who: str) -> str:
        """The code they are told in their chat."""
        await self.service.desks.write(lambda desk: desk.happen(SignInWanted(self.people[who])))
        # What the bell has to tell may come after it.
        found = re.findall(r"[A-Z2-9]{4}-[A-Z2-9]{4}", "\n".join(await self.told(who)))
        return str(found[-1])

    async def told(self, who: str) -> list[str]:
        """What was said to them in their chat."""
        await self._delivered()

        async def look(desk: Desk) -> list[str]:
            contact = await desk.people.find(Address("web", "chat", who.ljust(64, "x")))
            assert contact is not None
            return [outgoing.reply.text for _, outgoing in await desk.outbox.lying(contact, 0, limit=5000)]

        return await self.service.desks.read(look)

    async def _delivered(self) -> None:
        from bot.sender import Sender

        await self.service.bell.ring()
        await Sender(self.service.desks, self.service.adapters, lambda: 0.0).deliver()

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Page]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            yield Page(http, self.base)

    @asynccontextmanager
    async def at_desk(self, who: str) -> AsyncIterator[Page]:
        """Somebody signed in."""
        async with self.browser() as page:
            answer = await page.sign_in(await self.code(who))
            assert answer.status == 200, answer.body
            yield page
