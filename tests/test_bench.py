"""Whoever reads the figures can trust that everybody measured does the same work, under limits that are real."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench import contestants
from bench.bot_api import Account, BotApi, Limits, fields
from bench.people import STEPS, Town, newcomers
from bench.results import Figure
from bench.wire import cut


@pytest.mark.parametrize("name", ["xiaomazha", "aiogram_orm", "ptb_orm", "bare"])
async def test_everybody_measured_opens_the_report_and_answers_each_sentence_once(name: str, tmp_path: Path) -> None:
    api = BotApi()
    await api.start()
    started = (
        await contestants.service(api, tmp_path, more=contestants.lifted())
        if name == "xiaomazha"
        else await contestants.peer(api, tmp_path, name)
    )
    answers: list[str] = []
    started.account.listeners.append(lambda chat, at, body: answers.append(fields(body)["text"]))
    try:
        town = Town(started.account, newcomers(1))
        for _ in range(STEPS):
            await town.once_each()
            await town.all_answered()
        town.close()
    finally:
        await started.stop()
        await api.stop()
    assert [answer[:6] for answer in answers[:2]] == ["请问在哪个小", "出了什么问题"]
    assert "对吗？" in answers[2]
    assert answers[3].startswith("已上报，网格员会联系您。\n受理编号：")
    file, table = ("service", "cases") if name == "xiaomazha" else (name, "reports")
    with closing(sqlite3.connect(tmp_path / f"{file}.db")) as database:
        assert database.execute(f"SELECT place FROM {table}").fetchall() == [("幸福里 3 栋",)]  # noqa: S608


def test_the_thirty_first_message_within_any_second_is_refused_and_so_is_a_second_one_to_a_chat() -> None:
    account, limits = Account("1:A", "", ""), Limits()
    assert not any(account.too_fast(chat, chat / 100, limits) for chat in range(30))
    assert account.too_fast(30, 0.99, limits)
    assert not account.too_fast(30, 1.0, limits)
    assert account.too_fast(30, 1.9, limits)
    assert not account.too_fast(30, 2.0, limits)


def test_a_message_is_cut_out_only_when_all_of_it_has_come() -> None:
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    found = [cut(bytearray(whole[:length])) for length in range(len(whole))]
    assert found == [None] * len(whole)
    cut_out = cut(bytearray(whole + b"HTTP"))
    assert cut_out is not None
    assert cut_out[1:] == (b"abcde", len(whole))


@pytest.mark.parametrize(
    ("value", "lower", "verdict"),
    [(5.0, False, "aim met"), (3.5, False, "reached"), (3.4, False, "NOT REACHED"), (6.0, True, "NOT REACHED")],
)
def test_a_verdict_is_what_the_bounds_say(value: float, lower: bool, verdict: str) -> None:
    reach, aim = (5.0, 3.5) if lower else (3.5, 5.0)
    assert Figure("key", "what", value, reach=reach, aim=aim, lower=lower).verdict == verdict
