"""Our cuts are jieba's, word for word, from a dictionary in less room."""

import json
import logging
from pathlib import Path

import jieba
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jieba import finalseg

from nlp import unseen
from nlp.normalise import fold
from nlp.segment import Segmenter

jieba.setLogLevel(logging.WARNING)
SHARED = Path("../shared/data/faq/dev")
_LETTERS = "的一是在不了有和人这中大为上个国我以要他时来用们生到幸福里三区1号楼网格员T恤衫aB2.-% ，。😀"
OWN = ["幸福里三区", "1号楼", "网格员", "怎么办", "T恤衫", "民乐社区", "医保局"]


@pytest.fixture(scope="module")
def ours() -> Segmenter:
    return Segmenter(OWN)


@pytest.fixture(scope="module")
def theirs() -> jieba.Tokenizer:
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    for word in OWN:
        tokenizer.add_word(word)
    return tokenizer


def _agree(ours: Segmenter, theirs: jieba.Tokenizer, text: str) -> bool:
    def said(words: object) -> list[str]:
        assert hasattr(words, "__iter__")
        return [word for word in words if any(each.isalnum() for each in word)]

    return ours.cut(text) == said(theirs.cut(text)) and ours.cut_for_search(text) == said(theirs.cut_for_search(text))


@given(st.text(st.sampled_from(_LETTERS), max_size=40))
def test_any_text_is_cut_as_jieba_cuts_it(ours: Segmenter, theirs: jieba.Tokenizer, text: str) -> None:
    assert _agree(ours, theirs, text)


def test_every_question_of_the_public_sets_is_cut_as_jieba_cuts_it(ours: Segmenter, theirs: jieba.Tokenizer) -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    texts = [
        json.loads(line).get("query", "")
        for path in sorted(SHARED.glob("*_queries.jsonl"))
        for line in path.read_text("utf-8").splitlines()[:1500]
    ]
    assert len(texts) > 4000
    assert [text for text in texts if not _agree(ours, theirs, fold(text))] == []


def test_the_districts_own_words_are_kept_whole(ours: Segmenter) -> None:
    for word in OWN:
        assert word in ours.cut(f"我在{word}呢")


@given(st.text(st.sampled_from("王李强建国伟芳丽萍的在齐哈尔鹤城欣苑一二三四冇嘅氹囍"), min_size=1, max_size=30))
def test_names_and_new_words_are_found_as_jieba_finds_them(run: str) -> None:
    assert unseen.cut(run) == tuple(finalseg.cut(run))
