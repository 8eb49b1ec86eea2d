"""Reads a roster as a property company or a community keeps it, CSV or XLSX, every mistake named at once."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from domain.rosters import Row
from services.rosters import mobile

LARGEST, MOST_ROWS, MOST_PROBLEMS = 16 * 1024 * 1024, 100_000, 50
# What the first line may call them.
_COLUMNS = {
    "household": ("户", "户名", "房号", "房屋", "household"),
    "name": ("姓名", "业主", "户主", "name"),
    "floor_area": ("面积", "建筑面积", "专有部分面积", "面积（平方米）", "floor_area"),
    "phones": ("电话", "手机", "手机号", "联系电话", "phone"),
}
_BETWEEN = re.compile(r"[、,，;；/|]+")


class BadRoster(ValueError):
    """The file cannot be taken in; `problems` names every line that is wrong, in Chinese, without what stands there."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def read(raw: bytes) -> tuple[Row, ...]:
    """The rows of a roster file; CSV as UTF-8 or GB 18030, or the first sheet of an XLSX, told by its content.

    Raises:
        BadRoster: something in it is wrong, and none of it may be used.
    """
    if len(raw) > LARGEST:
        raise BadRoster([f"文件太大，最大 {LARGEST // 1024 // 1024} MB"])
    lines = _sheet(raw) if raw.startswith(b"PK\x03\x04") else _csv(raw)
    rows = iter(lines)
    places = _places(next(rows, []))
    return _rows(rows, places)


def _csv(raw: bytes) -> Iterable[Sequence[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return csv.reader(io.StringIO(text))
    raise BadRoster(["这不是 CSV，也不是 XLSX"])


def _sheet(raw: bytes) -> Iterable[Sequence[str]]:
    # Imported only when somebody brings a spreadsheet.
    import zipfile

    from openpyxl import load_workbook  # type: ignore[import-untyped]

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            # A small file that unpacks to gigabytes is no roster.
            if sum(each.file_size for each in packed.infolist()) > 20 * LARGEST:
                raise BadRoster(["表格展开以后太大"])
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        lines = [[_cell(value) for value in line] for line in book.worksheets[0].iter_rows(values_only=True)]
    except BadRoster:
        raise
    except Exception:
        raise BadRoster(["表格打不开，请另存为 XLSX 或 CSV 再试"]) from None
    return lines


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _places(head: Sequence[str]) -> dict[str, int]:
    """Which column is which, by the first line."""
    named = [each.strip().lower() for each in head]
    places = {
        what: next(place for place, each in enumerate(named) if each in names)
        for what, names in _COLUMNS.items()
        if any(each in names for each in named)
    }
    if missing := [what for what in ("household", "name") if what not in places]:
        words = {"household": "户名", "name": "姓名"}
        raise BadRoster(
            [f"第 1 行要写列名：户名、姓名、面积、电话；没有找到{'、'.join(words[each] for each in missing)}"]
        )
    return places


def _rows(lines: Iterable[Sequence[str]], places: dict[str, int]) -> tuple[Row, ...]:
    rows: list[Row] = []
    problems: list[str] = []
    first: dict[str, int] = {}
    try:
        for number, line in enumerate(lines, 2):
            if not any(each.strip() for each in line):
                continue
            if number > MOST_ROWS:
                problems.append(f"一次最多 {MOST_ROWS} 行")
                break
            row, wrong = _row(line, places)
            if row.household and row.household in first:
                wrong.append(f"户名和第 {first[row.household]} 行重复")
            first.setdefault(row.household, number)
            problems += [f"第 {number} 行：{each}" for each in wrong]
            rows.append(row)
    except csv.Error:
        problems.append("有一行的引号不成对，CSV 读不下去")
    if not rows and not problems:
        problems.append("名册是空的")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise BadRoster([*problems[:MOST_PROBLEMS], *([f"还有 {more} 处"] if more > 0 else [])])
    return tuple(rows)


def _numbers(written: str) -> list[str]:
    """Several numbers, between commas or only spaces: +86 138 0000 0001 is one all the same."""
    parts = [part for part in _BETWEEN.split(written) if part.strip()]
    return [each for part in parts for each in (part.split() if len(re.sub(r"\D", "", part)) > 15 else [part])]


def _row(line: Sequence[str], places: dict[str, int]) -> tuple[Row, list[str]]:
    def cell(what: str) -> str:
        place = places.get(what)
        return " ".join(line[place].split()) if place is not None and place < len(line) else ""

    wrong: list[str] = []
    household, name = cell("household"), cell("name")
    if not 1 <= len(household) <= 60:
        wrong.append("户名要有，60 个字以内")
    if not 1 <= len(name) <= 40:
        wrong.append("姓名要有，40 个字以内")
    floor_area: int | None = None
    if written := cell("floor_area"):
        try:
            metres = Decimal(written)
            floor_area = int(metres * 100)
        except (InvalidOperation, ValueError, OverflowError):
            metres = Decimal(0)
        if not 0 < metres < 100_000 or Decimal(floor_area or 0) != metres * 100:
            wrong.append("面积要是平方米的数，最多两位小数，例如：87.35")
    phones = []
    for each in _numbers(cell("phones")):
        digits = re.sub(r"\D", "", each)
        if not 7 <= len(digits) <= 15:
            wrong.append("电话看不懂，几个电话用顿号隔开")
            break
        phones.append(mobile(digits))
    return Row(household, name, floor_area, tuple(dict.fromkeys(phones))), wrong
