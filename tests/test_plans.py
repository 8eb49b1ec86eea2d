"""The databases find what the paths of a case need as they did before, and read no large table through."""

import os

import pytest

from bench.cases import NOW, World
from bench.plans import FOLDER, full_scans, plans
from bot.app import Knowledge, build
from config.settings import Settings
from domain.cases import ProblemReported
from storage.desk import Desk

GRID = "230203002001001"


async def test_the_plans_are_those_kept_and_nothing_is_read_through(settings: Settings, knowledge: Knowledge) -> None:
    service = build(settings, clock=lambda: NOW, knowledge=knowledge)
    kind = "sqlite" if settings.database_url.startswith("sqlite") else "postgresql"

    async def live(desk: Desk) -> tuple[int, int, int]:
        worker = next(person.id for person in await desk.people.serving(GRID, ["gridworker"]))  # type: ignore[list-item]
        reporter = await desk.people.add()
        await desk.happen(ProblemReported(reporter, GRID, "street-lamp", "幸福里 3 栋", "路灯不亮"))
        return (await desk.cases.of_reporter(reporter))[0].id, worker, reporter

    case, worker, reporter = await service.desks.write(live)
    world = World(service, 1000, [(GRID, worker)], [(case, worker)], reporter)
    try:
        found, scans = await plans(service.desks, world.paths(0))
    finally:
        await service.desks.database.close()
    assert scans == []
    assert found == _kept(kind, found), f"see what changed, then WRITE_PLANS=1 pytest {__file__}"


def _kept(kind: str, found: str) -> str:
    """What is checked in; asked to by WRITE_PLANS, it becomes what was found."""
    kept = FOLDER / f"{kind}.txt"
    if os.environ.get("WRITE_PLANS"):
        kept.write_text(found, encoding="utf-8")
    return kept.read_text("utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "SCAN cases",
        "SCAN case_log USING INDEX uq_case_log_step",
        "  ->  Seq Scan on cases",
        "Parallel Seq Scan on people",
    ],
)
def test_a_full_scan_is_seen(line: str) -> None:
    assert full_scans(f"SEARCH cases USING INDEX ix_cases_grid_status (grid=?)\n{line}") == [line]


def test_along_the_open_cases_is_no_full_scan() -> None:
    assert full_scans("SCAN cases USING INDEX ix_cases_open_due\nSCAN lives") == []
