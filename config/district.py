"""The operator edits a district's folder by hand; whatever is wrong comes back at once, by file and line."""

import csv
import re
import tomllib
import zlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from config import mediation
from config.calendar import calendar, climb, shorter, term
from domain.areas import Area, Level, covers
from domain.catalogue import OTHER, Catalogue, Category, Nature, in_line, out_of_line
from domain.departments import Department
from domain.district import ANSWER_WITHIN, District, Entry, LocalAnswer, Phone, Worker
from domain.grids import Grid, Place
from domain.matters import Terms, Tier
from domain.people import STAFF, WORKERS, Held, Role
from domain.working_time import Calendar
from nlp.normalise import bare

# WeChat cuts a text message at 2,048 bytes, about 680 characters; source and department need room too.
LONGEST_ANSWER = 600
# What a button shows whole on a phone.
LONGEST_SHORT = 10

# The published table names what lies above a district too: checked, then left out; nobody there is served.
ABOVE = ("province", "city")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something the operator must mend, and the line to look at."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class BadDistrict(Exception):
    """The folder describes no district; `problems` are all the reasons, by file and line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


# A folder's files by name, all read before any is looked at: whoever saves one meanwhile spoils nothing.
Files = Mapping[str, bytes]


def load(folder: Path) -> District:
    """The district a folder describes; raises `BadDistrict`."""
    return read(gathered(folder))


def check(folder: Path) -> list[Problem]:
    """Everything that is wrong with the folder; nothing when `load` would succeed."""
    return _read(gathered(folder))[1]


def gathered(folder: Path) -> Files:
    """The folder's files as they lie there now; what cannot be read is left out."""
    files = {}
    for path in sorted((*folder.glob("[!.]*.*"), *folder.glob("faq/[!.]*.toml"))):
        with suppress(OSError):
            if path.suffix in (".csv", ".toml"):
                files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


def packed(files: Files) -> bytes:
    """A folder's files in one, to be kept in the database."""
    return zlib.compress(msgspec.msgpack.encode(dict(files)))


def unpacked(data: bytes) -> Files:
    """The files that were packed."""
    return msgspec.msgpack.decode(zlib.decompress(data), type=dict[str, bytes])


def read(files: Files) -> District:
    """The district these files describe; raises `BadDistrict`."""
    district, problems = _read(files)
    if problems:
        raise BadDistrict(problems)
    return district


def _read(files: Files) -> tuple[District, list[Problem]]:
    """Read on past every problem, a stand-in in its place: the district counts only when there is none."""
    pages = _Pages(files)
    areas = pages.table("areas.csv", "code name level parent_code")
    grids = pages.table("grids.csv", "code name kind since until successors sample")
    places = pages.table("places.csv", "grid estate road number first_block last_block sample")
    workers = pages.table("gridworkers.csv", "key name role area phone phone_public hours sample")
    about = pages.toml(
        "district.toml",
        "name city code timezone sample hotline quiet_from quiet_until digest_at digest_again_at push_budget "
        "patrol_minutes patrol_days office_from office_until office_days same_within reopen_within answer_within "
        "stale_days kinds duties phone council",
    )
    facts, kinds, duties = about.only(""), about.only("kinds"), about.only("duties")
    council = about.only("council", optional=True)
    phones = about.each("phone", "key title name grid worker holds")
    departments = pages.toml("departments.toml", "department").each(
        "department", "code name short level attend phone sample"
    )
    categories = pages.toml("categories.toml", "category").each(
        "category",
        "code name level role department deadline warn nature basis in_estate since until urgent to_staff private "
        "words",
    )
    mediating = pages.toml("mediation.toml", "room mediator", optional=True)
    rooms = mediating.each("room", "code name office areas place hours minutes sample")
    mediators = mediating.each("mediator", "key name rooms relatives sample")
    times = pages.toml("calendar.toml", "hours year own climb")
    own_days = times.only("own")
    own_days.limit("off on")
    entries = pages.faq()
    synonyms = pages.toml("synonyms.toml", "group").each("group", "words")

    districts = areas.column("code", level=(Level.DISTRICT,))
    communities = areas.column("code", level=(Level.COMMUNITY, Level.VILLAGE))
    in_grids, in_areas, in_departments = grids.column("code"), areas.column("code"), departments.column("code")
    kind_codes = kinds.cells if kinds.sound else _ANYTHING
    timezone = _timezone(facts)
    working = calendar(
        timezone,
        facts.weekdays("office_days"),
        times.each("hours", "since work"),
        times.each("year", "year source off on"),
        own_days,
    )

    catalogue = Catalogue(tuple(_categories(categories, in_departments, working)))
    district = District(
        name=facts.text("name"),
        city=facts.text("city"),
        code=facts.known("code", districts, "区的编码（见 areas.csv）"),
        timezone=timezone,
        areas=_by_code(_areas(areas)),
        grids=_by_code(_grids(grids, communities, kind_codes, workers.column("area"))),
        kinds={kind: kinds.text(kind) for kind in kinds.cells},
        duties=dict(_duties(duties, kinds, kind_codes)),
        places=tuple(_places(places, in_grids)),
        departments={department.code: department for department in _departments(departments)},
        catalogue=catalogue,
        versions={category.version: category for category in catalogue.entries},
        entries=tuple(_entries(entries, in_grids, in_areas)),
        workers=tuple(_workers(workers, in_grids, communities)),
        calendar=working,
        climb=climb(times.each("climb", "to within nonstop")),
        rooms={room.code: room for room in mediation.rooms(rooms, in_areas)},
        mediators=tuple(mediation.mediators(mediators, rooms.column("code"), workers)),
        phones=tuple(_phones(phones, in_grids, in_areas, in_departments, workers.column("key"))),
        quiet_from=facts.clock("quiet_from"),
        quiet_until=facts.clock("quiet_until"),
        digest_at=facts.clock("digest_at"),
        digest_again_at=facts.clock("digest_again_at", blank=time(15, 0)),
        patrol_minutes=facts.number("patrol_minutes", blank=10),
        patrol_days=facts.number("patrol_days", least=1, blank=30),
        push_budget=facts.number("push_budget", blank=0),
        hotline=facts.text("hotline"),
        synonyms=tuple(_synonyms(synonyms)),
        stale_days=facts.number("stale_days", least=1, blank=365),
        office_from=facts.clock("office_from", blank=time(8, 30)),
        office_until=facts.clock("office_until", blank=time(17, 0)),
        same_within=facts.number("same_within", blank=7),
        reopen_within=facts.number("reopen_within", blank=15),
        council=_council(council),
        answer_within=term(facts, "answer_within", blank=ANSWER_WITHIN),
        sample=facts.flag("sample"),
        digest=pages.digest.hexdigest(),
    )
    return district, sorted(pages.problems)


def _council(row: "_Row") -> Terms:
    row.limit(
        "support_estate support_community support_street door_share proposals within_days collect_days notice_days "
        "dispute_days rate_days pause_minutes digest_at"
    )
    usual = Terms()

    def days(key: str, blank: timedelta) -> timedelta:
        return timedelta(days=row.number(key, least=1, blank=blank.days))

    share = row.number("door_share", blank=usual.door_share)
    if share > 100:
        row.wrong("door_share 是百分比，最多 100", "door_share")
    return Terms(
        support={tier: row.number(f"support_{tier}", least=1, blank=usual.support[tier]) for tier in Tier},
        door_share=share,
        proposals=row.number("proposals", least=1, blank=usual.proposals),
        within=days("within_days", usual.within),
        collect=days("collect_days", usual.collect),
        notice=days("notice_days", usual.notice),
        dispute=days("dispute_days", usual.dispute),
        rate=days("rate_days", usual.rate),
        pause=timedelta(minutes=row.number("pause_minutes", blank=int(usual.pause.total_seconds()) // 60)),
        digest_at=row.clock("digest_at", blank=usual.digest_at),
    )


_Coded = TypeVar("_Coded", Area, Grid)


def _by_code(coded: Iterable[_Coded]) -> dict[str, _Coded]:
    return {each.code: each for each in sorted(coded, key=lambda each: each.code)}


def _timezone(facts: "_Row") -> ZoneInfo:
    name = facts.text("timezone")
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # OSError: "Asia" is a folder of the time zone database
        facts.wrong(f"没有 {name} 这个时区，例如：Asia/Shanghai", "timezone")
        return ZoneInfo("UTC")


def _areas(rows: "_Rows") -> Iterator[Area]:
    rows.once("code")
    codes, above = rows.column("code"), rows.column("code", level=ABOVE)
    levels = (*ABOVE, Level.DISTRICT, Level.STREET, Level.COMMUNITY, Level.VILLAGE)
    for row in rows:
        code, name = row.digits("code", 12), row.text("name")
        level = row.known("level", levels, f"这几个之一：{'、'.join(levels)}")
        parent = row.text("parent_code", optional=level == ABOVE[0])
        if parent and parent not in codes:
            row.wrong(f"上级 {parent} 不在 areas.csv 里")
        elif row.sound and parent and parent not in above and (parent == code or not covers(parent, code)):
            row.wrong(f"{code} 不是上级 {parent} 范围内的编码")
        if row.sound and level not in ABOVE:
            yield Area(code, name, Level(level), parent)


def _duties(row: "_Row", kinds: "_Row", known: Container[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for kind in row.cells:
        if kind not in known:
            row.wrong(f"[duties] 里的 {kind} 不在 [kinds] 里", kind)
    for kind in kinds.cells:
        if not row.cells.get(kind):
            row.wrong(f"[duties] 里没有 {kind} 的职责", kind)
        yield kind, row.texts(kind, optional=True)


def _grids(rows: "_Rows", communities: Container[str], kinds: Container[str], worked: Container[str]) -> Iterator[Grid]:
    rows.once("code")
    codes = rows.column("code")
    after: dict[str, tuple[str, ...]] = {}
    lines: dict[str, _Row] = {}
    for row in rows:
        grid = Grid(
            code=row.digits("code", 15),
            name=row.text("name"),
            kind=row.known("kind", kinds, "网格类别（见 [kinds]）"),
            since=row.day("since"),
            until=row.day_or_none("until"),
            successors=tuple(row.text("successors", optional=True).split()),
            sample=row.flag("sample"),
        )
        after[grid.code], lines[grid.code] = grid.successors, row
        for code in grid.successors:
            if code not in codes:
                row.wrong(f"接替网格 {code} 不在 grids.csv 里")
        if not row.sound:
            continue
        if grid.community not in communities:
            row.wrong(f"前 12 位 {grid.community} 不是 areas.csv 里的社区或村")
        if grid.until and grid.until < grid.since:
            row.wrong(f"停用日期 {grid.until} 早于启用日期 {grid.since}")
        if grid.until and not grid.successors:
            row.wrong("停用的网格要写明接替网格（successors）")
        if grid.successors and not grid.until:
            row.wrong("有接替网格，却没有停用日期（until）")
        if not grid.until and grid.code not in worked:
            row.wrong(f"{grid.name}还没有网格员，请写进 gridworkers.csv")
        yield grid
    for circle in _circles(after):
        first = min((lines[code] for code in circle), key=lambda row: row.line)
        first.wrong(f"接替关系绕成了圈：{' → '.join(circle)}")


def _circles(after: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Each circle of successors once, as a path that ends where it began."""
    graph = dict(after)
    while True:
        try:
            return TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1][::-1]
            yield circle
            graph[circle[0]] = ()


def _places(rows: "_Rows", grids: Container[str]) -> Iterator[Place]:
    told: dict[str, list[tuple[_Row, int, float]]] = {}
    for row in rows:
        place = Place(
            grid=row.known("grid", grids, "网格（见 grids.csv）"),
            estate=row.text("estate", optional=True),
            road=row.text("road", optional=True),
            number=row.text("number", optional=True),
            first_block=row.number("first_block", blank=0),
            last_block=row.number("last_block", blank=0),
            sample=row.flag("sample"),
            manager=row.text("manager", optional=True),
        )
        name = place.estate or f"{place.road} {place.number}".strip()
        first, last = place.first_block, place.last_block or float("inf")
        if not name:
            row.wrong("小区（estate）和道路（road）至少写一个")
        elif row.sound and (bool(place.first_block) != bool(place.last_block) or first > last):
            row.wrong("楼号范围应从小到大，两头都写，或都留空")
        elif row.sound:
            for earlier, start, end in told.setdefault(name, []):
                if first <= end and start <= last:
                    row.wrong(f"{name} 与第 {earlier.line} 行重叠")
            told[name].append((row, first, last))
        yield place


def _workers(rows: "_Rows", grids: Container[str], communities: Container[str]) -> Iterator[Worker]:
    rows.once("key")
    near: dict[str, set[str]] = {}
    for row in rows:
        near.setdefault(row.cell("area")[:12], set()).add(row.cell("key"))
    for row in rows:
        role = row.choice("role", WORKERS)
        if role is Role.GRIDWORKER:
            area = row.known("area", grids, "网格（见 grids.csv）")
        else:
            area = row.known("area", communities, "社区或村（见 areas.csv）")
        # A column of its own accord: a list without it names nobody.
        stand_in = row.known("stand_in", near.get(area[:12], _ANYTHING), "同一社区网格员的 key", optional=True)
        if row.sound and stand_in and stand_in == row.cell("key"):
            row.wrong("代班的（stand_in）不能是本人")
        yield Worker(
            key=row.text("key"),
            name=row.text("name"),
            role=role,
            area=area,
            phone=_telephone(row),
            phone_public=row.flag("phone_public"),
            hours=row.text("hours", optional=True),
            sample=row.flag("sample"),
            stand_in=stand_in,
        )


def _departments(rows: "_Rows") -> Iterator[Department]:
    rows.once("code")
    rows.once("name")
    rows.once("short")
    for row in rows:
        department = Department(
            code=_coded(row),
            name=row.text("name"),
            short=row.text("short"),
            level=row.choice("level", (Level.DISTRICT, Level.STREET, Level.COMMUNITY)),
            attend=term(row, "attend"),
            phone=_telephone(row),
            sample=row.flag("sample", blank=False),
        )
        if len(department.short) > LONGEST_SHORT:
            row.wrong(f"short 有 {len(department.short)} 个字，按钮上最多放 {LONGEST_SHORT} 个", "short")
        yield department


def _coded(row: "_Row") -> str:
    """A code of the operator's own choice, that stays."""
    code = row.text("code")
    if not re.fullmatch(r"|[a-z0-9]+(-[a-z0-9]+)*", code):
        row.wrong("code 只用小写字母、数字和“-”", "code")
    return code


def _telephone(row: "_Row") -> str:
    phone = row.text("phone", optional=True)
    if not re.fullmatch(r"|\+?[0-9][0-9-]{4,18}", phone):
        row.wrong(f"电话 {phone} 应只有数字和“-”", "phone")
    return phone


def _categories(rows: "_Rows", departments: Container[str], working: Calendar) -> Iterator[Category]:
    if OTHER not in rows.column("code"):
        rows.wrong('缺少 code = "other"（其他）：认不出的问题归在这里')
    told: dict[str, list[tuple[Category, _Row]]] = {}
    for row in rows:
        category = Category(
            code=_coded(row),
            name=row.text("name"),
            level=row.choice("level", (Level.COMMUNITY, Level.STREET, Level.DISTRICT)),
            role=row.choice("role", (*WORKERS, *STAFF)),
            department=row.known("department", departments, "部门的代号（见 departments.toml）"),
            deadline=term(row, "deadline"),
            warn=term(row, "warn"),
            words=row.texts("words"),
            urgent=row.flag("urgent", blank=False),
            to_staff=row.flag("to_staff", blank=False),
            nature=row.choice("nature", tuple(Nature)),
            basis=row.text("basis"),
            in_estate=row.flag("in_estate", blank=False),
            since=row.day_or_none("since"),
            until=row.day_or_none("until"),
            private=row.flag("private", blank=False),
        )
        if row.sound and category.deadline.nonstop and not category.warn.nonstop:
            row.wrong(
                f"时限 {row.cell('deadline')} 一直计时，提前多久提醒（{row.cell('warn')}）也要写分钟、小时或天", "warn"
            )
        elif row.sound and not shorter(category.warn, category.deadline, working.seasons):
            row.wrong(f"提前 {row.cell('warn')}提醒，应短于时限 {row.cell('deadline')}", "warn")
        if category.since and category.until and category.until < category.since:
            row.wrong(f"最后一天 {category.until} 早于第一天 {category.since}", "until")
        if row.sound:
            told.setdefault(category.code, []).append((category, row))
        yield category
    for versions in told.values():
        _in_line(versions)


def _in_line(versions: Sequence[tuple[Category, "_Row"]]) -> None:
    """The entries of one category follow each other without a day left out or said twice."""
    rows = {id(category): row for category, row in versions}
    if len({category.to_staff for category, _ in versions}) > 1:
        versions[-1][1].wrong(f"{versions[0][0].code} 的几段 to_staff 要一样", "to_staff")
    in_order = in_line(category for category, _ in versions)
    first, last = in_order[0], in_order[-1]
    if first.code == OTHER and (first.since or last.until):
        never = rows[id(first if first.since else last)]
        never.wrong("other（其他）要一直有：第一段不写 since，最后一段不写 until", "since" if first.since else "until")
    for before, after, gap in out_of_line(in_order):
        earlier, later = rows[id(before)], rows[id(after)]
        if gap.days < 0:
            later.wrong(
                f"{after.code} 与{earlier.seen_from(later)}的那一段重叠：{_span(before)}，{_span(after)}", "since"
            )
        else:
            empty = f"{after.code} 在{earlier.seen_from(later)}的那一段以后空了 {gap.days} 天"
            later.wrong(f"{empty}：{_span(before)}，{_span(after)}", "since")


def _span(category: Category) -> str:
    return f"{category.since or '一开始'} 至 {category.until or '以后'}"


def _entries(rows: "_Rows", grids: Container[str], areas: Container[str]) -> Iterator[Entry]:
    rows.once("id")
    said: dict[str, _Row] = {}
    for row in rows:
        entry = Entry(
            id=row.text("id"),
            question=row.text("question"),
            answer=row.text("answer"),
            department=row.text("department"),
            source=row.text("source"),
            checked=row.day("checked"),
            alts=row.texts("alts", optional=True),
            valid_from=row.day_or_none("valid_from"),
            valid_until=row.day_or_none("valid_until"),
            confirmed=row.flag("confirmed", blank=True),
            local=tuple(_local(row.inner["local"], grids, areas)),
        )
        _sendable(row, entry.answer)
        if entry.valid_from and entry.valid_until and entry.valid_until < entry.valid_from:
            row.wrong(f"失效日期 {entry.valid_until} 早于生效日期 {entry.valid_from}", "valid_until")
        own: set[str] = set()
        for key, phrases in ("question", (entry.question,)), ("alts", entry.alts):
            for phrase in filter(None, phrases):
                # 停水怎么办？ and 停水怎么办 are one question to a reader.
                folded = bare(phrase)
                other = said.setdefault(folded, row)
                if other is not row:
                    row.wrong(f"“{phrase}”与{other.seen_from(row)}的 {other.cell('id')} 重复", key)
                elif folded in own:
                    row.wrong(f"“{phrase}”在这一条里写了两遍", key)
                own.add(folded)
        yield entry


def _local(rows: Iterable["_Row"], grids: Container[str], areas: Container[str]) -> Iterator[LocalAnswer]:
    told: set[str] = set()
    for row in rows:
        codes = []
        for code in row.texts("areas"):
            # A street may be written with its nine digits.
            full = code.ljust(12, "0") if len(code) == 9 else code
            if full not in areas and full not in grids:
                row.wrong(f"{code} 不是区域或网格的编码（见 areas.csv、grids.csv）", "areas")
            elif full in told:
                row.wrong(f"{code} 在这一条里已有答案", "areas")
            told.add(full)
            codes.append(full)
        answer = row.text("answer")
        _sendable(row, answer)
        yield LocalAnswer(tuple(codes), answer)


def _sendable(row: "_Row", answer: str) -> None:
    if len(answer) > LONGEST_ANSWER:
        row.wrong(f"答案有 {len(answer)} 个字，最多 {LONGEST_ANSWER} 个", "answer")


def _synonyms(rows: "_Rows") -> Iterator[tuple[str, ...]]:
    said: dict[str, _Row] = {}
    for row in rows:
        words = row.texts("words")
        if len(words) == 1:
            row.wrong("同义词至少写两个", "words")
        for word in words:
            if (other := said.setdefault(word, row)) is not row:
                row.wrong(f"“{word}”与第 {other.line} 行的同义词重复", "words")
        yield words


def _phones(
    rows: "_Rows",
    grids: Container[str],
    areas: Container[str],
    departments: Container[str],
    workers: Container[str],
) -> Iterator[Phone]:
    rows.once("key")
    holdable = [role.value for role in Role if role not in (Role.RESIDENT, Role.DEPARTMENT)]
    for row in rows:
        holds = []
        pairs = row.cells.get("holds", [])
        for pair in pairs if isinstance(pairs, list) else [pairs]:
            match pair:
                case [str(role), str(area)] if role in holdable and (area in areas or area in grids):
                    holds.append(Held(Role(role), area))
                case [Role.DEPARTMENT.value, str(area), str(code)] if area in areas and code in departments:
                    holds.append(Held(Role.DEPARTMENT, area, code))
                case _:
                    row.wrong(f"holds 应是 [角色, 区域编码]，部门的人再加部门的代号，都要存在：{pair}", "holds")
        yield Phone(
            key=row.text("key"),
            title=row.text("title"),
            name=row.text("name"),
            grid=row.known("grid", grids, "网格（见 grids.csv）", optional=True) or None,
            holds=tuple(holds),
            worker=row.known("worker", workers, "网格员的 key（见 gridworkers.csv）", optional=True) or None,
        )


class _Pages:
    """The folder's files as they are read: the problems met so far, and a digest of the bytes."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.problems: list[Problem] = []
        self.digest = sha256()

    def table(self, name: str, columns: str) -> "_Rows":
        """The rows of a CSV file; columns beyond these are the operator's own and are left alone."""
        rows = _Rows(name, self.problems)
        text = self._text(name)
        if text is None:
            return rows
        reader = csv.reader(StringIO(text, newline=""), strict=True)
        line = 1
        try:
            header = [cell.strip() for cell in next(reader, [])]
            if missing := [column for column in columns.split() if column not in header]:
                rows.wrong(f"缺少列 {'、'.join(missing)}")
                return rows
            line = reader.line_num + 1
            for cells in reader:
                if any(cells):
                    row = rows.add(line, {}, dict(zip(header, cells, strict=False)))
                    if len(cells) != len(header):
                        row.wrong(f"应有 {len(header)} 格，这一行有 {len(cells)} 格")
                        row.whole = False
                line = reader.line_num + 1  # a quoted cell may span lines
        except csv.Error:
            rows.wrong("引号没有成对，从这一行起读不下去", line)
            return rows
        rows.whole = True
        return rows

    def toml(self, name: str, keys: str, *, optional: bool = False) -> "_Toml":
        """A TOML file with these keys and tables at its top; an `optional` one need not be there."""
        text = "" if optional and name not in self.files else self._text(name)
        page = _Toml(name, self.problems, _layout(text or ""))
        if text is None:
            return page
        try:
            page.data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"at line (\d+)", str(error))
            line = int(at[1]) if at else text.count("\n") + 1
            self.problems.append(Problem(name, line, f"TOML 写法不对，请看引号、等号和括号：{error}"))
            return page
        page.whole = True
        page.only("").limit(keys)
        return page

    def faq(self) -> "_Rows":
        """The entries of every file in faq/, in one list: which file holds one is for its editors alone."""
        keys = "id question alts answer department source checked valid_from valid_until confirmed local"
        names = sorted(name.removeprefix("faq/") for name in self.files if name.startswith("faq/"))
        if not names:
            self.problems.append(Problem("faq", 1, "缺少这个文件夹，或里面没有 .toml 文件"))
        whole = _Rows("faq", self.problems, whole=bool(names))
        for name in names:
            page = self.toml(f"faq/{name}", "entry")
            entries = page.each("entry", keys)
            page.within(entries, "entry", "local", "areas answer")
            whole.rows += entries.rows
            whole.whole &= entries.whole
        return whole

    def _text(self, name: str) -> str | None:
        data = self.files.get(name)
        if data is None:
            self.problems.append(Problem(name, 1, "缺少这个文件，或无法读取"))
            return None
        self.digest.update(b"%s %d\n%s" % (name.encode(), len(data), data))
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self.problems.append(Problem(name, line, "不是 UTF-8 编码（可能是 GBK），请另存为 UTF-8"))
            return None


# Where a section's header stands, and each of its keys.
_Section = tuple[int, dict[str, int]]


@dataclass
class _Toml:
    """A TOML file: its data, and where in the file each table stands, by the n-th header of its name."""

    file: str
    problems: list[Problem]
    layout: dict[str, list[_Section]]
    data: dict[str, object] = field(default_factory=dict)
    whole: bool = False

    def only(self, name: str, *, optional: bool = False) -> "_Row":
        """The table that occurs once; "" is the top of the file. An optional one may be left out."""
        line, lines = self.layout.get(name, self.layout[""])[0]
        cells = self.data.get(name, {} if optional else None) if name else self.data
        if self.whole and isinstance(cells, dict):
            return _Row(self.file, line, cells, self.problems, lines)
        if self.whole:
            self.problems.append(Problem(self.file, line, f"缺少 [{name}]"))
        # Nothing more is said about a table that is not there.
        return _Row(self.file, line, {}, [], sound=False)

    def each(self, name: str, keys: str) -> "_Rows":
        """The tables written as [[name]], each with these keys."""
        sections = self.layout.get(name, [])
        return self._tables(name, self.data.get(name, []), iter(sections), keys, sections[0][0] if sections else 1)

    def within(self, rows: "_Rows", outer: str, name: str, keys: str) -> None:
        """Give each of these rows its own tables written as [[outer.name]]."""
        sections = iter(self.layout.get(f"{outer}.{name}", []))
        for row in rows.rows:
            # Written in one line, local = [{…}], they have no headers.
            its = iter(()) if name in row.lines else sections
            line = row.lines.get(name, row.line)
            row.inner[name] = self._tables(f"{outer}.{name}", row.cells.get(name, []), its, keys, line)

    def _tables(self, name: str, tables: object, sections: "Iterator[_Section]", keys: str, line: int) -> "_Rows":
        rows = _Rows(self.file, self.problems, self.whole)
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            rows.wrong(f"{name.rpartition('.')[2]} 应写成 [[{name}]]", line)
            rows.whole = False
            return rows
        for table in tables:
            rows.add(*next(sections, (line, {})), table)
        for row in rows.rows:
            row.limit(keys)
        return rows


# Strings and comments, so that nothing inside them is taken for a header or a key.
_ASIDE = re.compile(r"""#[^\n]*|\"{3}(?:\\.|[^\\])*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""", re.DOTALL)


def _layout(text: str) -> dict[str, list[_Section]]:
    """Where each table and its keys stand; tomllib itself keeps no lines."""
    keys: dict[str, int] = {}
    layout: dict[str, list[_Section]] = {"": [(1, keys)]}
    for number, line in enumerate(_ASIDE.sub(lambda aside: "\n" * aside[0].count("\n"), text).split("\n"), 1):
        if header := re.match(r"\s*\[{1,2}\s*([\w.-]+)\s*\]{1,2}\s*$", line):
            keys = {}
            layout.setdefault(header[1], []).append((number, keys))
        elif key := re.match(r"\s*([\w-]+)\s*=", line):
            keys.setdefault(key[1], number)
    return layout


class _Anything:
    """Stands for a list that could not be read: whoever refers to it is not blamed."""

    def __contains__(self, _: object) -> bool:
        return True


_ANYTHING = _Anything()


@dataclass
class _Rows:
    """A CSV file's rows, or a TOML file's tables of one name; not `whole` when some could not be read."""

    file: str
    problems: list[Problem]
    whole: bool = False
    rows: list["_Row"] = field(default_factory=list)

    def __iter__(self) -> Iterator["_Row"]:
        return (row for row in self.rows if row.whole)

    def add(self, line: int, lines: Mapping[str, int], cells: Mapping[str, object]) -> "_Row":
        self.rows.append(_Row(self.file, line, cells, self.problems, lines))
        return self.rows[-1]

    def wrong(self, text: str, line: int = 1) -> None:
        self.problems.append(Problem(self.file, line, text))

    def column(self, key: str, **where: Container[str]) -> Container[str]:
        """What stands under `key`, in faulty rows too, so that one slip is not blamed on its neighbours."""
        if not self.whole:
            return _ANYTHING
        rows = (row for row in self.rows if all(row.cell(name) in allowed for name, allowed in where.items()))
        return {row.cell(key) for row in rows}

    def once(self, key: str) -> None:
        """No two rows may have the same `key`."""
        first: dict[str, _Row] = {}
        for row in self.rows:
            value = row.cell(key)
            if value and (earlier := first.setdefault(value, row)) is not row:
                row.wrong(f"{key} {value} 与{earlier.seen_from(row)}重复", key)


_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass
class _Row:
    """A row or table: answers with the value of a key, or notes what is wrong and answers a stand-in."""

    file: str
    line: int
    cells: Mapping[str, object]
    problems: list[Problem]
    lines: Mapping[str, int] = field(default_factory=dict)
    sound: bool = True
    whole: bool = True
    inner: dict[str, "_Rows"] = field(default_factory=dict)

    def seen_from(self, other: "_Row") -> str:
        """Where this row stands, for who looks at the other: 第 12 行, or faq/fire.toml 第 12 行."""
        return f"第 {self.line} 行" if self.file == other.file else f" {self.file} 第 {self.line} 行"

    def wrong(self, text: str, key: str = "") -> None:
        self.sound = False
        self.problems.append(Problem(self.file, self.lines.get(key, self.line), text))

    def cell(self, key: str) -> str:
        return str(self.cells.get(key, "")).strip()

    def limit(self, keys: str) -> None:
        """A misspelt key would otherwise be left out in silence."""
        for key in self.cells:
            if key not in keys.split():
                self.wrong(f"不认识 {key}，这里可以写：{keys.replace(' ', '、')}", key)

    def text(self, key: str, *, optional: bool = False) -> str:
        if not isinstance(self.cells.get(key, ""), str):
            self.wrong(f"{key} 应是加引号的文字", key)
        elif not self.cell(key) and not optional:
            self.wrong(f"缺少 {key}", key)
        else:
            return self.cell(key)
        return ""

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        value = self.cells.get(key, [] if optional else None)
        if isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value):
            return tuple(item.strip() for item in value)
        self.wrong(f'{key} 应是一列文字，例如：["甲", "乙"]', key)
        return ()

    def known(self, key: str, among: Container[str], what: str, *, optional: bool = False) -> str:
        value = self.text(key, optional=optional)
        if value and value not in among:
            self.wrong(f"{key} {value} 不是{what}", key)
        return value

    def choice(self, key: str, among: Sequence[_Choice]) -> _Choice:
        value = self.known(key, among, f"这几个之一：{'、'.join(among)}")
        return next((choice for choice in among if choice == value), among[0])

    def digits(self, key: str, length: int) -> str:
        value = self.text(key)
        if value and not re.fullmatch(f"[0-9]{{{length}}}", value):
            self.wrong(f"{key} {value} 应是 {length} 位数字（用 Excel 保存前请把这一列设为文本）", key)
        return value

    def number(self, key: str, *, least: int = 0, blank: int | None = None) -> int:
        value = self.cells.get(key)
        if isinstance(value, str):
            value = int(value) if re.fullmatch(r"[0-9]{1,9}", value.strip()) else value.strip() or None
        if value is None and blank is not None:
            return blank
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.wrong(f"{key} 应是不小于 {least} 的整数", key)
        return least

    def flag(self, key: str, *, blank: bool | None = None) -> bool:
        value = self.cell(key).lower()
        if value in ("yes", "true", "是"):
            return True
        if not value and blank is not None:
            return blank
        if value not in ("no", "false", "否"):
            self.wrong(f"{key} 应写 yes 或 no（TOML 里写 true 或 false）", key)
        return False

    def day(self, key: str) -> date:
        day = self.day_or_none(key)
        if not day and not self.cell(key):
            self.wrong(f"缺少 {key}", key)
        return day or date.min

    def day_or_none(self, key: str) -> date | None:
        value = self.cell(key)
        # Excel turns 2026-01-31 into 2026/1/31.
        parts = re.fullmatch(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})", value)
        try:
            if parts:
                return date(int(parts[1]), int(parts[3]), int(parts[4]))
        except ValueError:
            parts = None
        if value:
            self.wrong(f"{key} {value} 不是日期，例如：2026-01-31", key)
        return None

    def weekdays(self, key: str) -> tuple[int, ...]:
        """Days of the week from Monday, 1; the five working days when it is left out."""
        value = self.cells.get(key, [1, 2, 3, 4, 5])
        if isinstance(value, list) and value and all(day in range(1, 8) for day in value):
            return tuple(sorted(value))
        self.wrong(f"{key} 应是一列 1 到 7 的数，周一是 1，例如：[1, 2, 3, 4, 5]", key)
        return (1,)

    def clock(self, key: str, *, blank: time | None = None) -> time:
        if blank is not None and key not in self.cells:
            return blank
        value = self.text(key)
        if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
            return time.fromisoformat(value)
        if value:
            self.wrong(f"{key} {value} 不是时间，例如：07:30", key)
        return time()
