"""A roster is taken in whole or not at all; no phone number is kept; guesses are counted."""

import io
from datetime import timedelta

import pytest

from bot.app import Knowledge
from config.settings import Settings
from domain.areas import Roster
from domain.refusals import Refused
from domain.rosters import RosterImported, Row
from services.roster_file import BadRoster, read
from storage.desk import Desk
from tests.play import Stage

AREA, GRID = "230203002001", "230203002001001"
CSV = "户名,姓名,面积,电话\n3 栋 501,王（示例）,87.35,+86 138-0000-0001、13800000002\n3 栋 502,李（示例）,60,\n"
ROWS = (
    Row("3 栋 501", "王（示例）", 8735, ("13800000001", "13800000002")),
    Row("3 栋 502", "李（示例）", 6000),
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_as_it_was_saved(encoding: str) -> None:
    assert read(CSV.encode(encoding)) == ROWS


def test_a_spreadsheet_is_known_by_its_content() -> None:
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book = Workbook()
    for line in (["户名", "姓名", "面积", "电话"], ["3 栋 501", "王（示例）", 87.35, "13800000001 13800000002"],
                 ["3 栋 502", "李（示例）", 60, None]):  # fmt: skip
        book.active.append(line)
    out = io.BytesIO()
    book.save(out)
    assert read(out.getvalue()) == ROWS


def test_every_mistake_is_named_at_once_and_none_of_it_says_who() -> None:
    bad = "户名,姓名,面积,电话\n501,王,87.35,138\n,李,六十,\n501,何,0,13800000009\n502,,1.234,\n"
    with pytest.raises(BadRoster) as found:
        read(bad.encode())
    assert found.value.problems == [
        "第 2 行：电话看不懂，几个电话用顿号隔开",
        "第 3 行：户名要有，60 个字以内",
        "第 3 行：面积要是平方米的数，最多两位小数，例如：87.35",
        "第 4 行：面积要是平方米的数，最多两位小数，例如：87.35",
        "第 4 行：户名和第 2 行重复",
        "第 5 行：姓名要有，40 个字以内",
        "第 5 行：面积要是平方米的数，最多两位小数，例如：87.35",
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"PK\x03\x04nonsense",
        "甲,乙\n1,2\n".encode(),
        "户名,姓名\n".encode(),
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_roster_is_told_kindly(raw: bytes) -> None:
    with pytest.raises(BadRoster):
        read(raw)


async def test_no_phone_number_is_kept_and_a_household_keeps_its_number(
    settings: Settings, knowledge: Knowledge
) -> None:
    stage = Stage(settings, knowledge, restart=False)
    desks = stage.service.desks
    await desks.write(lambda desk: desk.happen(RosterImported(None, GRID, ROWS)))
    first = {each.household: each.id for each in await desks.read(lambda desk: desk.rosters.all(Roster(GRID)))}
    digest = desks.keys.phone("13800000001")
    assert [each.household for each in await desks.read(lambda desk: desk.rosters.by_phone(digest))] == ["3 栋 501"]
    assert "13800000001" not in digest
    # Imported anew: who stays keeps their number, who is gone is gone.
    await desks.write(lambda desk: desk.happen(RosterImported(None, GRID, (ROWS[0], Row("3 栋 503", "何（示例）")))))
    then = {each.household: each.id for each in await desks.read(lambda desk: desk.rosters.all(Roster(GRID)))}
    assert then["3 栋 501"] == first["3 栋 501"]
    assert set(then) == {"3 栋 501", "3 栋 503"}
    # The community's roster would have the same households once more.
    with pytest.raises(Refused, match=r"roster\.beside"):
        await desks.write(lambda desk: desk.happen(RosterImported(None, AREA, ROWS)))
    await stage.close()


async def test_who_guesses_codes_in_a_chat_is_not_looked_at_for_a_while(
    settings: Settings, knowledge: Knowledge
) -> None:
    stage = Stage(settings, knowledge, restart=False)
    await stage.introduce("wang", "居民", GRID)
    await stage.service.desks.write(lambda desk: desk.happen(RosterImported(None, GRID, ROWS)))
    good: list[str] = []

    async def invite(desk: Desk) -> None:
        voter = (await desk.rosters.all(Roster(GRID)))[0]
        good.append(await desk.people.invite(voter_id=voter.id))

    await stage.service.desks.write(invite)
    for number in range(10):
        await stage.say("wang", f"K7M2PQ9XT{'ABCDEFGHJK'[number]}")
    assert all("不能用" in line for line in stage.heard("wang"))
    stage.heard("wang").clear()
    await stage.say("wang", good[0])
    assert stage.heard("wang") == ["输错的次数太多了，请过十分钟再试。急用就找发码的人当面办。"]
    stage.heard("wang").clear()
    stage.now += timedelta(minutes=11)
    await stage.say("wang", good[0])
    assert any("3 栋 501" in line for line in stage.heard("wang"))
    await stage.close()
