"""部件先属主后属地、事件先属地后属主: whom staff ask first when nobody knows whose it is."""

from dataclasses import replace

import pytest

from bot.app import Knowledge
from domain.catalogue import Nature
from domain.responsible import Responsible, Tie, in_order, owner

BUREAU = Responsible(Tie.OWNER, "区城市管理综合执法局", "city-management")
HERE = Responsible(Tie.AREA, "民乐社区")


@pytest.mark.parametrize(
    ("nature", "whose", "order"),
    [
        (Nature.COMPONENT, BUREAU, (BUREAU, HERE)),
        (Nature.EVENT, BUREAU, (HERE, BUREAU)),
        (Nature.COMPONENT, None, (HERE,)),
        (Nature.EVENT, None, (HERE,)),
    ],
)
def test_a_thing_goes_to_its_owner_first_and_what_happens_to_the_area(
    nature: Nature, whose: Responsible | None, order: tuple[Responsible, ...]
) -> None:
    assert in_order(nature, whose, "民乐社区") == order


def test_the_owner_is_the_property_company_in_its_estate_else_the_department_that_answers_for_it(
    knowledge: Knowledge,
) -> None:
    district = knowledge.district
    lamp, gas, clutter = (district.categories[code] for code in ("street-lamp", "gas", "clutter"))
    bureau = district.department(lamp.department)
    assert owner(lamp, bureau, "") == BUREAU
    assert owner(lamp, bureau, "安居物业（示例）") == Responsible(Tie.OWNER, "安居物业（示例）")
    # A gas pipe is never the property company's.
    company = owner(gas, district.department(gas.department), "安居物业（示例）")
    assert company is not None
    assert company.department == gas.department
    assert owner(clutter, district.department(clutter.department), "") is None
    assert owner(replace(clutter, in_estate=True), district.department(clutter.department), "安居物业（示例）")
