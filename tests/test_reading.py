"""What people type, and what we take it to mean."""

from datetime import UTC, date, datetime

import pytest

from bot.app import Knowledge
from bot.core.errors import Unclear
from bot.core.talk import Heard
from bot.core.words import Address, Said
from nlp import grid_code, normalise, place, when
from nlp.segment import Segmenter
from tests.play import START

# A Monday, 17:00 in Qiqihar.
SAID = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("230203002001001", "230203002001001"),
        ("２３０２０３００２００１００１", "230203002001001"),
        ("230203 002001 001", "230203002001001"),
        ("230203-002001-001", "230203002001001"),
        ("网格码是 002001001 对吧", "002001001"),
        ("230203002001", "230203002001"),
        ("https://t.me/bot?start=g_230203002001001", "230203002001001"),
        ("我电话 13800000001", None),
        ("3 栋 2 单元 501", None),
        ("", None),
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str, digits: str | None) -> None:
    assert grid_code.read(typed) == digits


def test_a_wrong_digit_is_offered_the_codes_that_exist(knowledge: Knowledge) -> None:
    codes = list(knowledge.district.grids)
    assert grid_code.meant("230203002001901", codes) == ["230203002001001"]
    assert grid_code.meant("230203002010001", codes)[0] == "230203002001001"
    assert grid_code.meant("999999999999999", codes) == []


def test_an_old_code_leads_to_whoever_took_over(knowledge: Knowledge) -> None:
    district = knowledge.district
    ended = [grid for grid in district.grids.values() if grid.until]
    assert ended
    for grid in ended:
        heirs = district.heirs(grid.code, date(2026, 11, 23))
        assert heirs
        assert all(heir.until is None for heir in heirs)


@pytest.mark.parametrize(
    ("said", "words", "grid"),
    [
        ("幸福里 3 栋", "幸福里 3 栋", "230203002001001"),
        ("幸福里３号楼", "幸福里 3 栋", "230203002001001"),
        ("幸福里三栋二单元", "幸福里 3 栋 2 单元", "230203002001001"),
        ("幸福里十二幢", "幸福里 12 栋", "230203002001002"),
        ("住在幸福里小区 3 号楼楼下", "幸福里 3 栋", "230203002001001"),
    ],
)
def test_an_estate_and_a_block_are_found(said: str, words: str, grid: str, knowledge: Knowledge) -> None:
    found = place.find(said, knowledge.district)
    assert found is not None
    assert (found.words, found.grids) == (words, (grid,))


def test_a_place_nobody_knows_is_asked_for_with_an_example(knowledge: Knowledge) -> None:
    with pytest.raises(Unclear):
        place.read(Heard(SAID, "就那边"), knowledge.district)


def test_what_is_said_in_mid_sentence_is_left_whole(knowledge: Knowledge) -> None:
    text = "昨晚路过幸福里 3 栋，看见路灯不亮"
    found = place.find(text, knowledge.district)
    assert found is not None
    assert place.rest(text, found) == text


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ("3 天", datetime(2026, 11, 26, 9, 0, tzinfo=UTC)),
        ("三天后", datetime(2026, 11, 26, 9, 0, tzinfo=UTC)),
        ("2小时", datetime(2026, 11, 23, 11, 0, tzinfo=UTC)),
        ("明天", datetime(2026, 11, 24, 12, 0, tzinfo=UTC)),
        ("明晚 8 点", datetime(2026, 11, 24, 12, 0, tzinfo=UTC)),
        ("明天下午3点半", datetime(2026, 11, 24, 7, 30, tzinfo=UTC)),
        ("下周五", datetime(2026, 12, 4, 12, 0, tzinfo=UTC)),
        ("周五 18:00", datetime(2026, 11, 27, 10, 0, tzinfo=UTC)),
        ("11 月 30 日 18:00", datetime(2026, 11, 30, 10, 0, tzinfo=UTC)),
        ("2026-12-01 9:30", datetime(2026, 12, 1, 1, 30, tzinfo=UTC)),
        ("1 月 5 日", datetime(2027, 1, 5, 12, 0, tzinfo=UTC)),
        ("12月1日截止", datetime(2026, 12, 1, 12, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_against_when_it_was_said(said: str, until: datetime, knowledge: Knowledge) -> None:
    assert when.read(Heard(SAID, said), knowledge.district) == until


@pytest.mark.parametrize("said", ["昨天", "2 月 30 日", "随便", "25:00", "0 天", "今天 8 点", "99999 月"])
def test_what_is_no_time_to_come_is_asked_again(said: str, knowledge: Knowledge) -> None:
    with pytest.raises(Unclear):
        when.read(Heard(SAID, said), knowledge.district)


def test_both_scripts_all_widths_and_cases_fold_to_one() -> None:
    assert normalise.fold("醫保斷繳　ＡＢＣ１２") == "医保断缴 abc12"
    assert normalise.fold("等著") == "等着"


@pytest.mark.parametrize(
    "said", ["我身份证 230203199001011234", "电话13800000001", "卡号 6222 0212 3456 7890 123", "138-0000-0001"]
)
def test_long_numbers_are_blotted_out_before_a_question_is_kept(said: str) -> None:
    masked = normalise.mask(said)
    assert not any(len(run) > 4 for run in "".join(each if each.isdigit() else " " for each in masked).split())


def test_a_grid_code_or_a_year_is_not_taken_for_a_phone() -> None:
    assert normalise.mask("2026 年的政策，3 栋 501") == "2026 年的政策，3 栋 501"


def test_residents_words_lead_to_the_kind_of_problem(knowledge: Knowledge) -> None:
    kinds = knowledge.ear.kinds
    assert kinds("楼下路灯又不亮了", START.date())[0].code == kinds("路燈不亮", START.date())[0].code == "street-lamp"
    assert kinds("有股煤气味", START.date())[0].urgent
    assert kinds("说不上来", START.date())[0].code == "other"


def test_every_faq_entry_answers_its_own_phrasings(knowledge: Knowledge) -> None:
    day = date(2026, 11, 23)
    wrong = [
        (entry.id, phrasing)
        for entry in knowledge.district.entries
        for phrasing in (entry.question, *entry.alts)
        if (match := knowledge.ear.faq(phrasing, day)).sure is not entry and entry not in match.near
    ]
    assert wrong == []


def test_words_the_faq_knows_nothing_of_get_no_sure_answer(knowledge: Knowledge) -> None:
    day = date(2026, 11, 23)
    for words in ("火星上的居民怎么选村长", "帮我写一首诗", "abc def", "😀😀", "https://example.com/?a=1", "长" * 4000):
        assert knowledge.ear.faq(words, day).sure is None


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("230203002001001", "grid"),
        ("３号楼西边路灯又不亮了", "report"),
        ("醫保斷繳三個月還能報銷嗎", "faq"),
        ("K7M2PQ9XT4", "join"),
        ("你们什么时候上班", "faq"),
        ("我昨天报的那个路灯有人修没", "mine"),
        ("俺们这片归哪个网格员管", "grid"),
        ("俺同意，咋投票", "vote"),
        ("多谢啊", "chat"),
        ("asdf qwer", "unsure"),
        ("😀😀😀", "unsure"),
        ("https://example.com/a?b=1", "unsure"),
        ("'; DROP TABLE cases; --", "unsure"),
        ("网格员李强收我钱才给登记", "report"),
        ("俺要举报那个网格员", "report"),
        ("天然气费怎么交", "faq"),
        ("13812345678", "unsure"),
        ("230204195001011234", "unsure"),
        ("230203002001001 门口路灯坏了", "report"),
        ("261123-0001", "mine"),
    ],
)
def test_what_somebody_means_without_naming_it(words: str, meant: str, knowledge: Knowledge) -> None:
    assert knowledge.ear.intent(Said(Address("web", "chat", "x"), "1", SAID, words)).conversation == meant


def test_one_districts_words_do_not_leak_into_another_dictionary() -> None:
    with_word = Segmenter(["幸福里三区"])
    without = Segmenter()
    assert "幸福里三区" in with_word.cut("幸福里三区停电")
    assert "幸福里三区" not in without.cut("幸福里三区停电")
