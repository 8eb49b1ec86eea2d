"""Whoever trusts the verdict of a trial sees here that it is not always the same: each broken promise is found."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from tests.faults.databases import Row
from tests.faults.ledger import Ledger, Report
from tests.faults.process import Disturbance
from tests.faults.telegram import Arrival, Telegram
from tests.faults.verdict import Verdict, _answers, _cases, _moves, _posts, _updates

KILL = Disturbance("p0", "kill", 100.0, 100.0)


def _telegram(*arrivals: Arrival) -> Telegram:
    telegram = Telegram(Random(1), webhook=True, door=lambda: ("p0", ""))  # noqa: S311 - no secret
    telegram.arrivals += arrivals
    return telegram


def _arrival(at: float, *, answered: float | None = None) -> Arrival:
    return Arrival(chat=7, text="您好", by="p0", at=at, answered=answered)


def _tables(**tables: list[Row]) -> dict[str, list[Row]]:
    contact = {"id": 1, "platform": "telegram", "chat": "7"}
    return defaultdict(list, {"contacts": [contact], **tables})


def _message(**columns: Any) -> Row:
    usual = {"id": 1, "contact_id": 1, "kind": "reply", "state": "sent", "attempts": 1, "unknown_at": None}
    return {**usual, "body": '{"text": "您好"}', "expires_at": None, "due_at": None, "once": None, **columns}


def _of_posts(outbox: list[Row], *arrivals: Arrival, disturbances: tuple[Disturbance, ...] = (KILL,)) -> Verdict:
    verdict = Verdict()
    _posts(verdict, _tables(outbox=outbox), _telegram(*arrivals), list(disturbances))
    return verdict


def test_a_message_may_come_twice_when_it_was_in_flight_at_a_kill_and_the_outbox_knows() -> None:
    verdict = _of_posts(
        [_message(attempts=2, unknown_at="2026-11-23")], _arrival(99.9), _arrival(104.0, answered=104.1)
    )
    assert verdict.broken == []
    assert (verdict.figures["doubled"], verdict.figures["recorded"]) == (1, 1)


@pytest.mark.parametrize(
    ("row", "first", "trouble"),
    [
        (_message(attempts=2), _arrival(99.9), "by the outbox at most 1 could"),
        (_message(attempts=2, unknown_at="x"), _arrival(80.0, answered=80.1), "nothing was in flight"),
        (_message(attempts=2, unknown_at="x", kind="reminder"), _arrival(99.9), "a reminder arrived 2 times"),
    ],
    ids=["the outbox does not know", "nothing was in flight", "a reminder"],
)
def test_a_message_that_came_twice_otherwise_breaks_the_promise(row: Row, first: Arrival, trouble: str) -> None:
    verdict = _of_posts([row], first, _arrival(104.0, answered=104.1))
    assert len(verdict.broken) == 1
    assert trouble in verdict.broken[0]


@pytest.mark.parametrize(
    ("row", "trouble"),
    [
        (_message(), "1 are noted as sent, 0 arrived"),
        (_message(state="pending"), "still reply 1 pending"),
        (_message(state="dead"), "given up, though nobody refused it"),
        (_message(state="unknown", unknown_at="x"), "left unknown"),
    ],
    ids=["sent", "pending", "dead", "unknown"],
)
def test_a_message_that_never_came_breaks_the_promise(row: Row, trouble: str) -> None:
    (broken,) = _of_posts([row]).broken
    assert trouble in broken


def test_a_message_nobody_wrote_breaks_the_promise() -> None:
    (broken,) = _of_posts([], _arrival(1.0, answered=1.1)).broken
    assert "is in no outbox" in broken


def test_an_update_that_was_not_handled_breaks_the_promise() -> None:
    telegram = _telegram()
    telegram.said = 2
    verdict = Verdict()
    _updates(verdict, _tables(heard=[{"platform": "telegram"}]), telegram, [])
    assert verdict.broken == ["telegram: 2 updates were sent and 1 handled"]


def _case(number: int, words: str) -> Row:
    return {"id": number, "number": f"261123-000{number}", "words": words, "place": "幸福里 3 栋"}


@pytest.mark.parametrize(
    ("stored", "trouble"),
    [
        ([], "«灯坏了» is 0 cases"),
        ([_case(1, "灯坏了"), _case(2, "灯坏了")], "«灯坏了» is 2 cases"),
        ([_case(1, "灯坏了"), _case(2, "别的")], "nobody reported «别的»"),
    ],
    ids=["lost", "doubled", "out of nowhere"],
)
def test_every_report_is_one_case_and_every_case_was_reported(stored: list[Row], trouble: str) -> None:
    verdict = Verdict()
    _cases(verdict, _tables(cases=stored), Ledger(reports={"灯坏了": Report("幸福里 3 栋")}))
    assert trouble in verdict.broken


def test_a_move_made_twice_breaks_the_promise() -> None:
    ledger = Ledger()
    ledger.moves["261123-0001"]["accept"] += 1
    log = [{"case_id": 1, "move": move} for move in ("open", "accept", "accept")]
    verdict = Verdict()
    _moves(verdict, _tables(cases=[_case(1, "灯坏了")], case_log=log), ledger)
    assert verdict.broken == ["261123-0001: {'open': 1, 'accept': 2} was done, {'accept': 1, 'open': 1} was told"]


@pytest.mark.parametrize(
    ("unknown_at", "causes", "broken"),
    [(None, 1, False), (None, 2, True), (None, 0, True), ("x", 1, False), ("x", 2, False), ("x", 3, True)],
)
def test_a_refusal_without_cause_breaks_the_promise_and_one_that_came_twice_may_be_counted_twice(
    unknown_at: str | None, causes: int, *, broken: bool
) -> None:
    refused = _message(body='{"text": "1-1 已经有人在办了，没有改动。"}', attempts=2, unknown_at=unknown_at)
    ledger = Ledger()
    ledger.refusals = causes
    verdict = Verdict()
    _answers(verdict, _tables(outbox=[refused]), ledger)
    assert bool(verdict.broken) == broken
