"""Whoever must trust the service reads here whether it kept its word: rows and arrivals against the ledger."""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.keys import Keys
from tests.faults.databases import House, Row
from tests.faults.ledger import Ledger
from tests.faults.page import Page
from tests.faults.people import BALLOT_OPTIONS, UNCHANGED, Resident
from tests.faults.process import Disturbance
from tests.faults.telegram import Arrival, Telegram

# So long after its answer a message may not have been noted yet: the turns before it have the database.
_NOTED_WITHIN = 5.0
_TOKEN = re.compile(r"zq[bcdfghjkmn]{6}")


@dataclass
class Verdict:
    """What was found: figures for the table, and every promise that was broken."""

    figures: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def must(self, holds: bool, words: str) -> None:
        if not holds:
            self.broken.append(words)


def unsure(row: Row) -> bool:
    """Whether the outbox says of a message that at some time we could not know whether it had arrived."""
    return row["unknown_at"] is not None


def most_arrivals(row: Row) -> int:
    """How often a message may have arrived by its own record."""
    return max(2, int(row["attempts"])) if unsure(row) else min(1, int(row["attempts"]))


# What was chosen and the receipt are put in as the message leaves: the outbox never had them.
_WITHHELD = re.compile(r"⟦[^⟧]*⟧|（为了保密，表决结束后不再显示）")
_TOLD = re.compile(r"(您选了|您现在选的是|回执号|回执号还是)：[^\n，]*")


def _as_stored(text: str) -> str:
    """A message as it can be compared: without what only its reader was told."""
    return _TOLD.sub(r"\1：＊", _WITHHELD.sub("＊", text))


def text_of(row: Row) -> str:
    return str(json.loads(row["body"])["text"])


async def judge(
    house: House,
    ledger: Ledger,
    telegram: Telegram,
    pages: list[Page],
    residents: list[Resident],
    disturbances: list[Disturbance],
    ended: datetime,
) -> Verdict:
    """Read everything the database holds, and compare; `ended` is when the service was told to stop."""
    verdict = Verdict()
    tables = {
        name: await house.rows(f"SELECT * FROM {name}")  # noqa: S608 - our own names
        for name in (
            *(
                "heard",
                "cases",
                "case_log",
                "case_photos",
                "ballots",
                "roll",
                "urn",
                "outbox",
                "contacts",
                "dues",
                "parked",
            ),
        )
    }
    _updates(verdict, tables, telegram, pages)
    _cases(verdict, tables, ledger)
    _moves(verdict, tables, ledger)
    _answers(verdict, tables, ledger)
    _ballots(verdict, tables, ledger, residents, telegram, Keys(house.folder / "keys"))
    _dues(verdict, tables, ended)
    _posts(verdict, tables, telegram, disturbances)
    _mailboxes(verdict, tables, pages)
    return verdict


def _updates(verdict: Verdict, tables: dict[str, list[Row]], telegram: Telegram, pages: list[Page]) -> None:
    sent = {"telegram": telegram.said, "web": sum(page.said for page in pages)}
    handled = Counter(row["platform"] for row in tables["heard"])
    for platform, number in sent.items():
        verdict.must(
            handled[platform] == number, f"{platform}: {number} updates were sent and {handled[platform]} handled"
        )
    verdict.must(not tables["parked"], f"{len(tables['parked'])} updates were put aside and not handled")
    verdict.figures |= {"updates": sum(sent.values()), "handled": sum(handled.values())}


def _cases(verdict: Verdict, tables: dict[str, list[Row]], ledger: Ledger) -> None:
    found = Counter(row["words"] for row in tables["cases"])
    by_words = {row["words"]: row for row in tables["cases"]}
    photos = Counter(row["case_id"] for row in tables["case_photos"] if row["stage"] == "reported")
    for words, report in ledger.reports.items():
        verdict.must(found[words] == 1, f"«{words}» is {found[words]} cases")
        if row := by_words.get(words):
            verdict.must(row["place"] == report.place, f"«{words}» lies at {row['place']}, not at {report.place}")
            verdict.must(photos[row["id"]] == report.photos, f"«{words}» has {photos[row['id']]} photos")
    others = [words for words in found.elements() if words not in ledger.reports]
    pieces = Counter(token for words in others for token in _TOKEN.findall(words))
    for piece in ledger.pieces:
        verdict.must(pieces[piece] == 1, f"a piece of a flood, {piece}, is in {pieces[piece]} cases")
    for words in others:
        verdict.must(set(_TOKEN.findall(words)) & ledger.pieces != set(), f"nobody reported «{words}»")
    verdict.figures["cases"] = len(tables["cases"])
    verdict.figures["doubled cases"] = sum(count - 1 for count in (*found.values(), *pieces.values()))


def _moves(verdict: Verdict, tables: dict[str, list[Row]], ledger: Ledger) -> None:
    numbers = {row["id"]: row["number"] for row in tables["cases"]}
    logged: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in tables["case_log"]:
        logged[numbers[row["case_id"]]][row["move"]] += 1
    for number in numbers.values():
        wanted = ledger.moves[number] + Counter(open=1)
        verdict.must(logged[number] == wanted, f"{number}: {dict(logged[number])} was done, {dict(wanted)} was told")
    verdict.figures["moves"] = sum(sum(moves.values()) for moves in logged.values())


def _answers(verdict: Verdict, tables: dict[str, list[Row]], ledger: Ledger) -> None:
    """An update handled twice may do nothing the second time, and yet it says so."""
    answers = [row for row in tables["outbox"] if row["kind"] == "reply"]
    replies = [text_of(row) for row in answers]
    receipts = Counter(token for text in replies if "受理编号：" in text for token in _TOKEN.findall(text))
    for words in ledger.reports:
        for token in _TOKEN.findall(words):
            verdict.must(receipts[token] == 1, f"«{words}» has {receipts[token]} receipts")
    for never in ("这件事您刚报过", "这个按钮已经过期了", "对不起，刚才这一步没办成"):
        times = sum(never in text for text in replies)
        verdict.must(not times, f"{times} people were told «{never}», and nobody had given cause")
    refused = [row for row in answers if UNCHANGED in text_of(row)]
    # Sent in doubt and once more, it may have been taken for the answer to the next button.
    twice = sum(most_arrivals(row) - 1 for row in refused if unsure(row))
    verdict.must(
        len(refused) <= ledger.refusals <= len(refused) + twice,
        f"{len(refused)} refusals were told, {twice} of them perhaps twice, {ledger.refusals} people had given cause",
    )


def _ballots(
    verdict: Verdict,
    tables: dict[str, list[Row]],
    ledger: Ledger,
    residents: list[Resident],
    telegram: Telegram,
    keys: Keys,
) -> None:
    by_question = {row["question"]: row for row in tables["ballots"]}
    votes: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row in tables["urn"]:
        votes[row["ballot_id"]][BALLOT_OPTIONS[json.loads(row["paper"])[0]]] += 1
    named = {row["id"]: row["key"] for row in tables["ballots"]}
    for number, key in named.items():
        sealed = [row for row in tables["roll"] if row["ballot_id"] == number and row["slip"] is not None]
        if sealed:
            # Still open, or closed and not counted yet: the trial has the key, as whoever runs the service has.
            seal = keys.seal(key)
            votes[number] = Counter(BALLOT_OPTIONS[seal.open(row["slip"], row["envelope"])[0]] for row in sealed)
    told: defaultdict[str, list[Row]] = defaultdict(list)
    for row in tables["outbox"]:
        if match := re.match(r"(ballot:\d+:\w+):\d+$", row["once"] or ""):
            told[match[1]].append(row)
    verdict.must(set(by_question) == set(ledger.ballots), "the ballots are not those that were opened")
    verdict.must(len(by_question) == len(tables["ballots"]), "a ballot was opened twice")
    for question, asked in ledger.ballots.items():
        if question not in by_question:
            continue
        ballot = by_question[question]
        wanted = Counter(asked.votes.values())
        verdict.must(
            votes[ballot["id"]] == wanted, f"{question}: {dict(wanted)} voted, {dict(votes[ballot['id']])} counted"
        )
        for what in ("opened", "reminder", "result"):
            rows = told[f"ballot:{ballot['id']}:{what}"]
            contacts = {row["contact_id"] for row in rows}
            verdict.must(len(contacts) == len(rows), f"{question}: somebody was told of {what} twice")
            if what == "opened":
                verdict.must(len(rows) >= len(asked.residents), f"{question}: not everybody was asked")
            if what == "reminder" and asked.over and _in_time(ballot, tables["dues"]):
                silent = len(asked.residents - asked.votes.keys())
                verdict.must(len(rows) >= silent, f"{question}: {silent} had not voted, {len(rows)} were reminded")
            if what == "result" and ballot["closed_at"] is not None:
                verdict.must(len(rows) >= len(asked.residents), f"{question}: not everybody was told the result")
                said = (
                    Counter({option: int(count) for option, count in _COUNT.findall(text_of(rows[0]))})
                    if rows
                    else wanted
                )
                verdict.must(+said == wanted, f"{question}: {dict(wanted)} voted, the result says {dict(said)}")
    verdict.figures["votes"] = len(tables["roll"])
    verdict.figures["reminders"] = sum(map(len, told.values()))


_COUNT = re.compile(r"· (.+?)：(\d+) 票")


def _in_time(ballot: Row, dues: list[Row]) -> bool:
    """Whether the moment to remind was noticed before the close; later there is nothing left to remind of."""
    return any(
        row["key"] == f"ballot:{ballot['id']}:remind"
        and row["done_at"] is not None
        and _moment(row["done_at"]) < _moment(ballot["closes_at"])
        for row in dues
    )


def _dues(verdict: Verdict, tables: dict[str, list[Row]], ended: datetime) -> None:
    # The bell rings every second.
    rung = ended - timedelta(seconds=5)
    late = [row for row in tables["dues"] if row["done_at"] is None and _moment(row["due_at"]) < rung]
    verdict.must(not late, f"{len(late)} things are due and not done: {Counter(row['fact'] for row in late)}")


def _posts(verdict: Verdict, tables: dict[str, list[Row]], telegram: Telegram, disturbances: list[Disturbance]) -> None:
    chats = {row["id"]: int(row["chat"]) for row in tables["contacts"] if row["platform"] == "telegram"}
    quiet = telegram.blocked | telegram.missing
    rows: defaultdict[tuple[int, str], list[Row]] = defaultdict(list)
    doubtful: defaultdict[int, list[str]] = defaultdict(list)
    for row in tables["outbox"]:
        if row["contact_id"] in chats and row["kind"] != "menu":
            chat = chats[row["contact_id"]]
            if row["state"] != "folded":
                rows[chat, _as_stored(text_of(row))].append(row)
            if unsure(row):
                doubtful[chat].append(_as_stored(text_of(row)))
    arrivals: defaultdict[tuple[int, str], list[Arrival]] = defaultdict(list)
    for arrival in telegram.arrivals:
        arrivals[arrival.chat, _as_stored(arrival.text)].append(arrival)
    doubled = recorded = 0
    for key in rows.keys() | arrivals.keys():
        chat, text = key
        came, stored = arrivals[key], rows[key]
        what = f"«{text[:40]}» to {chat}"
        if not stored:
            # Sent in doubt, it may since have become part of another message, or have taken others in.
            in_doubt = sum(text in words for words in doubtful[chat])
            verdict.must(len(came) <= in_doubt, f"{what} arrived {len(came)} times and is in no outbox")
            doubled += len(came)
            recorded += min(len(came), in_doubt)
            continue
        sure = sum(row["state"] == "sent" for row in stored)
        verdict.must(len(came) >= sure, f"{what}: {sure} are noted as sent, {len(came)} arrived")
        if len(came) > len(stored):
            extra = len(came) - len(stored)
            doubled += extra
            recorded += min(extra, sum(most_arrivals(row) - 1 for row in stored if unsure(row)))
            most = sum(map(most_arrivals, stored))
            verdict.must(len(came) <= most, f"{what}: {len(came)} arrived, by the outbox at most {most} could")
            verdict.must(
                sum(_uncertain(arrival, disturbances) for arrival in came) >= extra,
                f"{what}: {len(came)} for {len(stored)}, and nothing was in flight: {_story(came, disturbances)}",
            )
            verdict.must(
                all(row["kind"] != "reminder" for row in stored), f"{what}: a reminder arrived {len(came)} times"
            )
        for row in stored:
            _settled(verdict, row, what, refused=chat in quiet)
    verdict.figures |= {
        "posted": sum(map(len, arrivals.values())),
        "pushes": sum(row["kind"] == "push" for row in tables["outbox"]),
        "doubled": doubled,
        "recorded": recorded,
        "left unknown": sum(row["state"] == "unknown" for row in tables["outbox"]),
    }


def _settled(verdict: Verdict, row: Row, what: str, *, refused: bool) -> None:
    """At the end nothing is on its way, and only what nobody wanted or could use any more was given up."""
    verdict.must(row["state"] not in ("pending", "sending"), f"{what}: still {_state(row)}")
    if row["state"] == "unknown":
        verdict.must(row["kind"] == "reminder" and unsure(row), f"{what}: left unknown, though {_state(row)}")
    if row["state"] == "dead":
        verdict.must(refused or _expired(row), f"{what}: given up, though nobody refused it: {_state(row)}")


def _uncertain(arrival: Arrival, disturbances: list[Disturbance]) -> bool:
    """Whether whoever sent it could not know, or had no time to note, that it arrived."""
    if arrival.lost:
        return True
    noted = (arrival.answered or float("inf")) + _NOTED_WITHIN
    return any(
        each.process in (arrival.by, None) and each.start <= noted and each.end >= arrival.at for each in disturbances
    )


def _story(came: list[Arrival], disturbances: list[Disturbance]) -> str:
    first = min(arrival.at for arrival in came)
    parts = [
        f"{arrival.by} at {arrival.at - first:.1f} s"
        + (f", answered after {arrival.answered - arrival.at:.2f} s" if arrival.answered else ", not answered")
        for arrival in came
    ]
    last = max(arrival.at for arrival in came)
    near = [
        f"{each.what} of {each.process} at {each.start - first:.1f} s"
        for each in disturbances
        if first - 10 < each.end and each.start < last + 10
    ]
    return "; ".join([*parts, *near])


def _mailboxes(verdict: Verdict, tables: dict[str, list[Row]], pages: list[Page]) -> None:
    mailboxes = {row["id"] for row in tables["contacts"] if row["platform"] == "web"}
    stored = [row for row in tables["outbox"] if row["contact_id"] in mailboxes and row["kind"] != "menu"]
    delivered = {row["id"] for row in stored if row["state"] == "sent"}
    got = Counter(message for page in pages for message in page.got)
    for page in pages:
        verdict.broken += page.wrong
    verdict.must(
        delivered <= got.keys(), f"{len(delivered - got.keys())} messages lie in mailboxes, and no page ever got them"
    )
    verdict.must(got.keys() <= delivered, f"{len(got.keys() - delivered)} messages on pages are not in the outbox")
    twice = sum(times - 1 for times in got.values())
    verdict.must(not twice, f"{twice} messages came to two pages")
    for row in stored:
        verdict.must(row["state"] == "sent" or _expired(row), f"message {row['id']} to a page is {row['state']}")
    verdict.figures["on pages"] = sum(got.values())


def _state(row: Row) -> str:
    return f"{row['kind']} {row['id']} {row['state']}, {row['attempts']} attempts, due at {row['due_at']}"


def _expired(row: Row) -> bool:
    return bool(row["expires_at"] is not None and _moment(row["expires_at"]) <= datetime.now(UTC))


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
