"""Three hundred people in mid-conversation: residents who report, look up, vote and change their minds; those who work
for them. Each follows a plan, waits for the answer like a person, and writes into the ledger what must now be so."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any

from tests.faults.chat import Chat, InVain, Note
from tests.faults.ledger import Asked, Ledger, Report
from tests.faults.telegram import TelegramChat

COMMUNITY = "230203002001"
# One place in each of thirteen grids, each with a gridworker of its own in the sample district.
SPOTS = {
    "230203002001001": "幸福里 3 栋",
    "230203002001002": "幸福里 12 栋",
    "230203002001003": "槐荫家园 4 栋",
    "230203002001004": "和顺苑 2 栋",
    "230203002001005": "松影花园 6 栋",
    "230203002001006": "丁香新村 9 栋",
    "230203002001007": "海棠佳园 5 栋",
    "230203002003001": "白桦家园 3 栋",
    "230203002003002": "白桦家园 12 栋",
    "230203002003003": "云杉苑 4 栋",
    "230203002003005": "苇塘花园 2 栋",
    "230203002003006": "鹤影新村 6 栋",
    "230203002003007": "雁归佳园 9 栋",
}
COMMUNITIES = ("230203002001", "230203002003")
FIRST_GRID = next(iter(SPOTS))
# Everybody who needs an invitation: (role, area), in the order the codes are handed out.
OFFICES = (
    *(("gridworker", grid) for grid in SPOTS),
    *(("community", area) for area in COMMUNITIES),
    ("council_host", COMMUNITY),
    ("council_host", FIRST_GRID),
)
_TROUBLES = ("楼下路灯不亮", "单元门关不上", "楼道里堆了很多纸箱", "井盖响得厉害", "垃圾没有人收")
_NUMBER = r"(\d{6}-\d{4,})"
UNCHANGED = "没有改动"
BALLOT_OPTIONS = ("要装", "不要装")


class Stage:
    """What everybody shares: the ledger, the moment the trouble begins, the moment it is over."""

    def __init__(self, ledger: Ledger, *, slowness: float) -> None:
        self.ledger = ledger
        self.slowness = slowness
        self.begun = asyncio.Event()
        self.calm = asyncio.Event()
        self.troubles: list[str] = []

    async def play(self, life: Coroutine[Any, Any, object]) -> None:
        """Live it to its end, or until somebody has waited in vain."""
        try:
            await life
        except InVain as trouble:
            self.troubles.append(str(trouble))


class Person:
    """Somebody with a chat."""

    def __init__(self, chat: Chat, stage: Stage, rng: Random) -> None:
        self.chat = chat
        self._stage = stage
        self._ledger = stage.ledger
        self._rng = rng

    async def _think(self) -> None:
        # Longer than it takes to be held for talking too fast.
        slowness = self._stage.slowness if self._stage.begun.is_set() and not self._stage.calm.is_set() else 0.0
        await asyncio.sleep(self._rng.uniform(1.0, 1.0 + 6.0 * slowness))

    async def _press(self, note: Note, label: str, number: str, wanted: str) -> Note | None:
        """Press a button of a case; None when it was refused, for somebody else was quicker."""
        return self._unless_refused(await self.chat.presses(note, label, wanted, f"{number}.*{UNCHANGED}"))

    async def _tell(self, words: str, number: str, wanted: str) -> Note | None:
        """Say what is asked about a case; None when it was refused."""
        return self._unless_refused(await self.chat.asks(words, wanted, f"{number}.*{UNCHANGED}"))

    def _unless_refused(self, note: Note) -> Note | None:
        if UNCHANGED not in note.text:
            return note
        self._ledger.refusals += 1
        return None

    def _moved(self, number: str, move: str, told: Note | None) -> None:
        if told is not None:
            self._ledger.moves[number][move] += 1

    async def take_office(self, code: str) -> None:
        await self.chat.asks("邀请码", "请发邀请码")
        await self._think()
        await self.chat.asks(code, "欢迎！您现在是")


class Resident(Person):
    """Reports what is broken, in every way one can; looks things up; votes; says whether it was mended."""

    def __init__(self, chat: Chat, stage: Stage, rng: Random, grid: str) -> None:
        super().__init__(chat, stage, rng)
        self.grid = grid
        self.settled = False
        self._read = 0
        self._judged: set[str] = set()
        self._sent_back: set[str] = set()
        self._voted: dict[str, Note] = {}

    async def settle(self) -> None:
        await self.chat.asks(f"我住在 {SPOTS[self.grid]}", "记住了，您住在")
        self.settled = True

    async def live(self) -> None:
        await self._stage.begun.wait()
        plans: list[tuple[Callable[[], Awaitable[None]], float]] = [
            (self._report_at_once, 3),
            (self._report_step_by_step, 4),
            (self._change_their_mind, 1),
            (self._look_up, 2),
            (self._say_two_things, 1),
            (self._flood, 0.3),
            (self._vote_otherwise, 2),
        ]
        if isinstance(self.chat, TelegramChat):
            plans += [(self._correct_themselves, 1), (self._send_a_photo, 0.5)]
        while not self._stage.calm.is_set():
            await self._think()
            await self._attend()
            (plan,) = self._rng.choices([plan for plan, _ in plans], [weight for _, weight in plans])
            await plan()

    def _new_report(self, place: str | None = None) -> tuple[str, str, str]:
        """Where, what, and the letters it is known by."""
        token = self._ledger.token()
        where = place or SPOTS[self._rng.choice([self.grid, *SPOTS])]
        return where, f"{self._rng.choice(_TROUBLES)} {token}", token

    def _will_be(self, where: str, words: str, photos: int = 0) -> None:
        self._ledger.reports[words] = Report(where, photos)

    async def _report_at_once(self) -> None:
        where, words, token = self._new_report()
        self._will_be(where, words)
        await self._after_receipt(await self.chat.asks(f"报事 {where} {words}", f"受理编号.*{token}"))

    async def _report_step_by_step(self) -> None:
        where, words, token = self._new_report()
        await self.chat.asks("报事", "请问在哪个小区")
        await self._think()
        if self._rng.random() < 0.2:
            await self.chat.asks("物业几点上班", "请问在哪个小区")
            await self._think()
        await self.chat.asks(where, "出了什么问题")
        await self._think()
        if self._rng.random() < 0.2:
            await self.chat.asks("返回", "请问在哪个小区")
            await self._think()
            await self.chat.asks(where, "出了什么问题")
            await self._think()
        await self._confirm(where, words, token)

    async def _confirm(self, where: str, words: str, token: str) -> None:
        shown = await self.chat.asks(words, f"{re.escape(where)}，.*{token}，对吗")
        await self._think()
        self._will_be(where, words)
        wanted = f"受理编号.*{token}"
        if self._rng.random() < 0.5:
            receipt = await self.chat.presses(shown, "是", wanted)
        else:
            receipt = await self.chat.asks("是", wanted)
        await self._after_receipt(receipt)

    async def _after_receipt(self, receipt: Note) -> None:
        number = _number(receipt)
        dice = self._rng.random()
        if dice < 0.1:
            await self._think()
            if await self._press(receipt, "补充", number, f"要给 {number} 补充什么"):
                await self._think()
                words = f"在门口 {self._ledger.token()}"
                self._moved(number, "remark", await self._tell(words, number, f"已补充到 {number}"))
        elif dice < 0.15:
            await self._think()
            if await self._press(receipt, "撤回", number, f"确定撤回 {number}"):
                await self._think()
                self._moved(number, "withdraw", await self._tell("是", number, f"{number} 已撤回"))

    async def _change_their_mind(self) -> None:
        where, _, _ = self._new_report()
        await self.chat.asks("报事", "请问在哪个小区")
        await self._think()
        await self.chat.asks(where, "出了什么问题")
        await self._think()
        await self.chat.asks("取消", "已取消")

    async def _look_up(self) -> None:
        words, answer = self._rng.choice(
            [
                ("我的报事", rf"{_NUMBER}|还没有报过事|您报过这些事"),
                ("物业几点上班", "物业服务中心"),
                ("帮助", "您可以"),
            ]
        )
        await self.chat.asks(words, answer)

    async def _say_two_things(self) -> None:
        since = len(self.chat.notes)
        tokens = []
        for _ in range(2):
            where, words, token = self._new_report()
            self._will_be(where, words)
            self.chat.say(f"报事 {where} {words}")
            tokens.append(token)
        for token in tokens:
            await self.chat.until(f"受理编号.*{token}", since=since)

    async def _flood(self) -> None:
        since = len(self.chat.notes)
        tokens = []
        for _ in range(7):
            where, words, token = self._new_report(SPOTS[self.grid])
            self._ledger.pieces.add(token)
            self.chat.say(f"报事 {where} {words}")
            tokens.append(token)
        for token in tokens:
            await self.chat.until(f"受理编号.*{token}", since=since)
        await self._think()

    async def _correct_themselves(self) -> None:
        first, _, _ = self._new_report()
        where, words, token = self._new_report()
        if first == where or not isinstance(self.chat, TelegramChat):
            return
        await self.chat.asks("报事", "请问在哪个小区")
        await self._think()
        since = len(self.chat.notes)
        message = self.chat.say(first)
        await self.chat.until("出了什么问题", since=since)
        await self._think()
        since = len(self.chat.notes)
        self.chat.edit(message, where)
        await self.chat.until("出了什么问题", since=since)
        await self._think()
        await self._confirm(where, words, token)

    async def _send_a_photo(self) -> None:
        if isinstance(self.chat, TelegramChat):
            where, words, token = self._new_report()
            self._will_be(where, words, photos=1)
            since = len(self.chat.notes)
            self.chat.photo(f"报事 {where} {words}")
            await self.chat.until(f"受理编号.*{token}", since=since)

    async def _attend(self) -> None:
        """See to what has come meanwhile: ballots, and what is said to be mended."""
        while self._read < len(self.chat.notes) and not self._stage.calm.is_set():
            note = self.chat.notes[self._read]
            self._read += 1
            if (match := re.search(r"请您表决：(\S+)", note.text)) and BALLOT_OPTIONS[0] in note.buttons:
                await self._vote(match[1], note)
            elif (match := re.search(rf"您报的 {_NUMBER}，网格员.*说办好了", note.text)) and "没解决" in note.buttons:
                await self._judge(match[1], note)

    async def _vote(self, question: str, note: Note) -> None:
        asked = self._ledger.ballots.get(question)
        if asked is None or question in self._voted or self._rng.random() < 0.3:
            return
        self._voted[question] = note
        await self._cast(question, note, self._rng.choice(BALLOT_OPTIONS))

    async def _cast(self, question: str, note: Note, option: str) -> None:
        told = rf"{re.escape(question)}\n您(?:选了|现在选的是)：{option}\n"
        said = await self.chat.presses(note, option, told, f"「{re.escape(question)}」已经截止")
        if "已经截止" not in said.text:
            self._ledger.ballots[question].votes[self.chat.name] = option

    async def _vote_otherwise(self) -> None:
        still_open = [question for question in self._voted if not self._ledger.ballots[question].over]
        if still_open:
            question = self._rng.choice(still_open)
            before = self._ledger.ballots[question].votes.get(self.chat.name)
            other = next(option for option in BALLOT_OPTIONS if option != before)
            await self._cast(question, self._voted[question], other)
            await self._think()

    async def _judge(self, number: str, note: Note) -> None:
        if number in self._judged:
            return
        if number not in self._sent_back and self._rng.random() < 0.15:
            self._sent_back.add(number)
            if await self._press(note, "没解决", number, f"{number} 哪里还没好"):
                await self._think()
                self._moved(number, "reject", await self._tell("还是老样子", number, f"{number} 已退回重办"))
        else:
            self._judged.add(number)
            self._moved(number, "rate", await self._press(note, "解决了，满意", number, f"{number} 已结案"))
        await self._think()

    async def speak_into_the_void(self) -> None:
        """They have blocked us, or their chat is gone: what they say still counts, what we say never arrives."""
        await self._stage.begun.wait()
        while not self._stage.calm.is_set():
            await asyncio.sleep(self._rng.uniform(5, 15))
            where, words, token = self._new_report()
            # Nobody waits here: after a long silence of ours several come at once, and may be joined.
            self._ledger.pieces.add(token)
            self.chat.say(f"报事 {where} {words}")


class Worker(Person):
    """Takes what is pushed to them, now and then gives it back, and says when it is done."""

    async def live(self) -> None:
        await self._stage.begun.wait()
        taken: set[str] = set()
        read = 0
        while not self._stage.calm.is_set():
            await self._think()
            fresh, read = self.chat.notes[read:], len(self.chat.notes)
            for note in fresh:
                if self._stage.calm.is_set():
                    break
                if (match := re.match(rf"新任务 {_NUMBER}：", note.text)) and match[1] not in taken:
                    taken.add(match[1])
                    await self._work(match[1], note)
                elif match := re.match(rf"{_NUMBER}（.*）还没解决", note.text):
                    await self._finish(match[1], note)

    async def _work(self, number: str, note: Note) -> None:
        await self._think()
        if self._rng.random() < 0.1:
            await self._give_back(number, note)
            return
        since = len(self.chat.notes)
        hurry = self._rng.random() < 0.2
        if hurry:
            # Pressed twice: taken once.
            self.chat.tap(note, "接单")
            self._ledger.refusals += 1
        self.chat.tap(note, "接单")
        said = self._unless_refused(
            await self.chat.until(f"已接单 {number}", f"{number} 已经撤回，{UNCHANGED}", since=since)
        )
        if said is not None:
            if hurry:
                # Come late, it must not be taken for the answer to the next button.
                await self.chat.until(f"{number}.*{UNCHANGED}", since=since)
            self._moved(number, "accept", said)
            await self._think()
            await self._finish(number, said)

    async def _finish(self, number: str, note: Note) -> None:
        asked = await self._press(note, "完成", number, f"{number} 办好了，辛苦")
        if asked is None:
            return
        await self._think()
        wanted = f"{number} 已报完成"
        if "没有要补充的" not in asked.buttons:
            # Reported with a photo, it is finished with one.
            if not isinstance(self.chat, TelegramChat):
                await self.chat.asks("取消", "已取消，什么都没有提交")
                return
            since = len(self.chat.notes)
            self.chat.photo(f"换好了 {self._ledger.token()}")
            said = self._unless_refused(await self.chat.until(wanted, f"{number}.*{UNCHANGED}", since=since))
        elif self._rng.random() < 0.5:
            said = await self._press(asked, "没有要补充的", number, wanted)
        else:
            said = await self._tell(f"换好了 {self._ledger.token()}", number, wanted)
        self._moved(number, "finish", said)

    async def _give_back(self, number: str, note: Note) -> None:
        if await self._press(note, "退回", number, f"为什么退回 {number}"):
            await self._think()
            self._moved(number, "return", await self._tell("不在本网格，在马路对面", number, f"已退回 {number}"))


class Staff(Person):
    """Ends what gridworkers give back."""

    async def live(self) -> None:
        await self._stage.begun.wait()
        taken: set[str] = set()
        read = 0
        while not self._stage.calm.is_set():
            await self._think()
            fresh, read = self.chat.notes[read:], len(self.chat.notes)
            for note in fresh:
                match = re.search(rf"退回了 {_NUMBER}：", note.text)
                if match and match[1] not in taken and not self._stage.calm.is_set():
                    taken.add(match[1])
                    await self._dismiss(match[1], note)

    async def _dismiss(self, number: str, note: Note) -> None:
        await self._think()
        if await self._press(note, "作废", number, f"为什么作废 {number}"):
            await self._think()
            self._moved(number, "dismiss", await self._tell("找不到这个地方", number, f"{number} 已作废，并告诉了"))


class Host(Person):
    """Puts questions to their area."""

    async def ask(self, until: str, residents: frozenset[str]) -> str:
        """Open a ballot; returns its question, a single word nobody else's ballot has."""
        question = f"要不要装充电桩{self._ledger.token()}"
        self._ledger.ballots[question] = Asked(residents)
        await self.chat.asks(f"发起表决 {question}", "有哪些选项")
        await self._think()
        said = await self.chat.asks("、".join(BALLOT_OPTIONS), "到什么时候截止")
        while "已发起" not in said.text:
            # Down for too long in mid-question, the time they named is over: they name it again.
            await self._think()
            words = until if "到什么时候截止" in said.text else "是"
            said = await self.chat.asks(words, "到什么时候截止", "发吗", f"已发起：{re.escape(question)}")
        return question

    async def keep_asking(self, residents: Callable[[], frozenset[str]]) -> None:
        """One short ballot after another, each reminded of and closed while the service keeps dying."""
        await self._stage.begun.wait()
        while not self._stage.calm.is_set():
            question = await self.ask("1 分钟", residents())
            result = asyncio.create_task(self.chat.until(f"表决结果：{re.escape(question)}"))
            calm = asyncio.create_task(self._stage.calm.wait())
            await asyncio.wait([result, calm], return_when=asyncio.FIRST_COMPLETED)
            calm.cancel()
            if not result.done():
                # It would close long after everybody else has finished.
                result.cancel()
                return
            await result
            self._ledger.ballots[question].over = True
            await self._think()


def _number(note: Note) -> str:
    match = re.search(_NUMBER, note.text)
    if match is None:
        raise InVain(f"no number in what should be a receipt: {note.text!r}")
    return match[1]
