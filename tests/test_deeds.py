"""What somebody on duty has done is told from what is still to do."""

import pytest

from domain.cases import Move
from nlp.deeds import deed


@pytest.mark.parametrize(
    "text", ["换好灯泡了", "3号楼楼道燈換好了", "垃圾清走了", "井盖补上了", "完事了", "搞定！", "好了"]
)
def test_done_is_done(text: str) -> None:
    assert deed(text) is Move.FINISH


@pytest.mark.parametrize("text", ["到现场了", "我到了", "已经到位", "到楼下了"])
def test_there_is_there(text: str) -> None:
    assert deed(text) is Move.ON_SITE


@pytest.mark.parametrize("text", ["我整不了，得找供热的", "这个不归我管", "办不了"])
def test_what_cannot_be_done_is_given_back(text: str) -> None:
    assert deed(text) is Move.RETURN


@pytest.mark.parametrize(
    "text",
    [
        "还没修好",
        "啥时候能修好",
        "修好了吗？",
        "这归谁管",
        "垃圾清理完又堆满了",
        "路灯坏了",
        "请派人处理好",
        "我的任务",
        "",
        "换好了" * 20,
    ],
)
def test_what_is_not_done_is_no_deed(text: str) -> None:
    assert deed(text) is None
