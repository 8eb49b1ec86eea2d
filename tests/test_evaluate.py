"""An operator learns how an FAQ fares before it is published."""

import json
from pathlib import Path

import pytest

from bot.__main__ import main

KEYS = {"r1", "mrr5", "auroc", "balanced", "p50_ms", "p95_ms", "build_s", "memory_mb"}
SHARED = Path("../shared/data/faq/dev")
FAQ = [
    {"id": "heat", "question": "几号供暖", "alts": ["什么时候来暖气"], "answer": "10 月 15 日。"},
    {"id": "dogs", "question": "养狗要办什么证", "alts": ["狗证在哪办"]},
    {"id": "bus", "question": "老人坐公交免费吗"},
    {"id": "lamp", "question": "路灯不亮报给谁"},
]
QUERIES = [
    {"query": "今年幾號供暖", "faq_id": "heat"},
    {"query": "狗证去哪办理", "faq_id": "dogs"},
    {"query": "路灯不亮找谁", "faq_id": "lamp"},
]
OUTSIDE = [{"query": "帮我写一首诗"}, {"query": "😀"}, {"query": "火星有多远"}]


def _file(path: Path, rows: object) -> str:
    assert isinstance(rows, list)
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    return [
        "faq",
        "evaluate",
        "--faq",
        _file(tmp_path / "faq.jsonl", FAQ),
        "--queries",
        _file(tmp_path / "q.jsonl", QUERIES),
    ]


def test_every_figure_is_told(given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = _file(tmp_path / "o.jsonl", OUTSIDE)
    assert main([*given, "--out-of-scope", outside, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == KEYS
    assert (figures["r1"], figures["mrr5"], figures["auroc"]) == (1.0, 1.0, 1.0)
    assert figures["balanced"] > 0.6
    assert main([*given, "--out-of-scope", outside]) == 0
    assert "R@1" in capsys.readouterr().out


def test_without_questions_to_refuse_nothing_is_said_of_refusing(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*given, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["auroc"], figures["balanced"]) == (None, None)


def test_departments_are_found_where_they_are_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faq = [
        {"id": str(n), "question": q, "dept": d}
        for n, (q, d) in enumerate([("公园几点关门", 7), ("公交几点收车", "8")])
    ]
    queries = [{"query": "公园晚上几点关门", "dept": ["7", "9"]}, {"query": "公园几点关门", "dept": "8"}]
    given = ["--faq", _file(tmp_path / "f", faq), "--queries", _file(tmp_path / "q", queries), "--json"]
    assert main(["faq", "evaluate", *given]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["r1"] == 0.5


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "bad.jsonl:1：这一行不是 JSON"),
        ("[1]", "bad.jsonl:1：每行应是一个对象"),
        ('{"id": "a"}', "bad.jsonl:1：缺少 question"),
        ('{"question": "几号供暖"}', "bad.jsonl:1：缺少 id"),
    ],
)
def test_a_bad_line_is_named(
    given: list[str], tmp_path: Path, line: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(line, encoding="utf-8")
    assert main([*given, "--faq", str(bad)]) == 2
    assert told in capsys.readouterr().err
    assert main([*given, "--queries", str(tmp_path / "nowhere.jsonl")]) == 2


def test_a_public_set_is_found_better_than_by_any_usual_search(capsys: pytest.CaptureFixture[str]) -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    files = [str(SHARED / f"bq_{part}.jsonl") for part in ("faq", "queries", "oos")]
    assert (
        main(["faq", "evaluate", "--faq", files[0], "--queries", files[1], "--out-of-scope", files[2], "--json"]) == 0
    )
    figures = json.loads(capsys.readouterr().out)
    # The best of jieba + BM25 and characters + BM25 reaches .413 and .853.
    assert figures["r1"] >= 0.43
    assert figures["auroc"] >= 0.853
    assert figures["balanced"] >= 0.72
