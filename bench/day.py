"""A whole day of a district, sixty times as fast: reports, work on them, the morning's digests, ballots.

Ten times the 17,462 items a year of the district. The service's clock runs sixty times as fast, its machinery (the
bell, the sender, the wire) at its real pace; so its limits on sending are raised as far as they can be set. A lag is
counted in real seconds, from when something was due to when it was done.
"""

import asyncio
import csv
import json
import random
import sqlite3
import time
import tomllib
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bench import contestants
from bench.bot_api import fields
from bench.broadcast import invited
from bench.fill import Size, filled
from bench.lab import Lab, percentile, staying
from bench.people import Lost, Telegram, tap, update
from bench.results import Figure
from config.settings import Settings

SPEED = 60.0
_REPORTS_A_DAY = 17_462 * 10 / 365
# How a day's reports fall on its hours: few at night, most in the two halves of the working day.
_HOURS = (1, 1, 0.5, 0.5, 0.5, 1, 3, 6, 10, 11, 10, 8, 6, 6, 9, 10, 9, 8, 6, 5, 5, 4, 3, 2)
_WORDS = ("路灯不亮了", "水管爆了没有水", "井盖不见了很危险", "垃圾好几天没人收", "有人乱停车堵住出口", "暖气一点不热")
_ZONE = ZoneInfo("Asia/Shanghai")
_PATIENCE = 60.0
# When each ballot opens (hours), until when, and where.
_BALLOTS = (
    (9.0, "今晚 8 点", "230203002001"),
    (10.0, "今晚 9 点", "230203002003"),
    (14.0, "今晚 7 点", "230203002005"),
)
_QUICK_BALLOTS = ((8.2, "今天 9 点", "230203002001"),)
_HOST = 400_000_001
_SEED = 17_462


async def measure(lab: Lab) -> list[Figure]:
    token, database = contestants.new_token(), lab.folder / "day.db"
    # Eight thousand residents with a chat; two open cases with each gridworker, so that there is a digest to send.
    await filled(lab.api, database, token, Size(8000, cases=630, open_cases=1, workers=True))
    ballots = _QUICK_BALLOTS if lab.quick else _BALLOTS
    codes = [await asyncio.to_thread(invited, lab.folder, database, area) for _, _, area in ballots]
    first_hour, last_hour = (7.6, 9.2) if lab.quick else (0.0, 24.0)
    midnight = datetime.now(_ZONE).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    # The service needs its time to start before its day begins.
    clock = _Clock(midnight + timedelta(hours=first_hour), time.time() + 20)
    service = await contestants.service(
        lab.api,
        lab.folder,
        f"sqlite:///{database}",
        token=token,
        more={"XIAOMAZHA_TELEGRAM_PER_SECOND": "1000", "XIAOMAZHA_TELEGRAM_CHAT_GAP": str(1.05 / SPEED)},
        command=["-m", "bench.fast_service", clock.begins.isoformat(), str(clock.since), str(SPEED)],
        name="day",
    )
    async with staying(service):
        people = _People(Telegram(service.account), clock, random.Random(_SEED))
        service.account.listeners.append(people.hear)
        async with asyncio.TaskGroup() as town:
            people.town = town
            for place, ((hour, until, _), code) in enumerate(zip(ballots, codes, strict=True)):
                opens = midnight + timedelta(hours=hour)
                town.create_task(people.put_to_vote(_HOST + place, code, until, opens))
            reports = _reports(midnight, first_hour, last_hour, people.chance)
            chats = Size(8000).chats(len(reports))
            for chat, at in zip(chats, reports, strict=True):
                town.create_task(people.report(chat, at))
            lab.say(f"{len(reports)} reports, {len(ballots)} ballots in {last_hour - first_hour:.1f} hours")
            await clock.until(midnight + timedelta(hours=last_hour))
            people.over.set()
        # Three more simulated minutes for what fell due in the last one.
        await asyncio.sleep(3)
        people.telegram.close()
    return _figures(database, clock.begins, midnight + timedelta(hours=last_hour), people)


@dataclass(frozen=True)
class _Clock:
    """Simulated time: `begins` at the real time `since`."""

    begins: datetime
    since: float

    def now(self) -> datetime:
        return self.begins + timedelta(seconds=(time.time() - self.since) * SPEED)

    async def until(self, moment: datetime) -> None:
        await asyncio.sleep(max(0.0, (moment - self.now()).total_seconds() / SPEED))


class _People:
    """Everybody who talks that day: they answer what they are asked, in their own time."""

    def __init__(self, telegram: Telegram, clock: _Clock, chance: random.Random) -> None:
        self.telegram = telegram
        self.chance = chance
        self.town: asyncio.TaskGroup
        self.over = asyncio.Event()
        self.reported = 0
        self.waits: list[float] = []
        self.done: dict[str, int] = defaultdict(int)
        self._clock = clock
        self._told: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._phones: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._labels = _labels()
        self._places = _places()

    def hear(self, chat: int, at: float, body: bytes) -> None:
        self._told[chat].set()
        if self.over.is_set() or b"reply_markup" not in body:
            return
        number = self.telegram.account.sent
        for data, label in _buttons(body):
            if (meant := self._labels.get(label)) is not None:
                name, least, most, share = meant
                if self.chance.random() < share:
                    minutes = self.chance.uniform(least, most)
                    self.town.create_task(self._press(name, chat, number, data, minutes * 60 / SPEED))
                return

    async def _press(self, name: str, chat: int, message: int, data: str, after: float) -> None:
        with suppress(TimeoutError):
            # What they would do after the day is over is not done.
            await asyncio.wait_for(self.over.wait(), after)
            return
        async with self._phones[chat]:
            await self._post(chat, tap(chat, message, data, self._clock.now().timestamp()))
            if name == "finish":
                await self._say(chat, "已经修好，现场看过了")
        self.done[name] += 1

    async def _say(self, chat: int, words: str) -> None:
        await self._post(chat, update(chat, words, self._clock.now().timestamp()))

    async def _post(self, chat: int, body: bytes) -> None:
        told = self._told[chat]
        told.clear()
        began = time.perf_counter()
        await self.telegram.post(body)
        async with asyncio.timeout(_PATIENCE):
            await told.wait()
        self.waits.append(time.perf_counter() - began)
        # A little while to read it, and to type.
        await asyncio.sleep(self.chance.uniform(8, 25) / SPEED)

    async def report(self, chat: int, at: datetime) -> None:
        await self._clock.until(at)
        async with self._phones[chat]:
            for words in ("报事", self.chance.choice(self._places), f"{self.chance.choice(_WORDS)} {chat}", "是"):
                await self._say(chat, words)
        self.reported += 1

    async def put_to_vote(self, chat: int, code: str, until: str, at: datetime) -> None:
        await self._clock.until(at)
        for words in (code, "发起表决", "要不要给楼道装声控灯？", "同意、不同意", until, "是"):
            await self._say(chat, words)


def _labels() -> dict[str, tuple[str, float, float, float]]:
    """Buttons people press: what it does, after how many minutes at least and at most, how many of them do."""
    texts = tomllib.loads((Settings.model_fields["texts"].default / "zh.toml").read_text())["case"]
    return {
        texts["button"]["accept"]: ("accept", 5, 30, 0.95),
        texts["button"]["finish"]: ("finish", 60, 240, 0.9),
        texts["good"]: ("rate", 10, 60, 0.6),
        "同意": ("vote", 1, 120, 0.4),
    }


def _buttons(body: bytes) -> list[tuple[str, str]]:
    rows = json.loads(fields(body).get("reply_markup") or "{}").get("inline_keyboard", [])
    return [(button.get("callback_data", ""), button["text"]) for row in rows for button in row]


def _places() -> list[str]:
    """Buildings that stand in one grid each."""
    table = Settings.model_fields["district"].default / "places.csv"
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["estate"] and row["first_block"]]
    return [f"{row['estate']} {row['first_block']} 栋" for row in rows]


def _reports(midnight: datetime, first: float, last: float, chance: random.Random) -> list[datetime]:
    moments = []
    for hour, weight in enumerate(_HOURS):
        for _ in range(round(_REPORTS_A_DAY * weight / sum(_HOURS))):
            at = hour + chance.random()
            # The last ones need a minute to be said.
            if first <= at < last - 0.05:
                moments.append(midnight + timedelta(hours=at))
    return sorted(moments)


def _figures(path: Path, begins: datetime, ends: datetime, people: _People) -> list[Figure]:
    begun, ended = (f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for moment in (begins, ends))
    lag = "(julianday({}) - julianday(due_at)) * 86400"
    with closing(sqlite3.connect(path)) as database:
        dues = [
            row[0] / SPEED
            for row in database.execute(f"SELECT {lag.format('done_at')} FROM dues WHERE done_at > ?", (begun,))
        ]
        sent = [
            row[0] / SPEED
            for row in database.execute(
                f"SELECT {lag.format('sent_at')} FROM outbox WHERE state = 'sent' AND sent_at > ?", (begun,)
            )
        ]
        late = database.execute("SELECT count(*) FROM dues WHERE done_at IS NULL AND due_at < ?", (ended,))
        unsent = database.execute(
            "SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending') AND due_at < ?", (ended,)
        )
        overdue = late.fetchone()[0] + unsent.fetchone()[0]
        parked = database.execute("SELECT count(*) FROM parked").fetchone()[0]
        opened = database.execute("SELECT count(*) FROM cases WHERE opened_at > ?", (begun,)).fetchone()[0]
    if opened != people.reported or parked:
        raise Lost(f"{people.reported} reports were made, {opened} opened; {parked} turns could not be handled")
    done = ", ".join(f"{name} {number}" for name, number in sorted(people.done.items()))
    return [
        Figure(
            "day_lag",
            f"a district's day at {SPEED:.0f}×: lag of what is due, p99",
            percentile(dues + sent, 0.99),
            "s",
            reach=2,
            lower=True,
            beside=f"{len(dues)} due, {len(sent)} sent; dues p99 {percentile(dues, 0.99):.2f} s; "
            f"answers p99 {percentile(people.waits, 0.99):.2f} s of {len(people.waits)}",
        ),
        Figure(
            "day_overdue",
            "overdue at the end of it",
            overdue,
            "",
            reach=0,
            lower=True,
            beside=f"{opened} reports, {done}",
        ),
    ]
