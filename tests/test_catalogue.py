"""At each moment exactly one entry holds for a category, and whoever edits it is told when that is not so."""

from dataclasses import replace
from datetime import date, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bot.app import Knowledge
from domain.catalogue import OTHER, Catalogue, Category, in_line, out_of_line
from domain.people import Role
from domain.working_time import Term, Unit

FIRST = date(2026, 1, 1)
HOUR = Term(1, Unit.HOUR)
LAMP = Category("lamp", "路灯", "street", Role.GRIDWORKER, "lamps", Term(3, Unit.HOUR), HOUR)

days = st.integers(0, 40).map(lambda number: FIRST + timedelta(days=number))


def _fits(span: tuple[date | None, date | None]) -> bool:
    return span[0] is None or span[1] is None or span[0] <= span[1]


spans: st.SearchStrategy[tuple[date | None, date | None]] = st.tuples(st.none() | days, st.none() | days).filter(_fits)


@st.composite
def entries(draw: st.DrawFn) -> list[Category]:
    """A few entries of one category, mostly one after the other, sometimes with a slip."""
    if draw(st.booleans()):
        return [
            replace(LAMP, since=since, until=until) for since, until in draw(st.lists(spans, min_size=1, max_size=4))
        ]
    edges = sorted(draw(st.sets(days, max_size=4)))
    starts, ends = [None, *edges], [*(edge - timedelta(days=1) for edge in edges), None]
    whole = [replace(LAMP, since=since, until=until) for since, until in zip(starts, ends, strict=True)]
    return draw(st.permutations(whole))


@given(entries())
def test_what_is_in_line_holds_exactly_once_on_each_day(written: list[Category]) -> None:
    line = in_line(written)
    faults = list(out_of_line(line))
    first, last = line[0].since or FIRST - timedelta(days=9), line[-1].until or FIRST + timedelta(days=60)
    counted = [
        sum(entry.holds(first + timedelta(days=number)) for entry in written)
        for number in range((last - first).days + 1)
    ]
    if not faults:
        # Read off day by day.
        assert set(counted) <= {1}
        for number in range(len(counted)):
            day = first + timedelta(days=number)
            assert Catalogue(tuple(written)).holding("lamp", day) == next(each for each in written if each.holds(day))
    for before, after, gap in faults:
        if gap.days > 0:
            assert before.until is not None
            assert not any(entry.holds(before.until + timedelta(days=1)) for entry in (before, after))
        else:
            assert after.holds(after.since or date.min)
            assert before.holds(after.since or date.min)


def test_the_shipped_catalogue_has_one_entry_for_each_category_on_each_day_of_three_years(knowledge: Knowledge) -> None:
    catalogue = knowledge.district.catalogue
    for number in range(3 * 365):
        day = FIRST + timedelta(days=number)
        holding = [entry.code for entry in catalogue.entries if entry.holds(day)]
        assert len(holding) == len(set(holding)) == len(catalogue.on(day)) == len(catalogue.newest)
        assert catalogue.holding(OTHER, day) is not None


def test_the_same_terms_have_one_name_whenever_they_hold_and_whatever_they_are_called_by() -> None:
    assert LAMP.version == replace(LAMP, words=("灯",), since=FIRST, until=FIRST).version
    changed = [
        replace(LAMP, deadline=Term(4, Unit.HOUR)),
        replace(LAMP, department="roads"),
        replace(LAMP, basis="《城市照明管理规定》"),
        replace(LAMP, admitted=3),
    ]
    assert len({each.version for each in (LAMP, *changed)}) == 5
    assert msgspec.json.decode(msgspec.json.encode(LAMP), type=Category) == LAMP


def test_a_category_that_has_left_the_catalogue_is_dealt_with_as_the_rest_is(knowledge: Knowledge) -> None:
    gone = replace(LAMP, until=FIRST)
    rest = knowledge.district.categories[OTHER]
    district = replace(knowledge.district, catalogue=Catalogue((gone, rest)))
    assert district.category("lamp", FIRST) == gone
    assert district.category("lamp", FIRST + timedelta(days=1)) == rest
    assert district.category("lamp") == gone
    assert district.category("never", FIRST) == rest
