"""A wish for something new is told from trouble and from questions of policy."""

import pytest

from nlp.wishes import wishes


@pytest.mark.parametrize(
    "text",
    [
        "我想给小区装个充电桩",
        "要是能在门口建个凉亭就好了",
        "希望小區裡多放幾個垃圾桶",
        "能不能给咱小区装几个路灯",
        "我提个建议，楼道里装个扶手吧",
    ],
)
def test_a_wish_for_something_new_is_one(text: str) -> None:
    assert wishes(text)


@pytest.mark.parametrize(
    "text",
    [
        "路灯坏了，建议换个新的装上",
        "希望早点把路灯修好",
        "能不能给我办低保",
        "应该找谁办居住证",
        "垃圾桶满了没人收，希望多放几个",
        "我建议",
        "",
    ],
)
def test_trouble_and_questions_are_none(text: str) -> None:
    assert not wishes(text)
