"""The operator changes the catalogue while people talk: every process goes by it, whole, or by the old one."""

import asyncio
import logging
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.app import Knowledge, Service, build, learn
from bot.core.words import Address, Said
from config.settings import Settings, load
from domain.cases import Case, CaseMoved, Move, Status
from domain.people import Role
from domain.working_time import Term, Unit
from storage.desk import Desk
from tests.play import START

GRID, COMMUNITY, DISTRICT = "230203002001001", "230203002001", "230203000000"
JIANHUA = Path(__file__).parent.parent / "config" / "districts" / "jianhua"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The operator's own copy."""
    shutil.copytree(JIANHUA, tmp_path / "jianhua")
    return tmp_path / "jianhua"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


async def reload(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("XIAOMAZHA_DATABASE_URL", settings.database_url)
    return await asyncio.to_thread(main, ["reload", str(folder)])


class Two:
    """Two processes on one database, and somebody who reports to either."""

    def __init__(self, settings: Settings, knowledge: Knowledge) -> None:
        self.now = START
        self.services = [build(settings, clock=lambda: self.now, knowledge=knowledge) for _ in range(2)]
        self._count = 0

    async def report(self, service: Service, words: str) -> Case:
        self._count += 1
        person = Address("web", "chat", f"p{self._count}")
        await service.turns.take(Said(person, f"m{self._count}", self.now, f"报事 幸福里 {words}"))

        async def newest(desk: Desk) -> Case:
            return max(await desk.cases.in_area(DISTRICT, list(Status), limit=500), key=lambda case: case.id)

        return await service.desks.read(newest)

    async def ring(self) -> None:
        for service in self.services:
            await service.bell.ring()

    async def close(self) -> None:
        for service in self.services:
            await service.desks.database.close()


async def test_a_new_deadline_holds_in_all_processes_and_what_was_open_keeps_the_old_one(
    settings: Settings,
    knowledge: Knowledge,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    two = Two(settings, knowledge)
    first, second = two.services
    before = await two.report(first, "3 栋路灯不亮")
    assert before.due_at == START + timedelta(days=3)
    edit(folder / "categories.toml", 'deadline = "24 工作时"', 'deadline = "2 工作日"')
    assert await reload(settings, folder, monkeypatch) == 0
    told = capsys.readouterr().out
    assert "换好了" in told
    assert "权责清单新写：路灯照明" in told
    assert "权责清单去掉：路灯照明" in told
    await two.ring()
    after = await two.report(second, "6 栋路灯坏了")
    assert first.district.category("street-lamp").deadline == Term(2, Unit.WORKING_DAY)
    assert after.due_at > START + timedelta(days=2)
    assert before.version != after.version
    for service in two.services:
        assert service.district.category_of(before).deadline == Term(24, Unit.WORKING_HOUR)
        assert service.district.category_of(after).deadline == Term(2, Unit.WORKING_DAY)
    # Opened again weeks later it is held to its own terms, by a process that never read the old folder.
    third = build(settings, clock=lambda: two.now, knowledge=learn(load(district=folder)))
    await third.prepare()
    two.now += timedelta(days=1)
    zhou = await _staff(third)
    for moved in (
        CaseMoved(before.id, Move.DISOWN, zhou, words="归路灯所管"),
        CaseMoved(before.id, Move.REOPEN, before.reporter_id or 0, words="他们不管"),
    ):
        await third.desks.write(lambda desk, moved=moved: desk.happen(moved))  # type: ignore[misc]
    again = await third.desks.read(lambda desk: desk.cases.get(before.id))
    assert again.due_at == two.now + timedelta(days=3)
    await third.desks.database.close()
    await two.close()


async def _staff(service: Service) -> int:
    async def add(desk: Desk) -> int:
        person = (await desk.people.meet(Address("web", "chat", "zhou"))).person
        await desk.people.grant(person.id, Role.COMMUNITY, COMMUNITY)
        return person.id

    return await service.desks.write(add)


async def test_with_one_mistake_nothing_changes_and_every_mistake_is_told(
    settings: Settings,
    knowledge: Knowledge,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    two = Two(settings, knowledge)
    edit(folder / "categories.toml", 'deadline = "24 工作时"', 'deadline = "很快"')
    edit(folder / "categories.toml", "since = 2027-01-01", "since = 2027-01-05")
    edit(folder / "district.toml", 'hotline = "12345"', "")
    assert await reload(settings, folder, monkeypatch) == 1
    told = capsys.readouterr().out
    assert "很快 不是时限" in told
    assert "rubbish 在第 " in told
    assert "空了 4 天：一开始 至 2026-12-31，2027-01-05 至 以后" in told
    assert "缺少 hotline" in told
    assert "3 处错误，没有换" in told
    await two.ring()
    assert all(service.district is knowledge.district for service in two.services)
    await two.close()


async def test_the_same_again_is_not_put_in_force_twice_and_an_old_folder_at_a_start_takes_nothing_back(
    settings: Settings,
    knowledge: Knowledge,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await reload(settings, folder, monkeypatch) == 0
    assert "和正在用的一样" in capsys.readouterr().out
    edit(folder / "district.toml", 'hotline = "12345"', 'hotline = "0452-12345"')
    assert await reload(settings, folder, monkeypatch) == 0
    # Another machine still has the folder as it was.
    late = build(settings, clock=lambda: START, knowledge=knowledge)
    assert late.district.hotline == "12345"
    await late.prepare()
    assert late.district.hotline == "0452-12345"
    # Taken back on purpose, it is.
    edit(folder / "district.toml", 'hotline = "0452-12345"', 'hotline = "12345"')
    assert await reload(settings, folder, monkeypatch) == 0
    await late.bell.ring()
    assert late.district.hotline == "12345"
    await late.desks.database.close()


async def test_what_this_release_cannot_read_is_left_aside_and_named_in_the_log(
    settings: Settings, knowledge: Knowledge, caplog: pytest.LogCaptureFixture
) -> None:
    from config.district import gathered, packed

    service = build(settings, clock=lambda: START, knowledge=knowledge)
    files = {**gathered(JIANHUA), "categories.toml": b"[[category]]\ncode = 7\n"}
    await service.desks.write(lambda desk: desk.editions.publish("of-another-release", packed(files)))
    with caplog.at_level(logging.ERROR):
        await service.bell.ring()
    assert service.district is knowledge.district
    assert "cannot be read here, the old data stays" in caplog.text
    assert "categories.toml:2: code 应是加引号的文字" in caplog.text
    caplog.clear()
    await service.bell.ring()
    assert "cannot be read" not in caplog.text
    await service.desks.database.close()


async def test_people_of_the_new_list_take_office_once(
    settings: Settings, knowledge: Knowledge, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Two(settings, knowledge)
    workers = folder / "gridworkers.csv"
    first = workers.read_text("utf-8").splitlines()[1]
    new = first.replace("w-002001001", "w-new").replace("李强", "孙新").replace("13800000001", "13800000000")
    workers.write_text(workers.read_text("utf-8") + new + "\n", "utf-8")
    assert await reload(settings, folder, monkeypatch) == 0
    await asyncio.gather(*(service.bell.ring() for service in two.services))
    people = await two.services[0].desks.read(lambda desk: desk.people.serving(GRID, [Role.GRIDWORKER]))
    assert [person.name for person in people].count("孙新（示例）") == 1
    await two.close()
