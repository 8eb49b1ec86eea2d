"""Staff read and take along the statistics of their own areas, and of no others."""

import csv
import io
import logging
import zipfile
from collections.abc import AsyncIterator

import pytest

from bot.app import Knowledge
from config.settings import Settings
from domain.cases import CaseMoved, Move, ProblemReported, Score
from domain.people import Role
from storage.desk import Desk
from tests.office import COMMUNITY, DISTRICT, ELSEWHERE, GRID, Office
from web.statistics import harmless


@pytest.fixture
async def office(settings: Settings, knowledge: Knowledge) -> AsyncIterator[Office]:
    office = Office(settings, knowledge)
    async with office.service.running():
        await office.meet("wang", grid=GRID)
        for who, role, area in (
            ("li", Role.GRIDWORKER, GRID),
            ("zhou", Role.COMMUNITY, COMMUNITY),
            ("sun", Role.GRID_LEADER, ELSEWHERE),
            ("gao", Role.DISTRICT, DISTRICT),
        ):
            await office.meet(who, role, area)

        async def live(desk: Desk) -> None:
            for category in ("street-lamp", "street-lamp", "conduct"):
                words = f"有事 {desk.new_id()}"
                await desk.happen(ProblemReported(office.people["wang"], GRID, category, "幸福里 3 栋", words))
            lamps = [each for each in await desk.cases.of_reporter(office.people["wang"]) if each.worker_id]
            for move, who in ((Move.ACCEPT, "li"), (Move.FINISH, "li"), (Move.RATE, "wang")):
                score = Score.GOOD if move is Move.RATE else None
                await desk.happen(CaseMoved(lamps[0].id, move, office.people[who], "换了灯泡", score=score))

        await office.service.desks.write(live)
        yield office


async def test_the_numbers_of_an_area_and_whose_they_are(office: Office) -> None:
    async with office.at_desk("zhou") as zhou, office.at_desk("sun") as sun, office.at_desk("li") as li:
        found = (await zhou.get(f"/api/statistics?area={COMMUNITY}&every=week")).body
        assert (found["opened"], found["closed"], found["first"]) == (3, 1, "2026-11-23")
        assert found["solved"] == {"part": 1, "of": 1, "share": None}
        # What is about a gridworker counts, and is nowhere named.
        assert [(each["code"], each["count"]) for each in found["category"]] == [("street-lamp", 2), ("other", 1)]
        assert "conduct" not in str(found)
        assert sum(found["open_by_age"]) == 2
        for area in (ELSEWHERE, DISTRICT, "230203002000", "999999999999", ELSEWHERE + "001"):
            refused = await zhou.get(f"/api/statistics?area={area}")
            assert (refused.status, refused.code) == (403, "stats.not_your_area")
        assert (await sun.get(f"/api/statistics?area={COMMUNITY}")).status == 403
        assert (await sun.get(f"/api/statistics?area={ELSEWHERE}")).body["opened"] == 0
        assert (await li.get(f"/api/statistics?area={GRID}")).code == "page.not_for_you"
    async with office.browser() as nobody:
        assert (await nobody.get(f"/api/statistics?area={COMMUNITY}")).status == 401


@pytest.mark.parametrize(
    "asked",
    [
        "every=decade",
        "first=2026-11-01",
        "last=2026-11-01",
        "first=2026-11-20&last=2026-11-01",
        "first=2027-01-01&last=2027-02-01",
        "first=0001-01-01&last=9999-12-31",
        "first=2019-01-01&last=2026-11-01",
        "day=9999-12-31",
        "first=2026-02-30&last=2026-03-01",
        "first=1&last=2",
        "colour=red",
    ],
)
async def test_a_period_that_is_none_is_refused_kindly(asked: str, office: Office) -> None:
    async with office.at_desk("zhou") as zhou:
        refused = await zhou.get(f"/api/statistics?area={COMMUNITY}&{asked}")
        assert (refused.status, refused.code.split(".")[0]) in ((400, "page"), (400, "stats"))


async def test_the_tables_hold_the_same_numbers_for_every_level_below(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with office.at_desk("gao") as gao, office.at_desk("sun") as sun:
        path = f"/api/statistics.csv?area={DISTRICT}&every=month"
        async with gao.http.get(gao.base + path) as response:
            body = await response.read()
            assert (response.status, response.content_type) == (200, "text/csv")
            assert "attachment" in response.headers["Content-Disposition"]
        assert body.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
        head, lines = rows[0], {row[0]: row for row in rows[1:]}
        assert len(lines) == len(rows) - 1 > 300
        opened, lamps = head.index("上报"), head.index("路灯照明")
        assert [lines[area][opened] for area in (DISTRICT, COMMUNITY, GRID, ELSEWHERE)] == ["3", "3", "3", "0"]
        assert lines[COMMUNITY][lamps] == "2"
        assert not any("投诉" in each for each in head)
        async with gao.http.get(gao.base + path.replace(".csv", ".xlsx")) as response:
            book = zipfile.ZipFile(io.BytesIO(await response.read()))
        assert "xl/worksheets/sheet1.xml" in book.namelist()
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()
        for kind in ("csv", "xlsx"):
            refused = await sun.get(f"/api/statistics.{kind}?area={COMMUNITY}")
            assert (refused.status, refused.code) == (403, "stats.not_your_area")
    taken = [each.getMessage() for each in caplog.records if "taken as" in each.getMessage()]
    assert len(taken) == 2
    assert f"person {office.people['gao']}" in taken[0]
    assert "gao" not in taken[0].replace(str(office.people["gao"]), "")


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_taken_for_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless("民乐社区") == "民乐社区"
    assert harmless(-2) == -2
