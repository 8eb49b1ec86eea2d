"""Nobody is shown more of a case than is theirs to see, on whatever way they come to it."""

from pathlib import Path

import pytest

from bot.app import Knowledge
from config.settings import Settings, load
from domain.cases import Case, CaseMoved, Move, ProblemReported, Status
from domain.catalogue import Category
from domain.letters import LetterWritten
from domain.people import Held, Person, Role
from domain.sight import visible
from domain.working_time import Term, Unit
from nlp import place
from storage.desk import Desk
from tests import walk
from tests.office import COMMUNITY, DISTRICT, ELSEWHERE, GRID, NEXT_GRID, Office
from tests.play import START, Stage

NAME, PHONE, DOOR, WORDS, LETTER = "王秀英", "13845678901", "507", "半夜唱歌", "下午两点以后家里有人"
STREET = "230203002000"
CAST = {
    "wang": ("居民", GRID),
    "chen": ("居民", GRID),
    "sun": ("居民", NEXT_GRID),
    "li": ("网格员", GRID),
    "zhao": ("网格员", NEXT_GRID),
    "he": ("网格长", COMMUNITY),
    "zhou": ("社区", COMMUNITY),
    "qian": ("街道", STREET),
    "wu": ("区", DISTRICT),
    "far": ("社区", ELSEWHERE),
    "host": ("主持人", COMMUNITY),
}
HANDLERS = {"li", "he", "zhou"}
NOTHING = {"sun", "zhao", "far", "host"}


@pytest.fixture
def sqlite_only(sqlite_template: Path, tmp_path: Path) -> Settings:
    import shutil

    shutil.copy(sqlite_template, tmp_path / "sight.db")
    return load(
        database_url=f"sqlite:///{tmp_path / 'sight.db'}", files=tmp_path / "f", keys=tmp_path / "k", http_port=0
    )


async def test_every_conversation_button_and_push_shows_each_role_only_what_is_theirs(
    sqlite_only: Settings, knowledge: Knowledge
) -> None:
    stage = Stage(sqlite_only, knowledge, restart=False)
    for who, (role, area) in CAST.items():
        await stage.introduce(who, role, area)

    async def name(desk: Desk) -> None:
        await desk.people.change((await _people(desk))["wang"], name=NAME)

    await stage.service.desks.write(name)
    await stage.say("wang", f"报事 匿名，幸福里 3 栋 2 单元 {DOOR} 室{WORDS}扰民，我电话 {PHONE}")
    await stage.say("chen", "报事 幸福里 3 栋半夜有人唱歌太吵")
    await stage.say("chen", "[我也遇到了]")
    await stage.say("li", "[接单]")
    await stage.say("wang", "我的报事")
    await stage.say("wang", "[联系经办人]")
    await stage.say("wang", LETTER)
    # The climb through all levels, and the morning's digests.
    for _ in range(4):
        await stage.wait(1, "天")
    await stage.say("li", "[完成]")
    await stage.say("li", "劝过了")
    await stage.wait(4, "天")
    for who in ("sun", "chen", "zhao", "host", "far", "wu", "qian", "he", "li", "zhou", "wang"):
        await walk.every_conversation(stage, who)
    shown = {who: walk.read(stage._phones[who].messages) for who in CAST}
    number = "261123-0001"
    await stage.close()

    # What each should see they do see: a walk that sees nothing proves nothing.
    for who in HANDLERS | {"wang"}:
        assert DOOR in shown[who], who
        assert WORDS in shown[who], who
    for who in ("qian", "wu"):
        assert "（幸福里）" in shown[who] or "幸福里：" in shown[who]
        assert WORDS in shown[who]
    assert number in shown["chen"]
    assert LETTER in shown["li"]
    for who, read in shown.items():
        if who != "wang":
            assert NAME not in read, who
            assert PHONE not in read, who
        if who not in HANDLERS | {"wang"}:
            assert DOOR not in read, who
            assert LETTER not in read, who
    assert WORDS not in shown["chen"]
    for who in NOTHING:
        assert number not in shown[who], who
        assert WORDS not in shown[who], who


async def test_every_route_of_the_api_shows_each_role_only_what_is_theirs(
    settings: Settings, knowledge: Knowledge
) -> None:
    office = Office(settings, knowledge)
    roles = {
        "zhou": (Role.COMMUNITY, COMMUNITY),
        "li": (Role.GRIDWORKER, GRID),
        "zhao": (Role.GRIDWORKER, NEXT_GRID),
        "qian": (Role.STREET, STREET),
        "wu": (Role.DISTRICT, DISTRICT),
        "far": (Role.COMMUNITY, ELSEWHERE),
    }
    async with office.service.running():
        for who, (role, area) in roles.items():
            await office.meet(who, role, area)
        wang = await office.meet(NAME, grid=GRID)

        async def happen(desk: Desk) -> str:
            await desk.people.change(wang, phone=PHONE)
            fact = ProblemReported(
                wang, GRID, "noise", f"幸福里 3 栋 {DOOR} 室", f"{WORDS}，{DOOR} 室", ("a" * 64,), anonymous=True
            )
            await desk.happen(fact)
            case = (await desk.cases.in_area(GRID, list(Status)))[0]
            await desk.happen(CaseMoved(case.id, Move.REMARK, wang, f"{DOOR} 室又唱了"))
            await desk.happen(LetterWritten(case.id, wang, LETTER))
            return case.number

        number = await office.service.desks.write(happen)
        paths = walk.gets(walk.all_routes(), (number, "1"))
        assert any(number in path for path in paths)
        read = {}
        for who in roles:
            async with office.at_desk(who) as page:
                read[who] = await walk.every_page(page, paths)
    for who in ("zhou", "qian", "wu"):
        assert WORDS in read[who], who
    assert DOOR in read["zhou"]
    assert "a" * 64 in read["zhou"]
    for who in ("qian", "wu", "zhao", "far"):
        assert DOOR not in read[who], who
        assert "a" * 64 not in read[who], who
    for who in roles:
        assert PHONE not in read[who], who
        assert NAME not in read[who], who
        assert LETTER not in read[who], who
    for who in ("zhao", "far"):
        assert WORDS not in read[who], who


async def test_who_reads_the_whole_file_says_why_and_its_reporter_sees_it(
    settings: Settings, knowledge: Knowledge
) -> None:
    stage = Stage(settings, knowledge, restart=False)
    for who in ("wang", "li", "qian", "far"):
        await stage.introduce(who, *CAST[who])
    await stage.say("wang", f"报事 匿名，幸福里 3 栋 2 单元 {DOOR} 室{WORDS}扰民")
    await stage.say("qian", "我的任务")
    assert DOOR not in "\n".join(stage.heard("qian"))
    await stage.say("qian", "[调阅]")
    await stage.say("qian", "要核对地址")
    assert DOOR in "\n".join(stage.heard("qian"))
    await stage.say("wang", "我的报事")
    assert any("工作人员调阅全部内容" in line for line in stage.heard("wang"))
    assert not any("要核对地址" in line for line in stage.heard("wang"))
    await stage.close()


async def test_what_was_kept_back_is_not_inherited_by_whoever_joined(settings: Settings, knowledge: Knowledge) -> None:
    """The reporter takes an unnamed case back; somebody else's report was merged into it."""
    stage = Stage(settings, knowledge, restart=False)
    for who in ("wang", "chen", "li", "zhou"):
        await stage.introduce(who, *CAST[who])
    await stage.say("wang", f"报事 匿名，幸福里 3 栋 2 单元 {DOOR} 室{WORDS}扰民")
    await stage.say("chen", "报事 幸福里 9 栋噪声太吵，天天唱歌")

    async def merge(desk: Desk) -> None:
        ids = await _people(desk)
        await desk.happen(CaseMoved(2, Move.MERGE, ids["zhou"], into=1))

    await stage.service.desks.write(merge)
    await stage.say("wang", "[撤回]")
    await stage.say("wang", "[是]")
    await stage.say("chen", "我的报事")
    await walk.every_conversation(stage, "chen")
    shown = walk.read(stage._phones["chen"].messages)
    assert DOOR not in shown
    assert WORDS not in shown
    await stage.close()


async def _people(desk: Desk) -> dict[str, int]:
    from bot.core.words import Address

    found = {who: await desk.people.at(Address("web", "chat", who)) for who in CAST}
    return {who: each[1].id for who, each in found.items() if each}


_TERM = Term(1, Unit.HOUR)
_PRIVATE = Category("noise", "噪声", "street", Role.GRIDWORKER, "x", _TERM, _TERM, private=True)
_ABOUT = Category("conduct", "网格员服务", "community", Role.COMMUNITY, "x", _TERM, _TERM, private=True, to_staff=True)
_PUBLIC = Category("road", "道路", "street", Role.GRIDWORKER, "x", _TERM, _TERM)


def _case(**changes: object) -> Case:
    from dataclasses import replace

    whole = Case(1, "261123-0001", 1, GRID, "noise", "幸福里 3 栋", "吵", Status.HANDLING, 2, START, START)
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_a_complaint_about_the_gridworker_is_not_theirs_to_see_for_being_of_the_grid() -> None:
    case = _case(worker_id=None)
    for role, area in ((Role.GRIDWORKER, GRID), (Role.GRID_LEADER, COMMUNITY)):
        assert visible(case, Person(9, roles=(Held(role, area),)), _ABOUT) is None
    assert visible(case, Person(9, roles=(Held(Role.COMMUNITY, COMMUNITY),)), _ABOUT) is not None


def test_the_street_goes_to_no_door_unless_it_has_a_hand_in_it() -> None:
    street = Person(9, roles=(Held(Role.STREET, STREET),))
    for case, category, door in (
        (_case(), _PUBLIC, True),
        (_case(), _PRIVATE, False),
        (_case(anonymous=True), _PUBLIC, False),
        (_case(doers=(9,)), _PRIVATE, True),
        (_case(worker_id=9), _PRIVATE, True),
        (_case(checker_id=9), _PRIVATE, True),
    ):
        sight = visible(case, street, category)
        assert sight is not None
        assert sight.door is door, (case, category)
        assert not (case.anonymous and sight.phone)


def test_somebody_who_has_just_lost_the_office_sees_nothing() -> None:
    assert visible(_case(worker_id=9, doers=(9,)), Person(9), _PRIVATE) is None
    assert visible(_case(), Person(9), _PRIVATE) is None
    follower = visible(_case(), Person(9), _PRIVATE, follows=True)
    assert follower is not None
    assert (follower.door, follower.words, follower.photos, follower.inside) == (False, False, False, False)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("3 栋 2 单元 501 室半夜唱歌", "＊ ＊ ＊半夜唱歌"),
        ("楼上 602 漏水 3 天了", "楼上 ＊ 漏水 3 天了"),
        ("二单元一楼的人", "＊＊的人"),
        ("2026 年修的路，花了 300 元", "2026 年修的路，花了 300 元"),
        ("楼道堵了", "楼道堵了"),
    ],
)
def test_doors_are_taken_out_of_words(said: str, left: str) -> None:
    assert place.doorless(said) == left


@pytest.mark.parametrize(
    ("said", "seen"),
    [("幸福里 3 栋 2 单元 501 室", "幸福里"), ("幸福里", "幸福里"), ("月亮上", None)],
)
def test_a_place_is_told_to_its_estate(said: str, seen: str | None, knowledge: Knowledge) -> None:
    assert place.estate(said, knowledge.district) == seen


@pytest.mark.parametrize(
    ("said", "unnamed"),
    [
        ("匿名，幸福里 3 栋太吵", True),
        ("幸福里 3 栋太吵，匿名", True),
        ("幸福里 3 栋太吵。别说是我报的", True),
        ("楼下贴了匿名信骂人", False),
    ],
)
async def test_the_wish_to_stay_unnamed_is_heard(
    said: str, unnamed: bool, settings: Settings, knowledge: Knowledge
) -> None:
    stage = Stage(settings, knowledge, restart=False)
    await stage.introduce("wang", "居民", GRID)
    await stage.say("wang", f"报事 {said}")
    case = (await stage.service.desks.read(lambda desk: desk.cases.in_area(GRID, list(Status))))[0]
    assert case.anonymous is unnamed
    await stage.close()
