"""An operator sees how well an FAQ is found before publishing it: right answers, honest refusals, speed, memory."""

import json
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.district import Entry
from nlp.faq import Faq, Found
from nlp.grams import Reader

# What a certainty must reach to count as accepted: even odds.
_EVEN = 0.5
_DEEP = 5


class BadFile(ValueError):
    """A line that is not what was expected, named by file and line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what would be a right answer: an entry's id or departments; neither when none is."""

    words: str
    faq_id: str = ""
    departments: frozenset[str] = frozenset()

    def right(self, found: Entry) -> bool:
        return found.id == self.faq_id or bool(self.departments & departments(found))


@dataclass(frozen=True, slots=True)
class Figures:
    """How an FAQ fares; `auroc` and `balanced` need questions it should refuse."""

    r1: float
    mrr5: float
    auroc: float | None
    balanced: float | None
    p50_ms: float
    p95_ms: float
    build_s: float
    memory_mb: float


def entries(path: Path) -> list[Entry]:
    """The entries of a file, one JSON object a line: id, question, and if there are any alts, answer, dept.

    Raises:
        BadFile: a line is none, or has no id or no question.
    """
    return [
        Entry(
            id=_text(row, "id", where),
            question=_text(row, "question", where),
            answer=str(row.get("answer") or ""),
            department="\n".join(_texts(row.get("dept"))),
            source="",
            checked=date.max,
            alts=tuple(_texts(row.get("alts"))),
        )
        for row, where in _rows(path)
    ]


def questions(path: Path, *, answered: bool = True) -> list[Asked]:
    """The questions of a file, one JSON object a line: query, and unless nobody answers them faq_id or dept.

    Raises:
        BadFile: a line is none, or lacks one of these.
    """
    read = []
    for row, where in _rows(path):
        asked = Asked(_text(row, "query", where), str(row.get("faq_id") or ""), frozenset(_texts(row.get("dept"))))
        if answered and not asked.faq_id and not asked.departments:
            raise BadFile(f"{where}：缺少 faq_id 或 dept")
        read.append(asked)
    if not read:
        raise BadFile(f"{path.name}：没有问题")
    return read


def departments(entry: Entry) -> frozenset[str]:
    """An entry's departments; most have one."""
    return frozenset(entry.department.split("\n")) - {""}


def evaluate(faq: Sequence[Entry], asked: Sequence[Asked], outside: Sequence[Asked], reader: Reader) -> Figures:
    """Ask every question of an index made afresh. Where a department is the right answer, departments are found."""
    leads_to_departments = any(each.departments for each in asked)

    def build() -> Faq:
        if leads_to_departments:
            return Faq(faq, reader, lambda entry: entry.department or entry.id)
        return Faq(faq, reader)

    began = time.perf_counter()
    index = build()
    build_seconds = time.perf_counter() - began
    times: list[float] = []
    inside = [_timed(index, each.words, times) for each in asked]
    beyond = [_timed(index, each.words, times) for each in outside]
    ranks = [
        next((place for place, each in enumerate(found, 1) if question.right(each.entry)), 0)
        for question, found in zip(asked, inside, strict=True)
    ]
    accepted, refused = _certainties(inside), _certainties(beyond)
    del index
    return Figures(
        r1=float(np.mean([rank == 1 for rank in ranks])),
        mrr5=float(np.mean([1 / rank if rank else 0.0 for rank in ranks])),
        auroc=auroc(accepted, refused) if outside else None,
        balanced=float(np.mean(accepted >= _EVEN) + np.mean(refused < _EVEN)) / 2 if outside else None,
        p50_ms=float(np.percentile(times, 50)) * 1000,
        p95_ms=float(np.percentile(times, 95)) * 1000,
        build_s=build_seconds,
        memory_mb=kept(build),
    )


def kept(build: Callable[[], object]) -> float:
    """How many megabytes what is built holds on to, measured apart: the measuring makes it several times slower."""
    tracemalloc.start()
    built = build()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del built
    return size / 1e6


def auroc(inside: NDArray[np.float64], beyond: NDArray[np.float64]) -> float:
    """The chance that a question with an answer gets more than one without; ties count half."""
    below = np.searchsorted(np.sort(beyond), inside, side="left")
    level = np.searchsorted(np.sort(beyond), inside, side="right")
    return float(np.mean(below + level) / 2 / len(beyond))


def _timed(index: Faq, words: str, times: list[float]) -> list[Found]:
    began = time.perf_counter()
    found = index.find(words, most=_DEEP)
    times.append(time.perf_counter() - began)
    return found


def _certainties(answers: Iterable[Sequence[Found]]) -> NDArray[np.float64]:
    return np.array([found[0].certainty if found else 0.0 for found in answers])


def printed(figures: Figures) -> str:
    """The figures as an operator reads them."""

    def share(value: float | None) -> str:
        return "—（要给 --out-of-scope）" if value is None else f"{value:.3f}"

    return "\n".join(
        (
            f"第一条就对（R@1）           {share(figures.r1)}",
            f"前五条的位次（MRR@5）       {share(figures.mrr5)}",
            f"该答与不该答分得开（AUROC） {share(figures.auroc)}",
            f"该答的答、该拒的拒（各半）  {share(figures.balanced)}",
            f"每问用时                    中位 {figures.p50_ms:.2f} 毫秒，95% 在 {figures.p95_ms:.2f} 毫秒内",
            f"建索引                      {figures.build_s:.1f} 秒，占内存 {figures.memory_mb:.0f} MB",
        )
    )


def as_json(figures: Figures) -> str:
    """One object, a key a figure."""
    return json.dumps(asdict(figures))


def _rows(path: Path) -> Iterable[tuple[dict[str, object], str]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path}：读不了，应是 UTF-8 编码的 JSONL 文件") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadFile(f"{where}：这一行不是 JSON") from error
        if not isinstance(row, dict):
            raise BadFile(f'{where}：每行应是一个对象，例如：{{"id": "a", "question": "几号供暖"}}')
        yield row, where


def _text(row: dict[str, object], key: str, where: str) -> str:
    value = row.get(key)
    if value is None or not str(value).strip():
        raise BadFile(f"{where}：缺少 {key}")
    return str(value)


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(each) for each in values if each is not None and str(each)]
