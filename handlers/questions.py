"""Staff see what residents of their area asked and nobody could answer, and answer once for everybody who asked."""

from datetime import date
from functools import partial

from bot.core.render import Phrase
from bot.core.talk import Ask, Heard, Talk, conversation
from bot.core.words import Choice
from domain.district import District, Entry, answer_for
from domain.faq import AnswerWithdrawn, Cluster, QuestionsSettled, Settling
from domain.people import STAFF
from domain.refusals import Refused
from nlp import plain, when
from services.news import short
from services.questions import LONGEST_ANSWER, caution
from storage.desk import Desk

# A label must fit a button.
_LABEL = 24
_NEAREST = 6


@conversation("questions", opens_with=["未答问题", "/questions"], roles=STAFF, place=12)
async def questions(talk: Talk[Desk]) -> None:
    if "cluster" in talk.given:
        await _card(talk, await _cluster(talk))
        return
    areas, last = talk.person.areas(*STAFF), _last(talk.given.get("after"))
    found, more = await talk.look(
        "clusters.page",
        tuple[list[Cluster], tuple[int, int] | None],
        lambda desk: desk.questions.clusters(areas, after=last),
    )
    if not found:
        talk.say("questions.no_more" if last else "questions.none")
        return
    talk.say(
        "questions.list",
        lines=tuple(Phrase("questions.line", {"count": each.askers, "words": short(each.words, 60)}) for each in found),
        choices=[
            *(Choice(short(each.words, _LABEL), opens="questions", given={"cluster": str(each.id)}) for each in found),
            *([Choice("questions.more", opens="questions", given={"after": f"{more[0]} {more[1]}"})] if more else []),
        ],
    )


def _last(after: str | None) -> tuple[int, int] | None:
    """Where the page before ended: how many asked what stood last on it, and its newest question."""
    askers, _, newest = (after or "").partition(" ")
    return (int(askers), int(newest)) if newest else None


async def _cluster(talk: Talk[Desk]) -> Cluster:
    """The cluster they opened, as it is open in their own areas."""
    number, areas = int(talk.given["cluster"]), talk.person.areas(*STAFF)
    found = await talk.look("cluster", Cluster | None, lambda desk: desk.questions.cluster(number, areas))
    if found is None:
        raise Refused("questions.settled")
    return found


async def _card(talk: Talk[Desk], cluster: Cluster) -> None:
    async def of_shown(desk: Desk) -> list[tuple[str, int, int]]:
        entries = [entry for each in cluster.shown if (entry := await desk.entry(each))]
        return [(entry.question, *await desk.questions.thumbs(entry.id)) for entry in entries]

    shown = await talk.look("shown", list[tuple[str, int, int]], of_shown)
    given = {"cluster": str(cluster.id)}
    talk.say(
        "questions.card",
        count=cluster.askers,
        lines=tuple(Phrase("questions.wording", {"words": short(words, 200)}) for words in cluster.wordings),
        shown=tuple(
            Phrase("questions.shown", {"question": question, "useful": useful, "useless": useless})
            for question, useful, useless in shown
        ),
        choices=[
            Choice("answer_write.title", opens="answer_write", given=given),
            Choice("answer_same.title", opens="answer_same", given=given),
            Choice("answer_close.title", opens="answer_close", given=given),
        ],
    )


def _day(heard: Heard, district: District) -> date:
    """The last day an answer holds."""
    return district.day(when.read(heard, district))


def _one_line(heard: Heard, district: District) -> str:
    return " ".join(plain.words(least=4, most=100)(heard, district).split())


def _which(heard: Heard, district: District) -> Heard:
    """One of the entries offered, or other words to look for it by."""
    if heard.choice is None:
        plain.words(least=2, most=100)(heard, district)
    return heard


QUESTION = Ask("answer_write.question", _one_line, free=True)
ANSWER = Ask("answer_write.answer", plain.words(least=4, most=LONGEST_ANSWER), free=True)
SOURCE = Ask("answer_write.source", plain.words(least=2, most=200), free=True)
DEPARTMENT = Ask("answer_write.department", plain.words(least=2, most=60), free=True)
UNTIL = Ask("answer_write.until", _day)
SURE = Ask("answer_write.sure", plain.choice, confirms=True)


@conversation("answer_write", roles=STAFF)
async def write_answer(talk: Talk[Desk]) -> QuestionsSettled | None:
    cluster = await _cluster(talk)
    question = await talk.ask(QUESTION, words=short(cluster.words, 100))
    answer = await talk.ask(ANSWER)
    source = await talk.ask(SOURCE)
    nearest = [entry.department for entry in talk.faq(cluster.words).near]
    department = await talk.ask(DEPARTMENT, [(each, each) for each in dict.fromkeys(nearest)])
    until: date | None = None
    for number in range(9):
        chosen = await talk.ask(
            SURE,
            [("answer.send", "yes"), ("answer.until", "until"), ("answer.not_yet", "no")],
            name=f"{SURE.name}.{number}",
            count=cluster.askers,
            question=question,
            preview=_answer(answer, source, department, talk.district.day(talk.now), ""),
            term=Phrase("answer.holds_until", {"day": until.isoformat()}) if until else "",
        )
        if chosen != "until":
            break
        until = await talk.ask(UNTIL, name=f"{UNTIL.name}.{number}")
    if chosen != "yes":
        talk.say("answer.kept_back")
        return None
    return QuestionsSettled(
        talk.person.id,
        cluster.id,
        Settling.ENTRY,
        question=question,
        answer=answer,
        source=source,
        department=department,
        valid_until=until,
    )


def _answer(answer: str, source: str, department: str, checked: date, cautious: Phrase | str) -> Phrase:
    """An answer as residents read it."""
    shown = {"answer": answer.strip(), "source": source, "department": department, "checked": checked.isoformat()}
    return Phrase("faq.answer", {**shown, "caution": cautious})


WHICH = Ask("answer_same.which", _which)
SAME = Ask("answer_same.sure", plain.choice, choices=(("answer.send", "yes"), ("answer.not_yet", "no")), confirms=True)


@conversation("answer_same", roles=STAFF)
async def same_as_entry(talk: Talk[Desk]) -> QuestionsSettled | None:
    cluster = await _cluster(talk)
    words, chosen = [*cluster.wordings], ""
    for number in range(9):
        name = f"entries.{number}"
        nearest = await talk.look(name, list[tuple[str, str]], partial(_nearest, talk, tuple(words)))
        offered = [(short(question, 40), entry) for entry, question in nearest]
        # What is neither of them is looked for by other words.
        said = await talk.ask(WHICH, offered, name=f"{WHICH.name}.{number}", words=short(cluster.words, 100))
        chosen = said.choice or ""
        if chosen:
            break
        words = [said.text]
    entry = await talk.look("entry", Entry | None, lambda desk: desk.entry(chosen))
    if entry is None:
        raise Refused("questions.settled")
    answer = answer_for(entry, None)
    sure = await talk.ask(
        SAME,
        count=cluster.askers,
        question=entry.question,
        preview=_answer(answer, entry.source, entry.department, entry.checked, caution(entry, talk.district, talk.now)),
    )
    if sure != "yes":
        talk.say("answer.kept_back")
        return None
    return QuestionsSettled(talk.person.id, cluster.id, Settling.PHRASING, entry=entry.id)


async def _nearest(talk: Talk[Desk], asked: tuple[str, ...], _desk: Desk) -> list[tuple[str, str]]:
    """The entries these words may mean, the surest first, as (id, question)."""
    matches = [talk.faq(words) for words in asked]
    found = [entry for match in matches for entry in ((match.sure, *match.near) if match.sure else match.near)]
    return [*dict.fromkeys((entry.id, entry.question) for entry in found)][:_NEAREST]


WHY = Ask("answer_close.why", plain.words(least=2, most=200), free=True)


@conversation("answer_close", roles=STAFF)
async def close_questions(talk: Talk[Desk]) -> QuestionsSettled:
    cluster = await _cluster(talk)
    why = await talk.ask(WHY, words=short(cluster.words, 100))
    return QuestionsSettled(talk.person.id, cluster.id, Settling.CLOSED, answer=why)


@conversation("answer_withdraw", roles=STAFF)
async def withdraw_answer(talk: Talk[Desk]) -> AnswerWithdrawn:
    return AnswerWithdrawn(talk.person.id, int(talk.given["answer"]))
