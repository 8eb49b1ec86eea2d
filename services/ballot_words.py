"""What people read of a ballot: the same words for whoever previews it, is asked, is reminded or hears the result."""

from collections.abc import Sequence

from bot.core.render import Phrase
from bot.core.words import Choice
from domain.areas import Extent
from domain.councils import Ballot, Electorate
from domain.counting import BEST, Method, Owners, Paper, Tally, Verdict
from domain.district import District

Lines = tuple[Phrase, ...]


def named(extent: Extent, district: District) -> str:
    """What people call all it is put to: the estate, or the area."""
    return extent.estate or district.area_name(extent.area)


def asked(ballot: Ballot) -> Lines:
    """What stands under the question: the options, unless they are all on buttons; how it is done; what is special."""
    return (*_listed(ballot), Phrase(f"ballot.how.{_way(ballot)}", _how(ballot)), *rules(ballot))


def asked_again(ballot: Ballot) -> Lines:
    """The same, for somebody who wants to vote just now."""
    return (*_listed(ballot), Phrase(f"vote.how.{_way(ballot)}", _how(ballot)), *rules(ballot))


def reminded(ballot: Ballot) -> Lines:
    """The same in short, for those who have read it before."""
    return (*_listed(ballot), Phrase(f"ballot.remind.{_way(ballot)}", _how(ballot)))


def _listed(ballot: Ballot) -> Lines:
    return () if ballot.one_tap else numbered(ballot.options)


def _way(ballot: Ballot) -> str:
    return "single" if ballot.one_tap else ballot.method


def _how(ballot: Ballot) -> dict[str, object]:
    return {"closes": ballot.closes_at, "most": ballot.most or len(ballot.options), "best": BEST}


def rules(ballot: Ballot) -> Lines:
    """Whatever is not as it mostly is."""
    return (
        *([] if ballot.electorate is Electorate.RESIDENTS else [Phrase(f"ballot.whose.{ballot.electorate}")]),
        *([Phrase("ballot.grave" if ballot.grave else "ballot.double")] if _owners(ballot) else []),
        *([Phrase("ballot.needs", {"quorum": ballot.quorum})] if ballot.quorum and not _owners(ballot) else []),
        *([] if ballot.secret else [Phrase("ballot.openly")]),
    )


def numbered(options: Sequence[str]) -> Lines:
    return tuple(
        Phrase("ballot.numbered", {"number": number, "option": option}) for number, option in enumerate(options, 1)
    )


def options(ballot: Ballot) -> list[Choice]:
    """A button for each answer: a tap is a vote, or where more can be marked the beginning of one."""
    given = {"ballot": str(ballot.id)}
    steps = [] if ballot.one_tap else [Choice(f"vote.step_{ballot.method}", opens="vote", given={**given, "step": "1"})]
    if ballot.method is Method.SCORE:
        return steps
    return [
        *(
            Choice(option, opens="vote", given={**given, "option": str(place)})
            for place, option in enumerate(ballot.options)
        ),
        *steps,
    ]


def marked(paper: Paper, method: Method, labels: Sequence[str]) -> str:
    """A paper in words: 修路、装灯; ranked 1 修路，2 装灯; by score 修路 5，装灯 3."""
    if method is Method.SCORE:
        return "，".join(f"{label} {score}" for label, score in zip(labels, paper, strict=True))
    if method is Method.RANKED:
        return "，".join(f"{place} {labels[option]}" for place, option in enumerate(paper, 1))
    return "、".join(labels[option] for option in paper)


def room(labels: Sequence[str]) -> int:
    """How many bytes the longest paper takes in words, or a receipt."""
    return max(sum(len(f"{label} 1，".encode()) for label in labels), 16)


def outcome(ballot: Ballot) -> Lines:
    """The full count of a ballot, line by line, and what it means by its rules."""
    result = ballot.result
    if result is None:
        return ()
    return (*_counts(ballot, result.tally), *_meaning(ballot), *_left(ballot))


def total(ballot: Ballot) -> Phrase:
    """How many took part, of how many."""
    result = ballot.result
    shown = {} if result is None else {"votes": result.votes, "eligible": result.eligible, "turnout": _share(result)}
    return Phrase(f"ballot.total.{ballot.electorate}", shown)


def _counts(ballot: Ballot, tally: Tally) -> Lines:
    if ballot.result and ballot.result.owners:
        return tuple(
            Phrase("ballot.count_owners", {"option": option, "people": each.people, "area": metres(each)})
            for option, each in zip(ballot.options, ballot.result.owners[1:], strict=True)
        )
    if tally.rounds:
        return _rounds(ballot.options, tally)
    score = ballot.method is Method.SCORE
    return tuple(
        Phrase(
            "ballot.count_score" if score else "ballot.count",
            {"option": option, "votes": votes, "mean": f"{votes / tally.papers:.1f}" if tally.papers else "0"},
        )
        for option, votes in zip(ballot.options, tally.counts, strict=True)
    )


def _rounds(names: Sequence[str], tally: Tally) -> Lines:
    lines: list[Phrase] = []
    out: set[int] = set()
    for number, each in enumerate(tally.rounds, 1):
        counts = "，".join(
            f"{name} {votes}"
            for option, (name, votes) in enumerate(zip(names, each.counts, strict=True))
            if option not in out
        )
        lines.append(Phrase("ballot.round", {"number": number, "counts": counts}))
        if each.spent:
            lines.append(Phrase("ballot.spent", {"spent": each.spent}))
        if each.out is not None:
            out.add(each.out)
            lines.append(Phrase(f"ballot.out.{each.why}", {"option": names[each.out]}))
    return tuple(lines)


def _meaning(ballot: Ballot) -> Lines:
    result = ballot.result
    if result is None:
        return ()
    if result.owners:
        everybody, *each = result.owners
        voted = Owners(sum(one.people for one in each), sum(one.area for one in each))
        shares = {
            "people": f"{voted.people}/{everybody.people}",
            "people_share": _percent(voted.people, everybody.people),
            "area": f"{metres(voted)}/{metres(everybody)}",
            "area_share": _percent(voted.area, everybody.area),
            "yes_people": _percent(each[0].people, voted.people),
            "yes_area": _percent(each[0].area, voted.area),
        }
        return (
            Phrase("ballot.owners_took_part", shares),
            Phrase("ballot.owners_agreed_grave" if ballot.grave else "ballot.owners_agreed", shares),
            Phrase(f"ballot.owners_verdict.{result.verdict}"),
        )
    if result.verdict is Verdict.TOO_FEW:
        return (Phrase("ballot.verdict.too_few", {"quorum": ballot.quorum}),)
    if result.verdict is not None:
        return (Phrase(f"ballot.verdict.{result.verdict}"),)
    if ballot.method in (Method.RANKED, Method.SCORE) and result.tally.leads:
        ahead = "、".join(ballot.options[option] for option in result.tally.leads)
        return (Phrase("ballot.ahead" if len(result.tally.leads) == 1 else "ballot.level", {"options": ahead}),)
    return ()


def _left(ballot: Ballot) -> Lines:
    unsettled, voided = (ballot.result.unsettled, ballot.result.voided) if ballot.result else (0, 0)
    return (
        *([Phrase("ballot.unsettled", {"papers": unsettled})] if unsettled else []),
        *([Phrase("ballot.voided", {"papers": voided})] if voided else []),
    )


def metres(owners: Owners) -> str:
    """A floor area in square metres: 12050 is 120.50."""
    return f"{owners.area // 100}.{owners.area % 100:02}"


def _owners(ballot: Ballot) -> bool:
    return ballot.electorate is Electorate.OWNERS


def _share(result: object) -> str:
    return f"{getattr(result, 'turnout', 0):.0%}"


def _percent(part: int, whole: int) -> str:
    # Cut, not rounded: 66.66 % is not two thirds.
    return f"{part * 1000 // whole / 10:.1f}%" if whole else "0%"
