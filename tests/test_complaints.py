"""Two hundred real messages go in as one-sentence reports: each a case, a receipt and a push, none twice."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.app import Knowledge, build
from config.settings import Settings
from domain.cases import Status
from tests.chat_client import Chat, chat

MESSAGES = Path(__file__).parents[2] / "shared" / "data" / "faq" / "dev" / "complaints_raw.jsonl"
GRID = "230203002001001"


@pytest.mark.skipif(not MESSAGES.exists(), reason="the shared question sets are not on this machine (../shared/data)")
async def test_two_hundred_reports_make_two_hundred_cases_receipts_and_pushes(
    settings: Settings, knowledge: Knowledge
) -> None:
    texts = [json.loads(line)["text"] for line in MESSAGES.read_text("utf-8").splitlines()[:200]]
    # Each is pushed: what a budget folds into a list is tests/test_budget.py's.
    unbounded = replace(knowledge, district=replace(knowledge.district, push_budget=0))
    service = build(settings, knowledge=unbounded)
    async with service.running(), AsyncExitStack() as pages:
        base = f"http://127.0.0.1:{service.port}"
        li = await pages.enter_async_context(chat(base, "gridworker"))
        residents = [await pages.enter_async_context(chat(base)) for _ in texts]
        for resident in residents:
            await resident.say(f"/start g_{GRID}")
            await resident.heard("网格码")
            await resident.tap("我住这个网格")
            await resident.heard("记住了")

        await asyncio.gather(*(_report(resident, text) for resident, text in zip(residents, texts, strict=True)))

        await li.until(lambda: len(_tasks(li)) >= len(texts), seconds=60)
        cases = await service.desks.read(lambda desk: desk.cases.in_area(GRID, list(Status), limit=1000))
    receipts = [each["text"] for resident in residents for each in resident.messages if "受理编号" in each["text"]]
    assert {case.words for case in cases} ^ {text.strip() for text in texts} == set()
    assert len(receipts) == 200
    assert len(set(receipts)) == 200
    assert len(_tasks(li)) == len(set(_tasks(li))) == 200


async def _report(resident: Chat, text: str) -> None:
    assert (await resident.say(f"报事 {text}"))["type"] == "ack"
    await resident.heard("受理编号", seconds=60)


def _tasks(page: Chat) -> list[str]:
    return [each["text"].split("：")[0] for each in page.messages if each["text"].startswith("新任务")]
