"""The FAQ matcher beside its peers: right first, honest refusals, milliseconds, seconds to build, megabytes."""

import random
import time
from datetime import date
from pathlib import Path

import numpy as np
from opencc import OpenCC

from bench.nlp.peers import PEERS, words
from bench.nlp.table import Line
from bot.evaluate import Asked, auroc, entries, evaluate, kept, questions
from config import district
from config.settings import load
from domain.district import Entry
from nlp.ear import reader
from nlp.faq import Faq

DATA = Path("../shared/data/faq/dev")
# What was to be reached (R@1), set by set; an AUROC must be above every peer's.
_LEAST = {"lcqmc": None, "bq": 0.43, "tpe": 0.50, "wz": 0.85}
_MANY, _QUESTIONS = 100_000, 200
_DAY = date(2026, 11, 23)


def quality() -> list[Line]:
    """R@1, refusal and speed on each set, out of the box and in one configuration."""
    ear = reader(district.load(load().district))
    lines: list[Line] = []
    for name, least in _LEAST.items():
        faq = entries(DATA / f"{name}_faq.jsonl")
        inside = questions(DATA / f"{name}_queries.jsonl")
        outside = questions(DATA / f"{name}_oos.jsonl", answered=False)
        ours = evaluate(faq, inside, outside, ear)
        right: dict[str, float] = {}
        refused: dict[str, float] = {}
        times: dict[str, float] = {}
        for peer in PEERS:
            right[peer], refused[peer], times[peer] = _peer(peer, faq, inside, outside)
        lines += [
            Line(f"{name} R@1", ours.r1, right, least=least or max(right.values()) - 0.01),
            Line(f"{name} MRR@5", ours.mrr5),
            Line(f"{name} refusal AUROC", ours.auroc or 0.0, refused, least=max(refused.values())),
            Line(f"{name} accept or refuse, at even odds", ours.balanced or 0.0),
            Line(f"{name} ms a question, p50", ours.p50_ms, times, most=0.5 if name == "lcqmc" else None, digits=2),
        ]
        if name == "tpe":
            simplified = OpenCC("t2s").convert
            again = [Asked(simplified(each.words), each.faq_id, each.departments) for each in inside]
            loss = ours.r1 - evaluate(faq, again, (), ear).r1
            lines.append(Line("tpe R@1 lost by simplified questions", loss, most=0.005))
    return lines


def size() -> list[Line]:
    """A hundred thousand entries, each the beginning of one question and the end of another."""
    ear = reader(district.load(load().district))
    asked = [each.words for each in questions(DATA / "lcqmc_queries.jsonl")[:_QUESTIONS]]
    texts = _many([entry.question for entry in entries(DATA / "lcqmc_faq.jsonl")])
    faq = [Entry(str(number), text, "", "", "", _DAY) for number, text in enumerate(texts)]
    ear.grams([ear.read(text) for text in texts[:100]])
    words(texts[0])
    peers: dict[str, tuple[float, float, float]] = {}
    for peer, make in PEERS.items():
        began = time.process_time()
        search = make(texts)
        built = time.process_time() - began
        peers[peer] = _middle([_seconds(search, text) for text in asked]), built, kept(lambda: make(texts))  # noqa: B023
        del search
    began = time.process_time()
    index = Faq(faq, ear)
    built = time.process_time() - began
    middle = _middle([_seconds(lambda text: index.match(text, _DAY), text) for text in asked])
    added = [
        _seconds(index.add, Entry(f"+{number}", text, "", "", "", _DAY)) for number, text in enumerate(asked[:300])
    ]
    long = max(
        _seconds(lambda text: index.match(text, _DAY), "，".join(asked[at : at + 400])[:4000]) for at in (0, 400)
    )
    return [
        Line("100,000: ms a question, p50", middle, {name: each[0] for name, each in peers.items()}, most=3, digits=2),
        Line("100,000: s to build", built, {name: each[1] for name, each in peers.items()}, most=6, digits=1),
        Line(
            "100,000: MB kept",
            kept(lambda: Faq(faq, ear)),
            {n: each[2] for n, each in peers.items()},
            most=200,
            digits=0,
        ),
        Line("100,000: ms to add one, at worst", max(added) * 1000, most=50, digits=1),
        Line("100,000: ms for 4,000 characters", long * 1000, digits=1),
    ]


def _peer(peer: str, faq: list[Entry], inside: list[Asked], outside: list[Asked]) -> tuple[float, float, float]:
    """R@1, AUROC of the first hit's score, and milliseconds a question."""
    rows = [(entry, text) for entry in faq for text in (entry.question, *entry.alts)]
    search = PEERS[peer]([text for _, text in rows])
    search(inside[0].words)
    times, firsts = [], []
    for question in [*inside, *outside]:
        began = time.perf_counter()
        firsts.append([each[0] for each in search(question.words)])
        times.append(time.perf_counter() - began)
    right = [question.right(rows[int(row)][0]) for question, (row, _) in zip(inside, firsts, strict=False)]
    scores = np.array([score for _, score in firsts])
    return float(np.mean(right)), auroc(scores[: len(inside)], scores[len(inside) :]), _middle(times)


def _seconds(act: object, *given: object) -> float:
    assert callable(act)
    began = time.perf_counter()
    act(*given)
    return time.perf_counter() - began


def _middle(times: list[float]) -> float:
    return float(np.median(times)) * 1000


def _many(texts: list[str]) -> list[str]:
    chance = random.Random(3)
    made: dict[str, None] = {}
    while len(made) < _MANY:
        first, second = chance.choice(texts), chance.choice(texts)
        made[first[: len(first) // 2] + second[len(second) // 2 :]] = None
    return list(made)
