"""The operator who edits a district's folder is told every mistake at once, by file and line."""

import re
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.__main__ import main
from config import sample
from config.calendar import unannounced
from config.district import BadDistrict, Problem, check, load
from domain.areas import Level
from domain.district import District, answer_for
from domain.people import Role

JIANHUA = Path(__file__).parent.parent / "config" / "districts" / "jianhua"
TODAY = date(2026, 1, 15)

FAQ_FILE = "faq/home.toml"
FAQ = """
[[entry]]
id = "heating"
question = "几号供暖"
alts = ["什么时候来暖气"]
answer = \"\"\"
10 月 15 日。
[[entry]]
alts = 这两行是答案，不是表头。
\"\"\"
department = "供热中心"
source = "供热条例"
checked = 2025-10-01

[[entry]]
id = "dogs"  # [[entry]]
question = "养狗要办证吗？"
alts = [
    "狗证在哪办",
    "遛狗有什么规定",
]
answer = "要办。"
department = "派出所"
source = "养犬条例"
checked = 2025-10-02
valid_from = 2025-01-01
valid_until = 2026-12-31
confirmed = false

[[entry.local]]
areas = ["230203009200", "230203009201"]
answer = "到村委会登记。"

[[entry.local]]
areas = ["230203002001001"]
answer = "找王海燕登记。"
"""


@pytest.fixture(scope="module")
def jianhua() -> District:
    return load(JIANHUA)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy to break, with a short FAQ of its own: the real one is edited often."""
    copy = tmp_path / "jianhua"
    shutil.copytree(JIANHUA, copy)
    shutil.rmtree(copy / "faq")
    (copy / "faq").mkdir()
    (copy / FAQ_FILE).write_text(FAQ, encoding="utf-8")
    return copy


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="")


def line_of(path: Path, words: str) -> int:
    text = path.read_text(encoding="utf-8")
    return text[: text.index(words)].count("\n") + 1


def test_the_shipped_folder_has_no_problems() -> None:
    assert check(JIANHUA) == []


def test_every_subject_has_answers_asked_in_several_ways_and_resting_on_a_dated_document(jianhua: District) -> None:
    subjects = {
        path.stem: path.read_text(encoding="utf-8").count("\n[[entry]]\n") for path in (JIANHUA / "faq").iterdir()
    }
    assert len(subjects) == 22
    assert min(subjects.values()) >= 8
    assert sum(subjects.values()) == len(jianhua.entries) >= 200
    assert [entry.id for entry in jianhua.entries if len(entry.alts) < 2] == []
    # What we say of our own service, and what is said on an office's page, has no number.
    undated = [entry.id for entry in jianhua.entries if not re.search(r"[0-9]{4} ?年|〔[0-9]{4}〕", entry.source)]
    assert {entry.source for entry in jianhua.entries if entry.id in undated} == {
        "小马扎服务说明",
        "示例数据",
        "国家医疗保障局“国家医保服务平台”使用说明",
        "卫生健康部门预防一氧化碳中毒宣传要点",
    }


def test_297_urban_and_12_village_grids_of_three_kinds_lie_in_34_communities_and_4_villages(
    jianhua: District,
) -> None:
    present = jianhua.grids_in(jianhua.code, TODAY)
    levels = Counter(area.level for area in jianhua.communities())
    kinds = Counter(grid.kind for grid in present)
    assert levels == {Level.COMMUNITY: 34, Level.VILLAGE: 4}
    assert kinds == {"residential": 277, "exclusive": 20, "village": 12}
    assert set(kinds) == set(jianhua.kinds) == set(jianhua.duties)
    assert {len(jianhua.grids_in(area.code, TODAY)) for area in jianhua.communities()} == {3, 8, 9}


def test_every_grid_has_one_gridworker_a_place_and_every_community_one_leader(jianhua: District) -> None:
    present = [grid.code for grid in jianhua.grids_in(jianhua.code, TODAY)]
    workers = [worker.area for worker in jianhua.workers if worker.role == Role.GRIDWORKER]
    leaders = [worker.area for worker in jianhua.workers if worker.role == Role.GRID_LEADER]
    assert sorted(workers) == present == sorted({place.grid for place in jianhua.places})
    assert sorted(leaders) == [area.code for area in jianhua.communities()]


def test_old_codes_lead_to_the_grids_that_took_over(jianhua: District) -> None:
    old = [grid.code for grid in jianhua.grids.values() if not grid.in_force(TODAY)]
    heirs = {code: [grid.code for grid in jianhua.heirs(code, TODAY)] for code in old}
    assert heirs == {
        "230203002003004": ["230203002003008", "230203002003009"],
        "230203002006002": ["230203002006010"],
        "230203002006003": ["230203002006010"],
        "230203004002005": ["230203004002009"],
        "230203004005003": ["230203004005010"],
        "230203004005009": ["230203004005010"],
    }


def test_the_three_demonstration_phones_belong_together(jianhua: District) -> None:
    resident, gridworker, staff = jianhua.phones
    worker = next(worker for worker in jianhua.workers if worker.key == gridworker.worker)
    assert worker.name == gridworker.name
    assert resident.grid == worker.area
    assert worker.area.startswith(staff.holds[0].area)
    home = next(place for place in jianhua.places if place.grid == resident.grid)
    assert (home.estate, home.first_block, home.last_block) == ("幸福里", 1, 8)


def test_no_invented_person_passes_for_a_real_one(jianhua: District) -> None:
    assert all(worker.sample and worker.name.endswith("（示例）") for worker in jianhua.workers)
    assert all(worker.phone.startswith("1380000") for worker in jianhua.workers if worker.phone)
    assert all(place.sample for place in jianhua.places)
    assert all(grid.sample for grid in jianhua.grids.values())


def test_the_sample_is_generated_to_the_same_bytes(tmp_path: Path) -> None:
    shutil.copy(JIANHUA / "areas.csv", tmp_path)
    sample.write(tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (JIANHUA / path.name).read_bytes(), path.name


class Slip(NamedTuple):
    """`old` became `new` in `file`; then `text` is told at the line of `at`, there or in `told_in`."""

    file: str
    old: str
    new: str
    at: str
    text: str
    told_in: str = ""


VILLAGE = "230203009203,黎明村民委员会,village,230203009000"
ENDED = "230203002003004,福鼎社区第四网格,residential,2022-05-01,2024-06-30,230203002003008 230203002003009,yes"
WORKER = "w-009203003,"
DOGS = 'id = "dogs"'

# The rest of a department that is as it should be.
REST = 'name = "气象局"\nshort = "气象局"\nlevel = "district"\nattend = "1 小时"\n'
SLIPS = {
    "an area code of 13 digits": Slip(
        "areas.csv",
        VILLAGE,
        f"2302030092040,新村,village,230203009000\n{VILLAGE}",
        "新村",
        "code 2302030092040 应是 12 位数字（用 Excel 保存前请把这一列设为文本）",
    ),
    "an area whose parent is missing": Slip(
        "areas.csv",
        VILLAGE,
        f"230203010204,新村,village,230203010000\n{VILLAGE}",
        "新村",
        "上级 230203010000 不在 areas.csv 里",
    ),
    "an area outside its parent": Slip(
        "areas.csv",
        VILLAGE,
        f"230203008204,新村,village,230203009000\n{VILLAGE}",
        "新村",
        "230203008204 不是上级 230203009000 范围内的编码",
    ),
    "an area of an unknown level": Slip(
        "areas.csv",
        VILLAGE,
        f"230203009204,新村,hamlet,230203009000\n{VILLAGE}",
        "新村",
        "level hamlet 不是这几个之一：province、city、district、street、community、village",
    ),
    "an area code twice": Slip(
        "areas.csv",
        VILLAGE,
        f"{VILLAGE}\n230203009203,新村,village,230203009000",
        "新村",
        "code 230203009203 与第 49 行重复",
    ),
    "a grid code that Excel has shortened": Slip(
        "grids.csv",
        ENDED,
        ENDED.replace("230203002003004", "2.30203E+14", 1),
        "2.30203E+14",
        "code 2.30203E+14 应是 15 位数字（用 Excel 保存前请把这一列设为文本）",
    ),
    "a grid in no community": Slip(
        "grids.csv",
        ENDED,
        ENDED.replace("230203002003004", "230203002099004", 1),
        "230203002099004",
        "前 12 位 230203002099 不是 areas.csv 里的社区或村",
    ),
    "a grid in a street instead of a community": Slip(
        "grids.csv",
        ENDED,
        ENDED.replace("230203002003004", "230203002000004", 1),
        "230203002000004",
        "前 12 位 230203002000 不是 areas.csv 里的社区或村",
    ),
    "a grid code twice": Slip(
        "grids.csv",
        ENDED,
        f"{ENDED}\n{ENDED.replace('第四', '新四')}",
        "新四",
        "code 230203002003004 与第 13 行重复",
    ),
    "a grid without a name": Slip("grids.csv", "福鼎社区第四网格", "", ENDED[:15], "缺少 name"),
    "a grid of an unknown kind": Slip(
        "grids.csv",
        ENDED,
        ENDED.replace("residential", "urban"),
        ENDED[:15],
        "kind urban 不是网格类别（见 [kinds]）",
    ),
    "a successor that does not exist": Slip(
        "grids.csv",
        "230203002003008 230203002003009",
        "230203002003008 230203002003099",
        ENDED[:15],
        "接替网格 230203002003099 不在 grids.csv 里",
    ),
    "successors in a circle": Slip(
        "grids.csv",
        "230203004005010,yes",
        "230203004005003,yes",
        "230203004005003,",
        "接替关系绕成了圈：230203004005003 → 230203004005009 → 230203004005003",
    ),
    "a grid that succeeds itself": Slip(
        "grids.csv",
        "230203002003008 230203002003009",
        "230203002003004",
        ENDED[:15],
        "接替关系绕成了圈：230203002003004 → 230203002003004",
    ),
    "an ended grid without a successor": Slip(
        "grids.csv",
        "230203002003008 230203002003009",
        "",
        ENDED[:15],
        "停用的网格要写明接替网格（successors）",
    ),
    "a successor without an end": Slip(
        "grids.csv",
        "福鼎社区第三网格,residential,2022-05-01,,",
        "福鼎社区第三网格,residential,2022-05-01,,230203002003005",
        "福鼎社区第三网格",
        "有接替网格，却没有停用日期（until）",
    ),
    "a grid that ends before it begins": Slip(
        "grids.csv", "2024-06-30", "2021-06-30", ENDED[:15], "停用日期 2021-06-30 早于启用日期 2022-05-01"
    ),
    "a day that does not exist": Slip(
        "grids.csv", "2024-06-30", "2024-06-31", ENDED[:15], "until 2024-06-31 不是日期，例如：2026-01-31"
    ),
    "a grid without a first day": Slip(
        "grids.csv",
        "福鼎社区第四网格,residential,2022-05-01",
        "福鼎社区第四网格,residential,",
        ENDED[:15],
        "缺少 since",
    ),
    "a row with a cell too many": Slip("grids.csv", ENDED, f"{ENDED},yes", ENDED[:15], "应有 7 格，这一行有 8 格"),
    "a grid without a gridworker": Slip(
        "gridworkers.csv",
        ",gridworker,230203009203003,",
        ",gridworker,230203009203002,",
        "230203009203003",
        "黎明村第三网格还没有网格员，请写进 gridworkers.csv",
        told_in="grids.csv",
    ),
    "a place in an unknown grid": Slip(
        "places.csv",
        "230203009203003,黎明村五组",
        "230203009203009,黎明村五组",
        "黎明村五组",
        "grid 230203009203009 不是网格（见 grids.csv）",
    ),
    "blocks claimed by two grids": Slip(
        "places.csv", "幸福里,槐安路,6,9,16", "幸福里,槐安路,6,8,16", "6,8,16", "幸福里 与第 2 行重叠"
    ),
    "an estate given whole to a second grid": Slip(
        "places.csv", "幸福里,槐安路,6,9,16", "幸福里,槐安路,6,,", "6,,", "幸福里 与第 2 行重叠"
    ),
    "a stretch of road given twice": Slip(
        "places.csv",
        "230203002001005,,石板街,160-198,,,yes",
        "230203002001005,,石板街,160-198,,,yes\n230203002001006,,石板街,160-198,,,yes",
        "230203002001006,,",
        "石板街 160-198 与第 8 行重叠",
    ),
    "blocks counted backwards": Slip(
        "places.csv",
        "幸福里,槐安路,6,1,8",
        "幸福里,槐安路,6,8,1",
        "6,8,1",
        "楼号范围应从小到大，两头都写，或都留空",
    ),
    "a block that is no number": Slip(
        "places.csv",
        "幸福里,槐安路,6,9,16",
        "幸福里,槐安路,6,9,16栋",
        "16栋",
        "last_block 应是不小于 0 的整数",
    ),
    "a place with no name": Slip(
        "places.csv", "黎明村五组", "", "230203009203003,,", "小区（estate）和道路（road）至少写一个"
    ),
    "a worker of an unknown role": Slip(
        "gridworkers.csv",
        "（示例）,gridworker,230203009203003",
        "（示例）,helper,230203009203003",
        WORKER,
        "role helper 不是这几个之一：gridworker、grid_leader",
    ),
    "a leader of a grid": Slip(
        "gridworkers.csv",
        ",grid_leader,230203002001,",
        ",grid_leader,230203002001001,",
        "l-002001",
        "area 230203002001001 不是社区或村（见 areas.csv）",
    ),
    "a worker of an unknown grid": Slip(
        "gridworkers.csv",
        WORKER,
        f"w-x,某某（示例）,gridworker,230203009203009,,no,,yes,\n{WORKER}",
        "w-x",
        "area 230203009203009 不是网格（见 grids.csv）",
    ),
    "a worker's key twice": Slip(
        "gridworkers.csv", "w-002003010", "w-002003001", "w-002003001,何", "key w-002003001 与第 10 行重复"
    ),
    "a worker who stands in for themselves": Slip(
        "gridworkers.csv",
        "8:30–17:00,yes,w-002001002",
        "8:30–17:00,yes,w-002001001",
        "w-002001001",
        "代班的（stand_in）不能是本人",
    ),
    "a stand-in from elsewhere": Slip(
        "gridworkers.csv",
        "8:30–17:00,yes,w-002001002",
        "8:30–17:00,yes,w-002003001",
        "w-002001001",
        "stand_in w-002003001 不是同一社区网格员的 key",
    ),
    "a phone with letters": Slip(
        "gridworkers.csv", "13800000001", "138OOOO0001", "w-002001001", "电话 138OOOO0001 应只有数字和“-”"
    ),
    "a yes that is a maybe": Slip(
        "gridworkers.csv",
        "13800000001,no",
        "13800000001,maybe",
        "w-002001001",
        "phone_public 应写 yes 或 no（TOML 里写 true 或 false）",
    ),
    "a district that is no area": Slip(
        "district.toml",
        'code = "230203000000"',
        'code = "230204000000"',
        "code =",
        "code 230204000000 不是区的编码（见 areas.csv）",
    ),
    "a timezone nobody knows": Slip(
        "district.toml",
        "Asia/Shanghai",
        "Asia/Qiqihar",
        "timezone",
        "没有 Asia/Qiqihar 这个时区，例如：Asia/Shanghai",
    ),
    "a time past midnight": Slip(
        "district.toml", "21:30", "24:30", "quiet_from", "quiet_from 24:30 不是时间，例如：07:30"
    ),
    "a fact left out": Slip("district.toml", 'hotline = "12345"\n', "", "# 建华区", "缺少 hotline"),
    "a fact that is not text": Slip(
        "district.toml", 'hotline = "12345"', "hotline = 12345", "hotline", "hotline 应是加引号的文字"
    ),
    "a misspelt key": Slip(
        "district.toml",
        'hotline = "12345"',
        'hotline = "12345"\nhotlime = "1"',
        "hotlime",
        "不认识 hotlime，这里可以写：name、city、code、timezone、sample、hotline、quiet_from、quiet_until、"
        "digest_at、digest_again_at、push_budget、patrol_minutes、patrol_days、office_from、office_until、office_days、"
        "same_within、reopen_within、answer_within、stale_days、kinds、duties、phone、council",
    ),
    "office days": Slip(
        "district.toml",
        "office_days = [1, 2, 3, 4, 5]",
        "office_days = [0, 8]",
        "office_days",
        "office_days 应是一列 1 到 7 的数，周一是 1，例如：[1, 2, 3, 4, 5]",
    ),
    "a kind without duties": Slip(
        "district.toml", "[kinds]", '[kinds]\nriver = "河道网格"', "[duties]", "[duties] 里没有 river 的职责"
    ),
    "duties of an unknown kind": Slip(
        "district.toml",
        "[duties]",
        '[duties]\nriver = ["巡河"]',
        "river",
        "[duties] 里的 river 不在 [kinds] 里",
    ),
    "TOML that is none": Slip(
        "district.toml",
        'city = "齐齐哈尔市"',
        "city = 齐齐哈尔市",
        "city",
        "TOML 写法不对，请看引号、等号和括号：Invalid value (at line 3, column 8)",
    ),
    "a phone in an unknown grid": Slip(
        "district.toml",
        'grid = "230203002001001"',
        'grid = "230203002001099"',
        "grid =",
        "grid 230203002001099 不是网格（见 grids.csv）",
    ),
    "a phone of an unknown worker": Slip(
        "district.toml",
        'worker = "w-002001001"',
        'worker = "w-1"',
        "worker =",
        "worker w-1 不是网格员的 key（见 gridworkers.csv）",
    ),
    "a phone that holds an unknown role": Slip(
        "district.toml",
        '["community", "230203002001"]',
        '["mayor", "230203002001"]',
        "holds",
        "holds 应是 [角色, 区域编码]，部门的人再加部门的代号，都要存在：['mayor', '230203002001']",
    ),
    "a phone that holds an unknown area": Slip(
        "district.toml",
        '["community", "230203002001"]',
        '["community", "230203002002"]',
        "holds",
        "holds 应是 [角色, 区域编码]，部门的人再加部门的代号，都要存在：['community', '230203002002']",
    ),
    "a phone's key twice": Slip(
        "district.toml",
        'key = "staff"',
        'key = "resident"  # 2',
        'key = "resident"  # 2',
        "key resident 与第 80 行重复",
    ),
    "a phone of an unknown department": Slip(
        "district.toml",
        '["community", "230203002001"]',
        '["department", "230203000000", "navy"]',
        "holds",
        "holds 应是 [角色, 区域编码]，部门的人再加部门的代号，都要存在：['department', '230203000000', 'navy']",
    ),
    "a department twice": Slip(
        "departments.toml",
        'code = "housing"',
        'code = "parks"  # 2\n' + REST + '\n[[department]]\ncode = "housing"',
        'code = "parks"\n',
        "code parks 与第 14 行重复",
    ),
    "a department's code in Chinese": Slip(
        "departments.toml",
        'code = "housing"',
        'code = "园林"\n' + REST + '\n[[department]]\ncode = "housing"',
        'code = "园林"',
        "code 只用小写字母、数字和“-”",
    ),
    "a department that cannot be told from another": Slip(
        "departments.toml", 'short = "住建局"', 'short = "城管局" ', 'short = "城管局" ', "short 城管局 与第 5 行重复"
    ),
    "a department too long for a button": Slip(
        "departments.toml",
        'short = "住建局"',
        'short = "区住房和城乡建设管理局"',
        "建设管理局",
        "short 有 11 个字，按钮上最多放 10 个",
    ),
    "a department of no level": Slip(
        "departments.toml",
        'level = "street"',
        'level = "grid"',
        'level = "grid"',
        "level grid 不是这几个之一：district、street、community",
    ),
    "a department that comes whenever it likes": Slip(
        "departments.toml",
        'attend = "30 分钟"',
        'attend = "尽快"',
        "尽快",
        "attend 尽快 不是时限，例如：2 小时、24 工作时、3 工作日",
    ),
    "a duty phone that is none": Slip(
        "departments.toml", "0452-0000006", "打 110", "打 110", "电话 打 110 应只有数字和“-”"
    ),
    "a category of an unknown department": Slip(
        "categories.toml",
        'department = "parks"',
        'department = "区园林绿化中心"',
        'department = "区园',
        "department 区园林绿化中心 不是部门的代号（见 departments.toml）",
    ),
    "a category of an unknown level": Slip(
        "categories.toml",
        'level = "district"',
        'level = "village"',
        "level",
        "level village 不是这几个之一：community、street、district",
    ),
    "a category for an unknown role": Slip(
        "categories.toml",
        'role = "gridworker"',
        'role = "resident"',
        "role",
        "role resident 不是这几个之一：gridworker、grid_leader、community、street、district",
    ),
    "a deadline of no known unit": Slip(
        "categories.toml",
        'deadline = "24 工作时"',
        'deadline = "-3 礼拜"',
        "deadline =",
        "deadline -3 礼拜 不是时限，例如：2 小时、24 工作时、3 工作日",
    ),
    "a deadline without a unit": Slip(
        "categories.toml", 'deadline = "24 工作时"', "deadline = 72", "deadline =", "deadline 应是加引号的文字"
    ),
    "a warning after the deadline": Slip(
        "categories.toml",
        'warn = "8 工作时"',
        'warn = "3 工作日"',
        "warn =",
        "提前 3 工作日提醒，应短于时限 24 工作时",
    ),
    "a warning in working time of what runs day and night": Slip(
        "categories.toml",
        'deadline = "24 工作时"',
        'deadline = "72 小时"',
        "warn =",
        "时限 72 小时 一直计时，提前多久提醒（8 工作时）也要写分钟、小时或天",
    ),
    "a category code twice": Slip(
        "categories.toml",
        'code = "road"',
        'code = "street-lamp" ',
        '[[category]]\ncode = "street-lamp" ',
        "street-lamp 与第 7 行的那一段重叠：一开始 至 以后，一开始 至 以后",
    ),
    "a category that ends before its next entry begins": Slip(
        "categories.toml",
        "since = 2027-01-01",
        "since = 2027-01-03",
        "since = 2027-01-03",
        "rubbish 在第 115 行的那一段以后空了 2 天：一开始 至 2026-12-31，2027-01-03 至 以后",
    ),
    "a category whose entries overlap": Slip(
        "categories.toml",
        "since = 2027-01-01",
        "since = 2026-12-31",
        "since = 2026-12-31",
        "rubbish 与第 115 行的那一段重叠：一开始 至 2026-12-31，2026-12-31 至 以后",
    ),
    "a category that ends before it begins": Slip(
        "categories.toml",
        'nature = "event"\nbasis = "《城市道路管理条例》"',
        'nature = "event"\nsince = 2026-02-01\nuntil = 2026-01-31\nbasis = "《城市道路管理条例》"',
        "until = 2026-01-31",
        "最后一天 2026-01-31 早于第一天 2026-02-01",
    ),
    "the rest from a day on only": Slip(
        "categories.toml",
        'basis = "《中华人民共和国城市居民委员会组织法》"',
        'basis = "《中华人民共和国城市居民委员会组织法》"\nsince = 2026-01-01',
        "since = 2026-01-01",
        "other（其他）要一直有：第一段不写 since，最后一段不写 until",
    ),
    "a category of no nature": Slip(
        "categories.toml",
        'nature = "component"',
        'nature = "thing"',
        "nature = ",
        "nature thing 不是这几个之一：component、event",
    ),
    "a category that rests on nothing": Slip(
        "categories.toml", 'basis = "《城市照明管理规定》"', "", '[[category]]\ncode = "street-lamp"', "缺少 basis"
    ),
    "a category code in capitals": Slip(
        "categories.toml", 'code = "road"', 'code = "Road"', "Road", "code 只用小写字母、数字和“-”"
    ),
    "no category for the rest": Slip(
        "categories.toml",
        'code = "other"',
        'code = "rest"',
        "#",
        '缺少 code = "other"（其他）：认不出的问题归在这里',
    ),
    "words that are one word": Slip(
        "categories.toml",
        "words = []",
        'words = "其他"',
        'words = "',
        'words 应是一列文字，例如：["甲", "乙"]',
    ),
    "hours of a day that is none": Slip(
        "calendar.toml", 'since = "05-01"', 'since = "五一"', "since =", "since 五一 不是几月几日，例如：05-01"
    ),
    "two seasons from one day": Slip(
        "calendar.toml", 'since = "10-01"', 'since = "05-01" ', 'since = "05-01" ', "since 05-01 与第 5 行重复"
    ),
    "a stretch of work nobody can read": Slip(
        "calendar.toml", '"13:30-17:30"', '"13:30-24:30"', "work =", "work 13:30-24:30 不是一段时间，例如：08:00-12:00"
    ),
    "stretches of work that overlap": Slip(
        "calendar.toml", '"13:30-17:30"', '"11:30-17:30"', "work =", "work 11:30-17:30 应从早到晚，各段不重叠"
    ),
    "a holiday that is no day": Slip(
        "calendar.toml",
        '    "2027-04-05",',
        '    "2027-04-31",',
        "off = [",
        "off 2027-04-31 不是日期，例如：2026-10-01、2026-10-01 至 2026-10-07",
    ),
    "a holiday that ends before it begins": Slip(
        "calendar.toml",
        "2027-05-01 至 2027-05-02",
        "2027-05-02 至 2027-05-01",
        "off = [",
        "off 2027-05-02 至 2027-05-01 不是日期，例如：2026-10-01、2026-10-01 至 2026-10-07",
    ),
    "a holiday that ends a year later": Slip(
        "calendar.toml",
        "2027-05-01 至 2027-05-02",
        "2027-05-01 至 2028-05-02",
        "off = [",
        "off 2027-05-01 至 2028-05-02 不是日期，例如：2026-10-01、2026-10-01 至 2026-10-07",
    ),
    "a holiday of another year": Slip(
        "calendar.toml", '    "2027-04-05",', '    "2028-04-04",', "off = [", "2028-04-04 不在 2027 年"
    ),
    "a holiday twice": Slip(
        "calendar.toml", '    "2027-04-05",', '    "2027-01-01",', "off = [", "2027-01-01 写了两遍"
    ),
    "a swapped workday in the middle of the week": Slip(
        "calendar.toml", "on = []", 'on = ["2027-02-10"]', "on =", "2027-02-10 是星期三，本来就上班"
    ),
    "a year twice": Slip(
        "calendar.toml", "[own]", "[[year]]\nyear = 2027\n\n[own]", "year = 2027\n\n[own]", "year 2027 与第 19 行重复"
    ),
    "no days of the district's own": Slip("calendar.toml", "[own]\noff = []\non = []\n", "", "#", "缺少 [own]"),
    "a level that nobody climbs to": Slip(
        "calendar.toml",
        'to = "street"',
        'to = "city"',
        'to = "city"',
        "to city 不是这几个之一：grid_leader、community、street、district",
    ),
    "a level twice": Slip(
        "calendar.toml", 'to = "street"', 'to = "community" ', 'to = "community" ', "to community 与第 45 行重复"
    ),
    "a level without its time": Slip("calendar.toml", 'nonstop = "30 分钟"', "", "[[climb]]", "缺少 nonstop"),
    "an entry id twice": Slip(FAQ_FILE, DOGS, 'id = "heating" ', 'id = "heating" ', "id heating 与第 2 行重复"),
    "a question twice": Slip(
        FAQ_FILE, "养狗要办证吗？", "几號供暖？", "几號供暖？", "“几號供暖？”与第 2 行的 heating 重复"
    ),
    "an alt that is another entry's": Slip(
        FAQ_FILE, "遛狗有什么规定", "什么时候来暖气", "alts = [\n", "“什么时候来暖气”与第 2 行的 heating 重复"
    ),
    "an alt that is the entry's own question": Slip(
        FAQ_FILE, "遛狗有什么规定", "养狗 要办证吗", "alts = [\n", "“养狗 要办证吗”在这一条里写了两遍"
    ),
    "a local answer for an area nobody knows": Slip(
        FAQ_FILE,
        "230203009201",
        "230203009299",
        "areas",
        "230203009299 不是区域或网格的编码（见 areas.csv、grids.csv）",
    ),
    "a local answer for no area": Slip(
        FAQ_FILE,
        'areas = ["230203009200", "230203009201"]\n',
        "",
        "[[entry.local]]",
        'areas 应是一列文字，例如：["甲", "乙"]',
    ),
    "two local answers for one area": Slip(
        FAQ_FILE, "230203002001001", "230203009201", 'areas = ["230203009201"]', "230203009201 在这一条里已有答案"
    ),
    "a local answer without words": Slip(FAQ_FILE, "到村委会登记。", "", 'answer = ""\n', "缺少 answer"),
    "a local answer too long to send": Slip(
        FAQ_FILE, "到村委会登记。", "村" * 601, "村" * 601, "答案有 601 个字，最多 600 个"
    ),
    "a local answer with a key nobody knows": Slip(
        FAQ_FILE,
        'areas = ["230203002001001"]',
        'areas = ["230203002001001"]\narea = "x"',
        'area = "x"',
        "不认识 area，这里可以写：areas、answer",
    ),
    "a local answer written once": Slip(
        FAQ_FILE,
        "checked = 2025-10-01",
        "checked = 2025-10-01\n[entry.local]\nareas = []",
        "[[entry]]",
        "local 应写成 [[entry.local]]",
    ),
    "a confirmation that is neither": Slip(
        FAQ_FILE,
        "confirmed = false",
        'confirmed = "也许"',
        "confirmed",
        "confirmed 应写 yes 或 no（TOML 里写 true 或 false）",
    ),
    "an answer too long to send": Slip(FAQ_FILE, "要办。", "办" * 601, "办" * 601, "答案有 601 个字，最多 600 个"),
    "an entry without an id": Slip(FAQ_FILE, DOGS, "", "[[entry]]\n  # [", "缺少 id"),
    "an entry that expires before it holds": Slip(
        FAQ_FILE, "2026-12-31", "2024-12-31", "valid_until", "失效日期 2024-12-31 早于生效日期 2025-01-01"
    ),
    "an entry checked on no day": Slip(
        FAQ_FILE,
        "checked = 2025-10-02",
        'checked = "去年"',
        'checked = "去年"',
        "checked 去年 不是日期，例如：2026-01-31",
    ),
    "an entry never checked": Slip(FAQ_FILE, "checked = 2025-10-01", "", "[[entry]]", "缺少 checked"),
    "an entry with an empty source": Slip(FAQ_FILE, "供热条例", "", "source", "缺少 source"),
    "an entry without an answer": Slip(FAQ_FILE, 'answer = "要办。"', "", '[[entry]]\nid = "dogs"', "缺少 answer"),
    "an entry without a question": Slip(
        FAQ_FILE, 'question = "养狗要办证吗？"', "", '[[entry]]\nid = "dogs"', "缺少 question"
    ),
    "an entry without a department": Slip(
        FAQ_FILE, 'department = "派出所"', "", '[[entry]]\nid = "dogs"', "缺少 department"
    ),
    "entry written once": Slip(FAQ_FILE, FAQ, '[entry]\nid = "a"', "[entry]", "entry 应写成 [[entry]]"),
    "a synonym alone": Slip(
        "synonyms.toml", 'words = ["什么", "啥"]', 'words = ["啥"]', 'words = ["啥"]', "同义词至少写两个"
    ),
    "a synonym twice": Slip(
        "synonyms.toml", '["什么", "啥"]', '["什么", "咋"]', '["什么", "咋"]', "“咋”与第 13 行的同义词重复"
    ),
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
def test_each_slip_is_told_once_with_its_file_and_line(folder: Path, slip: Slip) -> None:
    edit(folder / slip.file, slip.old, slip.new)
    told_in = slip.told_in or slip.file
    assert check(folder) == [Problem(told_in, line_of(folder / told_in, slip.at), slip.text)]


def test_all_problems_are_told_at_once_by_file_and_line(folder: Path) -> None:
    edit(folder / "categories.toml", 'deadline = "24 工作时"', 'deadline = "0 工作时"')
    edit(folder / "grids.csv", "2024-06-30", "去年")
    edit(folder / "grids.csv", "2022-05-01", "前年")
    edit(folder / "district.toml", "07:30", "7 点半")
    with pytest.raises(BadDistrict) as bad:
        load(folder)
    assert str(bad.value).splitlines() == [
        "categories.toml:13: deadline 0 工作时 不是时限，例如：2 小时、24 工作时、3 工作日",
        "district.toml:9: quiet_until 7 点半 不是时间，例如：07:30",
        "grids.csv:2: since 前年 不是日期，例如：2026-01-31",
        "grids.csv:13: until 去年 不是日期，例如：2026-01-31",
    ]
    assert bad.value.problems == check(folder)


# A district without mediations has no mediation.toml.
NEEDED = sorted(
    path.name for path in JIANHUA.iterdir() if path.suffix in (".csv", ".toml") and path.stem != "mediation"
)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_file_is_named_and_nobody_is_blamed_for_referring_to_it(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert check(folder) == [Problem(name, 1, "缺少这个文件，或无法读取")]


def test_a_district_without_mediations_needs_no_file_of_them(folder: Path) -> None:
    (folder / "mediation.toml").unlink()
    assert not load(folder).rooms


@pytest.mark.parametrize("name", ["areas.csv", "grids.csv", "places.csv", "gridworkers.csv"])
def test_a_missing_column_is_named_and_nobody_is_blamed_for_referring_to_it(folder: Path, name: str) -> None:
    header = (folder / name).read_text(encoding="utf-8").split("\n")[0]
    first = header.split(",")[0]
    edit(folder / name, first, f"my_{first}")
    assert check(folder) == [Problem(name, 1, f"缺少列 {first}")]


def test_a_file_saved_as_gbk_is_named_at_its_first_chinese_line(folder: Path) -> None:
    path = folder / "places.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gbk"))
    assert check(folder) == [Problem("places.csv", 2, "不是 UTF-8 编码（可能是 GBK），请另存为 UTF-8")]


def test_a_quote_left_open_is_named_where_it_opens(folder: Path) -> None:
    edit(folder / "gridworkers.csv", "w-002001003,", 'w-002001003,"')
    assert check(folder) == [Problem("gridworkers.csv", 4, "引号没有成对，从这一行起读不下去")]


def test_an_empty_folder_is_told_every_file_it_lacks(tmp_path: Path) -> None:
    assert len(check(tmp_path)) == 10


def test_what_excel_does_to_a_csv_is_accepted(folder: Path, jianhua: District) -> None:
    for path in folder.glob("*.csv"):
        text = path.read_text(encoding="utf-8").replace("2022-05-01", "2022/5/1").replace("yes", "TRUE")
        path.write_text(f"{text},,,,\n\n", encoding="utf-8-sig", newline="\r\n")
    assert load(folder).grids == jianhua.grids
    assert load(folder).workers == jianhua.workers


def test_a_line_is_the_files_own_below_blank_lines_and_cells_of_two_lines(folder: Path) -> None:
    edit(folder / "grids.csv", "福鼎社区第一网格", '"福鼎社区\n第一网格"')
    edit(folder / "grids.csv", ENDED, f"\n{ENDED.replace('2024-06-30', '?')}")
    line = line_of(folder / "grids.csv", ENDED[:15])
    assert line == 15
    assert check(folder) == [Problem("grids.csv", line, "until ? 不是日期，例如：2026-01-31")]


def test_an_answer_that_looks_like_a_table_does_not_move_the_lines(folder: Path) -> None:
    entry = load(folder).entries[0]
    assert "[[entry]]" in entry.answer
    edit(folder / FAQ_FILE, "养犬条例", "")
    assert check(folder) == [Problem(FAQ_FILE, line_of(folder / FAQ_FILE, 'source = ""'), "缺少 source")]


def test_an_optional_key_misspelt_is_not_left_out_in_silence(folder: Path) -> None:
    edit(folder / FAQ_FILE, "valid_until", "valid_untill")
    (problem,) = check(folder)
    assert problem.line == line_of(folder / FAQ_FILE, "valid_untill")
    assert problem.text.startswith("不认识 valid_untill")


def test_entries_of_two_files_are_compared_and_every_problem_names_its_file(folder: Path) -> None:
    copy = FAQ.replace('"heating"', '"stoves"').replace("养狗要办证吗", "养猫要办证吗").replace("派出所", "")
    (folder / "faq" / "pets.toml").write_text(copy, encoding="utf-8")
    (folder / "faq" / ".pets.toml").write_text("an editor's leftovers", encoding="utf-8")
    pets = folder / "faq" / "pets.toml"
    heating, dogs = line_of(folder / FAQ_FILE, "[[entry]]"), line_of(folder / FAQ_FILE, '[[entry]]\nid = "dogs"')
    assert check(folder) == sorted(
        [
            Problem(
                "faq/pets.toml", line_of(pets, "question"), f"“几号供暖”与 {FAQ_FILE} 第 {heating} 行的 heating 重复"
            ),
            Problem(
                "faq/pets.toml",
                line_of(pets, 'alts = ["什'),
                f"“什么时候来暖气”与 {FAQ_FILE} 第 {heating} 行的 heating 重复",
            ),
            Problem("faq/pets.toml", line_of(pets, DOGS), f"id dogs 与 {FAQ_FILE} 第 {dogs} 行重复"),
            Problem(
                "faq/pets.toml", line_of(pets, "alts = [\n"), f"“狗证在哪办”与 {FAQ_FILE} 第 {dogs} 行的 dogs 重复"
            ),
            Problem(
                "faq/pets.toml", line_of(pets, "alts = [\n"), f"“遛狗有什么规定”与 {FAQ_FILE} 第 {dogs} 行的 dogs 重复"
            ),
            Problem("faq/pets.toml", line_of(pets, 'department = ""'), "缺少 department"),
        ]
    )


def test_a_district_without_any_answers_is_told_so(folder: Path) -> None:
    (folder / FAQ_FILE).unlink()
    assert check(folder) == [Problem("faq", 1, "缺少这个文件夹，或里面没有 .toml 文件")]


def test_a_policy_is_answered_as_it_holds_where_the_person_lives(folder: Path) -> None:
    edit(folder / FAQ_FILE, 'areas = ["230203002001001"]', 'areas = ["230203002"]')
    with (folder / FAQ_FILE).open("a", encoding="utf-8") as file:
        file.write('[[entry.local]]\nareas = ["230203002001"]\nanswer = "到民乐社区登记。"\n')
        file.write('[[entry.local]]\nareas = ["230203002001002"]\nanswer = "在楼下登记。"\n')
    heating, dogs = load(folder).entries
    assert answer_for(dogs, None) == answer_for(dogs, "230203004001001") == "要办。"
    assert answer_for(dogs, "230203009201001") == "到村委会登记。"
    assert answer_for(dogs, "230203002003001") == "找王海燕登记。"
    assert answer_for(dogs, "230203002001001") == "到民乐社区登记。"
    assert answer_for(dogs, "230203002001002") == "在楼下登记。"
    assert answer_for(heating, "230203002001002") == heating.answer


def test_local_answers_in_one_line_are_checked_too(folder: Path) -> None:
    edit(folder / FAQ_FILE, "checked = 2025-10-01", 'checked = 2025-10-01\nlocal = [{areas = ["1"], answer = "甲"}]')
    line = line_of(folder / FAQ_FILE, "local =")
    assert check(folder) == [Problem(FAQ_FILE, line, "1 不是区域或网格的编码（见 areas.csv、grids.csv）")]


def test_check_lists_the_answers_whose_source_nobody_could_confirm(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["jianhua：没有错误", "待核实的问答 1 条：dogs"]
    edit(folder / FAQ_FILE, "confirmed = false", "confirmed = true")
    assert main(["check", str(folder)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("jianhua：没有错误\n")
    assert "待核实" not in told
    assert "条政策问答该核对了" in told
    edit(folder / FAQ_FILE, "要办。", "")
    assert main(["check", str(folder)]) == 1
    line = line_of(folder / FAQ_FILE, 'answer = ""\n')
    assert capsys.readouterr().out.splitlines() == [f"{FAQ_FILE}:{line}: 缺少 answer", "jianhua：1 处错误"]


def test_check_names_a_year_in_reach_whose_holidays_are_not_written_down(
    folder: Path, capsys: pytest.CaptureFixture[str], jianhua: District
) -> None:
    this_year = datetime.now(UTC).year
    assert main(["check", str(folder)]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "calendar.toml" in line]
    assert told == [
        f"{year} 年的放假和调休还没写进 calendar.toml，暂按星期和法定节日算；国务院办公厅公布后请补上，不算错误。"
        for year in unannounced(jianhua.calendar, jianhua.day(datetime.now(UTC)))
    ]
    years = "".join(f'[[year]]\nyear = {year}\nsource = "某文"\n\n' for year in range(this_year, this_year + 2))
    text = (folder / "calendar.toml").read_text(encoding="utf-8")
    own = text[text.index("[own]") :]
    (folder / "calendar.toml").write_text(text[: text.index("[[year]]")] + years + own, encoding="utf-8")
    assert main(["check", str(folder)]) == 0
    assert "calendar.toml" not in capsys.readouterr().out


def test_a_year_is_in_reach_three_months_before_it_begins(jianhua: District) -> None:
    known = replace(jianhua.calendar, announced=frozenset({2026}))
    assert unannounced(known, date(2026, 9, 30)) == []
    assert unannounced(known, date(2026, 10, 1)) == [2027]
    assert unannounced(known, date(2028, 1, 1)) == [2028]


def test_what_the_folder_says_of_a_year_holds_once_its_source_is_named(folder: Path) -> None:
    def works(day: date) -> bool:
        return load(folder).calendar.works(day)

    may_day, after, saturday = date(2026, 5, 4), date(2026, 5, 6), date(2026, 5, 9)
    calendar = folder / "calendar.toml"
    edit(calendar, "[own]", '[[year]]\nyear = 2026\noff = ["2026-05-06"]\non = ["2026-05-10"]\n\n[own]')
    assert (works(may_day), works(after), works(saturday)) == (False, True, True)
    edit(calendar, "year = 2026\n", 'year = 2026\nsource = "另一份通知"\n')
    assert (works(may_day), works(after), works(saturday)) == (True, False, False)
    # The first of May needs no notice.
    assert not works(date(2026, 5, 1))
    edit(calendar, "[own]\noff = []", '[own]\noff = ["2026-05-04"]')
    assert not works(may_day)


def test_the_digest_is_the_same_for_the_same_bytes_and_another_for_others(folder: Path) -> None:
    before = load(folder).digest
    assert load(folder).digest == before
    edit(folder / FAQ_FILE, "要办。", "要办！")
    assert load(folder).digest != before
