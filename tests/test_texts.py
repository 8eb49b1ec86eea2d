"""Every sentence people read is used, stands in every language, and is written the way we write; and the words
it tells people to type work."""

import ast
import re
import shutil
import tomllib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import pytest
from opencc import OpenCC

import handlers
from bot.app import Knowledge, found_in
from bot.core import turn
from bot.core.talk import Conversation
from bot.core.texts import LANGUAGES, Texts
from bot.core.words import Odd
from config.settings import HOME, load
from domain import matters, mediation
from domain.admission import REASONED, Act, State
from domain.cases import RULES, Move, Need, Score, Status
from domain.catalogue import Nature
from domain.climb import LEVELS
from domain.councils import BY_ROSTER, Electorate
from domain.counting import Method, Verdict, Why
from domain.faq import Doubt
from domain.letters import Side
from domain.mediation import LIVE, Do, Stage
from domain.people import STAFF, Role
from domain.queues import SHOWN
from domain.tally import TIMED
from domain.visits import Outcome
from domain.whistles import Standing
from storage.desk import Desk
from tests.play import Stage as Theatre

CONVERSATIONS = {each.name: each for each in found_in(handlers, Conversation)}
OPENED_BY_WORDS = [each.name for each in CONVERSATIONS.values() if each.opens_with]

# What the code looks for: the text key is this argument of the call.
KEY_ARGUMENT = {
    "Ask": 0,
    "Line": 0,
    "Phrase": 0,
    "Refused": 0,
    "Unclear": 0,
    "Choice": 0,
    "say": 0,
    "tell": 1,
    "tell_area": 1,
    "Problem": 0,
    "label": 0,
    "answer": 0,
    "tell_above": 0,
    "tell_reporter": 0,
    "tell_followers": 0,
    "tell_worker": 0,
    "tell_handlers": 1,
    "_ended": 1,
    "_tell": 1,
    "tell_hosts": 2,
    "tell_ground": 2,
    "tell_groups": 2,
    "tell_of_vote": 2,
    "_push": 2,
    "_ruled": 1,
    "_tell_author": 1,
    "note": 3,
    "_tell_community": 1,
}
# What a call adds to the facts it is given.
ADDED = {
    "note": {"name_of", "lines"},
    "tell_reporter": {"whose"},
    "_ended": {"whose", "number", "why", "hotline"},
    "answer": {"title"},
    "tell_hosts": {"title", "place"},
    "tell_ground": {"title", "place"},
    "tell_groups": {"title", "place"},
    "tell_of_vote": {"title", "place"},
    "_push": {"title", "what", "due"},
    "_ruled": {"title", "reason"},
    "_tell_author": {"title", "words", "reason"},
}
# Ways of voting that take more than a tap.
LONG = [Method.SEVERAL, Method.RANKED, Method.SCORE]
WAYS = [Method.SINGLE, *LONG]
# Keys the code puts together, each with everything that may stand in the gap.
FAMILIES: Mapping[str, Iterable[str]] = {
    "{}.title": CONVERSATIONS,
    "{}.help": CONVERSATIONS,
    "odd.{}": Odd,
    "role.{}": Role,
    "case.{}": [score.name.lower() for score in Score],
    "case.status.{}": Status,
    "case.first.{}": Nature,
    "visit.button.{}": Outcome,
    "visit.outcome.{}": Outcome,
    "admission.state.{}": State,
    "admission.already.{}": State,
    "admission.act.{}": Act,
    "admission.button.{}": [act for act in Act if act not in (Act.ASK, Act.EXPIRE)],
    "admission.did.{}": [act for act in Act if act not in (Act.ASK, Act.EXPIRE)],
    "admission.told.{}": [act for act in Act if act not in (Act.ASK, Act.EXPIRE)],
    "admission.why.{}": REASONED,
    "case.already.{}": Status,
    "case.did.{}": Move,
    "case.now.{}": Status,
    "mediation.do.{}": Do,
    "mediation.over.{}": [stage for stage in Stage if stage not in LIVE],
    "mediation.side.{}": mediation.Side,
    "mediation.stage.{}": Stage,
    "mediation.sure.{}": (Do.LEAVE, Do.FAIL, Do.RECUSE, Do.OTHER_MEDIATOR),
    "mediation.you_{}": (Do.RECUSE, Do.OTHER_MEDIATOR),
    "letter.by.{}": Side,
    "letter.write_{}": Side,
    "promise.{}": ("yesterday", "today", "tomorrow", "day_after"),
    "case.climb.{}": LEVELS,
    "level.{}": STAFF,
    "queue.name.{}": SHOWN,
    "whistle.already.{}": Standing,
    "whistle.standing.{}": Standing,
    "whistle.button.{}": ("attend", "decline", "sign", "excuse", "insist"),
    "case.held.{}": (Role.STREET, Role.DISTRICT),
    "stale.{}": Doubt,
    "stats.took.{}": TIMED,
    # No button: a case is opened by reporting, left by losing an office, and climbs by itself.
    "case.button.{}": [move for move in RULES if move not in (Move.LEAVE, Move.INHERIT)],
    "case.why.{}": [move for move, rule in RULES.items() if Need.REASON in rule.needs],
    "case.needs.{}": Need,
    "matter.{}": [score.name.lower() for score in matters.Score],
    "matter.tier.{}": matters.Tier,
    "matter.status.{}": matters.Status,
    "matter.already.{}": matters.Status,
    "matter.state.{}": matters.State,
    "matter.leaf.{}": matters.State,
    "matter.needs.{}": matters.Need,
    "matter.file.{}": matters.Kind,
    "matter.filed.{}": matters.Kind,
    "matter.leaf_line.{}": matters.Kind,
    "matter.news.{}": matters.NEWS,
    "matter.did.{}": [move for move in matters.Move if move not in matters.UNLOGGED],
    "matter.why.{}": [move for move, rule in matters.RULES.items() if matters.Need.REASON in rule.needs],
    # Signed in at the door, with its code.
    "matter.button.{}": [
        move for move, rule in matters.RULES.items() if rule.parts and move is not matters.Move.SIGN_IN
    ],
    "council_calendar.{}": ["begins", "closes", "notice", "rate"],
    "matter.case_{}": ["closed", "ended"],
    "my_votes.{}": ["open", "cast", "before", "counting"],
    "ballot.how.{}": WAYS,
    "vote.how.{}": WAYS,
    "ballot.remind.{}": WAYS,
    "ballot.whose.{}": [each for each in Electorate if each is not Electorate.RESIDENTS],
    "ballot.total.{}": Electorate,
    "ballot.out.{}": Why,
    "ballot.verdict.{}": [Verdict.PASSED, Verdict.NOT_AGREED],
    "ballot.owners_verdict.{}": Verdict,
    "ballot.not_on_roster_{}": BY_ROSTER,
    "vote.step_{}": LONG,
    "vote.next_{}": LONG,
    "vote.unclear_{}": Method,
    "ballot_open.change_{}": ["method", "who", "begins", "quorum", "secret"],
    "ballot_open.method_{}": Method,
    "ballot_open.who_{}": Electorate,
}
_KEY = re.compile(r"[a-z_{}]+(\.[a-z_{}]+)+")

# Where a number or a moment will stand; anything else is a word.
NUMBERS = {
    *("checked", "code", "count", "day", "days", "eligible", "hotline", "length", "longest", "month", "most"),
    *("coming", "fair", "good", "poor", "signed", "wait"),
    *("best", "handful", "households", "papers", "people_share", "quorum", "spent", "yes_people"),
    *("number", "page", "pages", "people", "told", "trouble", "turnout", "useful", "useless", "votes"),
    *("all", "closed", "high", "low", "merged", "old", "opened", "part", "quarter", "reopened", "share", "still_open"),
    *("year", "answered", "solved", "content", "on_time"),
}
MOMENTS = {"at", "begins", "by", "closes", "due", "now", "opens", "starts", "until", "used"}

_CJK = r"[\u4e00-\u9fff]"
_BAD_ZH = {
    "中文与字母、数字之间空一格": re.compile(rf"{_CJK}[A-Za-z0-9]|[A-Za-z0-9]{_CJK}"),
    "中文旁边用全角标点": re.compile(rf"{_CJK}[,.!?:;()]|[,.!?:;()]{_CJK}"),
    "引号用「」": re.compile(r"[\"'“”‘’]"),
    "空格多了": re.compile(r"  | $| \n| [，。：；！？、）」]|[，。：；！？、（「] "),
    "用「您」": re.compile("你"),
    "不说错误、失败": re.compile("错误|失败|非法|无效|(?i:error)"),
}
_BAD_EN = {
    "full-width punctuation": re.compile(r"[，。：；！？、（）「」]"),
    "straight quotes": re.compile(r"[\"']"),
    "a space too many": re.compile(r"  | $| \n| [,.:;!?)]"),
    "cold words": re.compile(r"\b(error|invalid|illegal|failed|failure|wrong input)\b", re.IGNORECASE),
}


@dataclass(frozen=True)
class Use:
    """A text key in the code. `given` are the facts handed over with it; None when that cannot be read there."""

    where: str
    template: str
    button: bool
    given: frozenset[str] | None

    def texts(self) -> list[str]:
        if "{}" not in self.template:
            return [self.template]
        return [self.template.format(value) for value in FAMILIES[self.template]]


def _uses() -> Iterator[Use]:
    for folder in ("bot", "handlers", "services", "nlp", "domain", "storage", "web"):
        for path in sorted((HOME.parent / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                where = f"{folder}/{path.name}:{getattr(node, 'lineno', 0)}"
                if isinstance(node, ast.Call):
                    yield from _uses_in_call(node, where)
                elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and folder == "handlers":
                    # A (label, value) pair of choices.
                    yield from (Use(where, key, True, frozenset()) for key in _templates(node.elts[0]))


def _uses_in_call(call: ast.Call, where: str) -> Iterator[Use]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = KEY_ARGUMENT.get(name)
    if place is None or len(call.args) <= place:
        return
    given: frozenset[str] | None = frozenset(each.arg for each in call.keywords if each.arg) | ADDED.get(name, set())
    if name == "Ask" or any(each.arg is None for each in call.keywords):
        given = None
    elif name in ("Line", "Phrase"):
        given = _named(call.args[1]) if len(call.args) > 1 else frozenset()
    for template in _templates(call.args[place]):
        yield Use(where, template, name == "Choice", given)


def _named(facts: ast.expr) -> frozenset[str] | None:
    if not isinstance(facts, ast.Dict) or None in facts.keys:
        return None
    return frozenset(str(key.value) for key in facts.keys if isinstance(key, ast.Constant))


def _templates(expression: ast.expr) -> list[str]:
    """The keys an argument may be; for one put together, with {} for its gaps."""
    if isinstance(expression, ast.IfExp):
        return _templates(expression.body) + _templates(expression.orelse)
    found = ""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        found = expression.value
    elif isinstance(expression, ast.JoinedStr):
        found = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in expression.values)
    return [found] if _KEY.fullmatch(found) else []


USES = list(_uses())


@pytest.fixture(scope="module")
def texts(knowledge: Knowledge) -> Texts:
    return knowledge.texts


@pytest.fixture(scope="module")
def written() -> dict[str, dict[str, str]]:
    """By language and key, as the files have it."""
    return {
        path.stem: dict(_flat(tomllib.loads(path.read_text("utf-8"))))
        for path in sorted((HOME / "texts").glob("*.toml"))
    }


def _flat(table: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", str(value)


def _gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _filled(text: str, language: str = "zh") -> dict[str, object]:
    """Something of the right kind for every gap of a text."""
    word, moment = ("Li", "7/7 07:07") if language == "en" else ("某某", "7 月 7 日 07:07")
    kinds = {"time": "07:07", "caution": f"\n{word}"} | dict.fromkeys(NUMBERS, "7") | dict.fromkeys(MOMENTS, moment)
    return {name: kinds.get(name, word) for name in _gaps(text)}


# The keys: every one used exists, every one that exists is used, and nothing is left unfilled.


def test_keys_put_together_by_the_code_are_the_ones_listed_here() -> None:
    assert {use.template for use in USES if "{}" in use.template} == set(FAMILIES)


def test_every_text_the_code_asks_for_is_written(texts: Texts) -> None:
    assert {f"{use.where} {key}" for use in USES for key in use.texts() if key not in texts} == set()


def test_every_text_that_is_written_is_asked_for(texts: Texts) -> None:
    assert set(texts.keys()) - {key for use in USES for key in use.texts()} == set()


def test_a_text_is_given_every_fact_it_shows(written: dict[str, dict[str, str]]) -> None:
    lacking = {
        f"{use.where} {key}": missing
        for use in USES
        if use.given is not None
        for key in use.texts()
        if (missing := _gaps(written["zh"].get(key, "")) - use.given)
    }
    assert lacking == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_has_a_title_and_a_help(name: str, language: str, texts: Texts) -> None:
    assert texts.say(f"{name}.title", language).strip()
    assert texts.say(f"{name}.help", language).strip()


# The languages.


def test_every_language_has_the_same_texts_with_the_same_gaps(written: dict[str, dict[str, str]]) -> None:
    gaps = {language: {key: _gaps(text) for key, text in texts.items()} for language, texts in written.items()}
    assert set(gaps) == set(LANGUAGES) - {"zh-Hant"}
    assert gaps["en"] == gaps["zh"]


@pytest.mark.parametrize(
    ("english", "named"),
    [
        ('[turn]\nempty = "Empty."', "turn.stuck"),
        ('[turn]\nempty = "Empty."\nstuck = "Stuck {here}."\nmore = "More."', "turn.more"),
        ('[turn]\nempty = "Empty."\nstuck = "Stuck {there}."', "turn.stuck"),
    ],
    ids=["one too few", "one too many", "another gap"],
)
def test_a_language_that_differs_is_refused_and_the_text_named(tmp_path: Path, english: str, named: str) -> None:
    (tmp_path / "zh.toml").write_text('[turn]\nempty = "空的。"\nstuck = "卡在{here}。"', "utf-8")
    (tmp_path / "en.toml").write_text(english, "utf-8")
    with pytest.raises(ValueError, match=re.escape(named)):
        Texts.load(tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_reads_as_a_sentence_once_filled(
    language: str, texts: Texts, written: dict[str, dict[str, str]]
) -> None:
    said = {key: texts.say(key, language, **_filled(text, language)) for key, text in written["zh"].items()}
    assert {key: text for key, text in said.items() if not text.strip() or "{" in text or "}" in text} == {}


def test_traditional_folds_back_to_the_simplified_it_was_made_from(
    texts: Texts, written: dict[str, dict[str, str]]
) -> None:
    simplified, traditional = OpenCC("tw2s"), OpenCC("s2tw")
    odd = {}
    for key, text in written["zh"].items():
        source = texts.say(key, "zh", **_filled(text))
        shown = texts.say(key, "zh-Hant", **_filled(text))
        if simplified.convert(shown) != source or traditional.convert(shown) != shown:
            odd[key] = shown
    assert odd == {}


def test_conversations_in_help_have_titles_that_open_nothing_else(texts: Texts) -> None:
    listed = [each for each in CONVERSATIONS.values() if each.place is not None]
    opens = [(title.lower(), each.name) for each in listed for title in set(texts.everywhere(f"{each.name}.title"))]
    opens += [(word, each.name) for each in CONVERSATIONS.values() for word in each.opens_with]
    owners: dict[str, set[str]] = {}
    for word, name in opens:
        owners.setdefault(word, set()).add(name)
    assert {word: names for word, names in owners.items() if len(names) > 1} == {}
    assert owners.keys() & (turn._CANCEL | turn._BACK | turn._HELP) == set()


# The way we write.


@pytest.mark.parametrize("rule", _BAD_ZH)
def test_chinese_is_written_as_we_write(rule: str, texts: Texts, written: dict[str, dict[str, str]]) -> None:
    said = {key: texts.say(key, "zh", **_filled(text)) for key, text in written["zh"].items()}
    assert {key: text for key, text in said.items() if _BAD_ZH[rule].search(text)} == {}


@pytest.mark.parametrize("rule", _BAD_EN)
def test_english_is_written_as_we_write(rule: str, texts: Texts, written: dict[str, dict[str, str]]) -> None:
    said = {key: texts.say(key, "en", **_filled(text, "en")) for key, text in written["en"].items()}
    assert {key: text for key, text in said.items() if _BAD_EN[rule].search(text)} == {}


@pytest.mark.parametrize(("language", "longest"), [("zh", 14), ("en", 32)])
def test_a_button_fits_on_a_phone(language: str, longest: int, written: dict[str, dict[str, str]]) -> None:
    labels = {key: written[language][key] for use in USES if use.button for key in use.texts()}
    assert {key: label for key, label in labels.items() if len(label) > longest or _gaps(label)} == {}


# What the texts promise, with the real service.


@pytest.fixture
async def stage(sqlite_template: Path, tmp_path: Path, knowledge: Knowledge) -> AsyncIterator[Theatre]:
    shutil.copy(sqlite_template, tmp_path / "test.db")
    settings = load(database_url=f"sqlite:///{tmp_path / 'test.db'}", files=tmp_path / "files", http_port=0)
    stage = Theatre(settings, knowledge, restart=False)
    await stage.introduce("wang", "居民", "230203002001001")
    yield stage
    await stage.close()


async def _promote(stage: Theatre) -> None:
    """Let her hold every role there is, so that every conversation is hers."""

    async def appoint(desk: Desk) -> None:
        person = (await desk.people.meet(stage.address("wang"))).person
        for role in Role:
            if role is not Role.RESIDENT:
                # Two areas, so that opening a ballot asks which.
                area = "230203002003" if role is Role.COUNCIL_HOST else "230203002001"
                await desk.people.grant(person.id, role, area)

    await stage.service.desks.write(appoint)


async def _heard(stage: Theatre, words: str) -> list[str]:
    """What she gets back for these words."""
    stage.heard("wang").clear()
    await stage.say("wang", words)
    return list(stage.heard("wang"))


async def _asked(stage: Theatre) -> str | None:
    """The conversation whose question is open, if one is."""
    state = turn._state(await stage.service.desks.write(lambda desk: desk.people.meet(stage.address("wang"))))
    return state.stack[-1].name if state.stack else None


def _cancelled(stage: Theatre, name: str) -> str:
    texts = stage.service.desks.texts
    return texts.say("turn.cancelled", title=texts.say(f"{name}.title"))


@pytest.mark.parametrize(("language", "mark"), [("zh", "「{}」"), ("en", "“{}”")])
def test_a_word_in_quotes_can_be_typed_or_tapped(
    language: str, mark: str, stage: Theatre, knowledge: Knowledge, written: dict[str, dict[str, str]]
) -> None:
    steering = turn._CANCEL | turn._BACK | turn._HELP
    labels = {written[language][key] for use in USES if use.button for key in use.texts()}
    quoted = re.compile(mark.format(r"([^{}」”]+)"))
    promised = {(key, word) for key, text in written[language].items() for word in quoted.findall(text)}
    assert promised
    useless = {
        (key, word)
        for key, word in promised
        if knowledge.ear.fold(word) not in steering
        and stage.service.book.opened_by(word) is None
        and word not in labels
    }
    assert useless == set()


@pytest.mark.parametrize("role", ["居民", "网格员", "网格长", "社区", "街道", "区", "主持人"])
@pytest.mark.parametrize(("language", "word"), [("zh", "帮助"), ("zh-Hant", "幫助"), ("en", "help")])
async def test_help_answers_everybody_with_what_is_theirs(role: str, language: str, word: str, stage: Theatre) -> None:
    await stage.introduce("li", role, "230203002001001" if role in ("居民", "网格员") else "230203002001")
    await stage.say("li", "语言")
    await stage.say("li", LANGUAGES[language])
    stage.heard("li").clear()
    await stage.say("li", word)
    heard = "\n".join(stage.heard("li"))
    person = (await stage.service.desks.write(lambda desk: desk.people.meet(stage.address("li")))).person
    assert person.language == language
    listed = stage.service.book.listed(person)
    assert listed
    for each in listed:
        assert stage.service.desks.texts.say(f"{each.name}.title", language) in heard
        assert stage.service.desks.texts.say(f"{each.name}.help", language) in heard


async def test_an_empty_message_is_answered(stage: Theatre) -> None:
    assert await _heard(stage, "<empty>") == [stage.service.desks.texts.say("turn.empty")]


@pytest.mark.parametrize("name", OPENED_BY_WORDS)
async def test_an_empty_message_is_answered_and_the_question_asked_again(name: str, stage: Theatre) -> None:
    await _promote(stage)
    question = (await _heard(stage, CONVERSATIONS[name].opens_with[0]))[-1:]
    assert question
    again = question if await _asked(stage) else []
    assert await _heard(stage, "<empty>") == [stage.service.desks.texts.say("turn.empty"), *again]


@pytest.mark.parametrize("name", OPENED_BY_WORDS)
async def test_a_conversation_just_opened_can_be_cancelled(name: str, stage: Theatre) -> None:
    await _promote(stage)
    assert await _heard(stage, CONVERSATIONS[name].opens_with[0])
    asked = await _asked(stage)
    assert asked in (name, None)
    answer = _cancelled(stage, name) if asked else stage.service.desks.texts.say("turn.nothing_open")
    assert await _heard(stage, "取消") == [answer]
    assert await _asked(stage) is None


@pytest.mark.parametrize("word", ["取消", "cancel", "/cancel"])
@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("report", ["报事", "幸福里 3 栋", "路灯三天不亮了", "改类别"]),
        ("settle", ["我住在", "说不清，帮我选", "中华街道", "福鼎社区"]),
        ("ballot_open", ["发起表决", "1", "3 号楼前要不要装充电桩", "要装、不要装", "3 天"]),
        ("forget", ["忘记我"]),
        ("join", ["邀请码"]),
        ("name", ["改称呼"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_cancelling_works_at_each_question(name: str, answers: list[str], word: str, stage: Theatre) -> None:
    await _promote(stage)
    for reached in range(1, len(answers) + 1):
        seen = [(await _heard(stage, answer))[-1] for answer in answers[:reached]]
        assert len(set(seen)) == reached, "each answer leads to another question"
        assert await _asked(stage) == name
        assert await _heard(stage, word) == [_cancelled(stage, name)]
        assert await _asked(stage) is None
