"""One sentence is enough: what is wanted, where, when, of which kind; what is learnt, and what stays a rule."""

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bench.nlp import routing as bench
from bot import __main__ as command_line
from bot import category as commands
from bot.app import Knowledge, build, learn
from bot.core.talk import Heard
from bot.core.words import Address, Said
from config.settings import Settings, load
from domain.catalogue import Catalogue, Category
from domain.people import Role
from domain.working_time import Term, Unit
from nlp import linear, place, private, training, when
from nlp.ear import MODELS, Ear
from nlp.routing import form
from storage.corrections import CorrectionStore
from tests.play import START

SAID = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
COMPLAINTS = Path(__file__).parents[2] / "shared" / "data" / "faq" / "dev"


def _said(text: str) -> Said:
    return Said(Address("web", "chat", "x"), "1", SAID, text)


# What is wanted.


def test_of_three_hundred_sentences_at_least_93_in_100_are_understood() -> None:
    found = dict(bench.measure())
    assert len(bench.sentences()) >= 300
    assert found["accuracy"] >= 0.93
    assert found["acted_on.right"] >= 0.95


def test_no_sentence_it_is_measured_by_was_learnt() -> None:
    # A number alone is any number: what it is, a rule knows.
    learnt = {plain for _, plain in training.routing_rows()} - {"0"}
    assert [words for _, words in bench.sentences() if form(words) in learnt] == []


def test_the_project_s_own_script_makes_the_models_it_ships(knowledge: Knowledge) -> None:
    made = {
        "routing": training.learn_routing(),
        "categories": training.learn_categories(training.category_rows(knowledge.district)),
    }
    for name, model in made.items():
        shipped = linear.read(MODELS / f"{name}.model")
        assert shipped.labels == model.labels
        # Rounding may differ by a step between machines, never more.
        assert max(abs(a - b) for a, b in zip(shipped.weights, model.weights, strict=True)) <= 2, "make models"
    assert sum(path.stat().st_size for path in MODELS.iterdir()) < 1_000_000


@pytest.mark.parametrize(
    "words", ["长" * 4000, "路灯坏了" * 500, "😀" * 2000, "a" * 2000, "1" * 2000, "http://" + "a" * 2000]
)
def test_long_and_odd_words_are_understood_in_no_time(words: str, knowledge: Knowledge) -> None:
    knowledge.ear.kinds(words, START.date())
    began = time.perf_counter()
    knowledge.ear.intent(_said(words))
    knowledge.ear.kinds(words, START.date())
    assert time.perf_counter() - began < 0.2


# Where, when, and what people say of themselves.


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ("3号楼西边路灯又不亮了", "3 栋"),
        ("三栋二单元五楼楼道灯憋了", "3 栋 2 单元 5 楼"),
        ("灯坏了，在 12 栋 1 单元 301 室", "12 栋 1 单元 301 室"),
        ("三楼往下扔垃圾", None),
        ("大楼没电", None),
    ],
)
def test_a_block_is_read_without_its_estate(words: str, where: str | None) -> None:
    found = place.part(words)
    assert (found.words if found else None) == where


@pytest.mark.parametrize(
    ("words", "where", "what"),
    [
        ("幸福里3栋2单元5楼漏水", "幸福里 3 栋 2 单元 5 楼", "漏水"),
        ("槐安路22号小学门口井盖没了", "槐安路 22 号 小学门口", "井盖没了"),
        ("槐安路的加油站对面，有个大坑", "槐安路 加油站对面", "有个大坑"),
        ("槐安路有人在门口打架", "槐安路", "槐安路有人在门口打架"),
    ],
)
def test_a_place_is_read_with_its_entrance_its_floor_and_what_stands_beside_it(
    words: str, where: str, what: str, knowledge: Knowledge
) -> None:
    found = place.find(words, knowledge.district)
    assert found is not None
    assert (found.words, place.rest(words, found)) == (where, what)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("昨晚开始停水", date(2026, 11, 22)),
        ("大前天就坏了", date(2026, 11, 20)),
        ("上週三開始漏的", date(2026, 11, 18)),
        ("11月20号摔的", date(2026, 11, 20)),
        ("12 月 30 日就报过", date(2025, 12, 30)),
        ("今早没水", date(2026, 11, 23)),
        ("13 月 40 日", None),
        ("明天来修吗", None),
    ],
)
def test_the_day_something_happened_is_read_against_the_day_it_was_said(
    said: str, day: date | None, knowledge: Knowledge
) -> None:
    assert when.happened(Heard(SAID, said), knowledge.district) == day


def test_numbers_of_people_leave_the_words_and_numbers_of_things_stay() -> None:
    assert private.phone("电话138-4567-8901，白天在家") == "13845678901"
    assert (
        private.without("我 13845678901，证 230204195001011234，表号 20391845") == "我 ＊＊＊，证 ＊＊＊，表号 20391845"
    )
    assert private.phone("网格码 230203002001001") is None
    assert private.nothing_else("我的手机号是13845678901")
    assert not private.nothing_else("路灯坏了13845678901")


# What kind.


def test_gas_and_complaints_of_a_gridworker_come_first_whatever_was_learnt(knowledge: Knowledge) -> None:
    assert knowledge.ear.kinds("楼道堆满杂物，还有股煤气味，垃圾也没人收", START.date())[0].code == "gas"
    assert knowledge.ear.kinds("网格员收钱才给登记，楼道垃圾没人管", START.date())[0].to_staff


def test_words_of_no_kind_we_know_are_of_the_other_kind(knowledge: Knowledge) -> None:
    for words in ("说不上来", "my hovercraft is full of eels", "😀", "火星上的居民"):
        assert knowledge.ear.kinds(words, START.date())[0].code == "other", words


def test_a_district_with_other_categories_goes_by_its_own_words(knowledge: Knowledge) -> None:
    day = Term(1, Unit.DAY)
    boats = Category("boats", "船只", "street", Role.GRIDWORKER, "港务", day, day, words=("小船", "缆绳"))
    other = knowledge.district.categories["other"]
    district = replace(knowledge.district, catalogue=Catalogue((boats, other)))
    ear = Ear(district)
    assert ear.kinds("缆绳断了，小船漂走了", START.date()) == [boats, other]
    assert ear.kinds("路灯不亮", START.date()) == [other]


# What staff put right.


def test_a_model_no_longer_of_this_release_is_left_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "categories.model").write_bytes(b"not a model")
    assert commands.own(load(models=tmp_path)) == []
    assert "the one we ship is used" in caplog.text
    with pytest.raises(linear.BadModel):
        linear.read(tmp_path / "categories.model")


async def test_what_staff_put_right_is_learnt_used_after_a_restart_and_taken_back(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOMAZHA_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("XIAOMAZHA_MODELS", str(tmp_path / "models"))
    service = build(load(), clock=lambda: START)
    words = "门前小广场的喷泉池子不出水"
    before = service.desks.ear.kinds(words, START.date())[0].code
    assert await _run("category", "retrain") == 1
    assert "攒到 2 条再学" in capsys.readouterr().out

    async def keep(connection: object) -> None:
        store = CorrectionStore(connection, START)  # type: ignore[arg-type]
        for number in range(6):
            await store.keep(f"{words}，第 {number} 天了", "trees", before)

    await service.desks.database.write(keep)
    assert await _run("category", "retrain") == 0
    told = capsys.readouterr().out
    assert "学了 6 条" in told
    assert "原来对 0.0%，现在对 100.0%" in told
    assert "重启服务后用上" in told
    assert service.desks.ear.kinds(words, START.date())[0].code == before
    assert learn(load()).ear.kinds(words, START.date())[0].code == "trees"
    # Nothing of what was said can be read in the file.
    assert "喷泉".encode() not in (tmp_path / "models" / "categories.model").read_bytes()
    assert await _run("category", "retrain") == 0
    assert [await _run("category", "retrain", "--back") for _ in range(3)] == [0, 0, 1]
    assert learn(load()).ear.kinds(words, START.date())[0].code == before
    await service.desks.database.close()


async def _run(*arguments: str) -> int:
    import asyncio

    return await asyncio.to_thread(command_line.main, [*arguments])


def test_the_category_command_measures_rows_of_either_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    lamps = [{"label": "灯", "tokens": f"路灯 不亮 {number} 号 楼"} for number in range(10)]
    dogs = [{"label": "狗", "text": f"第{number}天了，大狗没拴绳", "title": "养狗"} for number in range(10)]
    train.write_text("\n".join(json.dumps(each) for each in [*lamps, *dogs]), "utf-8")
    test.write_text('{"label":"灯","text":"我们这儿的路燈又不亮了"}\n{"label":"狗","tokens":"狗 拴绳"}\n', "utf-8")
    assert command_line.main(["category", "evaluate", "--train", str(train), "--test", str(test), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"accuracy": 1.0, "macro_f1": 1.0}
    test.write_text('{"label":"灯"}\n', "utf-8")
    assert command_line.main(["category", "evaluate", "--train", str(train), "--test", str(test)]) == 2
    assert "第 1 行" in capsys.readouterr().err


def test_accuracy_and_macro_f1_are_what_sklearn_says() -> None:
    from sklearn.metrics import accuracy_score, f1_score

    wanted, guessed = list("aabbbcd"), list("abbbacx")
    found = commands.measured(wanted, guessed)
    assert found.accuracy == accuracy_score(wanted, guessed)
    assert found.macro_f1 == pytest.approx(f1_score(wanted, guessed, average="macro"))


@pytest.mark.skipif(not COMPLAINTS.exists(), reason="the shared question sets are not on this machine (../shared/data)")
def test_complaints_are_sorted_no_worse_than_by_linear_svc() -> None:
    from bench.nlp import categories

    found = commands.evaluate(categories.TRAIN, categories.TEST)
    theirs = categories.peer(categories.TRAIN, categories.TEST)
    assert found.accuracy >= max(0.92, theirs.accuracy)
    assert found.macro_f1 >= theirs.macro_f1
