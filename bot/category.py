"""An operator has the categories learnt anew from what staff put right, takes that back, or measures them."""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config import district as district_files
from config.settings import Settings
from nlp import linear
from nlp.linear import BadModel, Model

if TYPE_CHECKING:
    from domain.district import District

log = logging.getLogger("xiaomazha.category")

_FOLDS = 5


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    """Put `category evaluate` and `category retrain` on the command line."""
    group = commands.add_parser("category", help="报事类别：量一量准不准，或用工作人员改过的重学")
    acts = group.add_subparsers(dest="act_of_category", required=True, metavar="做什么")
    evaluate = acts.add_parser("evaluate", help="用一个文件学，在另一个文件上量")
    evaluate.add_argument("--train", required=True, type=Path, help="学的文件：一行一个 JSON，label 加 tokens 或 text")
    evaluate.add_argument("--test", required=True, type=Path, help="量的文件，写法一样")
    evaluate.add_argument("--json", action="store_true", help="只打印 JSON")
    evaluate.set_defaults(act=_evaluate)
    retrain = acts.add_parser("retrain", help="把工作人员改过的类别一起重学；服务重启后用上")
    retrain.add_argument("--back", action="store_true", help="退回上一次的模型")
    retrain.set_defaults(act=_retrain)


@dataclass(frozen=True, slots=True)
class Measured:
    """How often the first guess is right, and the mean over the labels of how well each is found."""

    accuracy: float
    macro_f1: float


def measured(wanted: Sequence[str], guessed: Sequence[str]) -> Measured:
    """Accuracy and macro-F1 of guesses; a label nobody wanted counts when it was guessed."""
    right = sum(a == b for a, b in zip(wanted, guessed, strict=True))
    scores = []
    for label in sorted({*wanted, *guessed}):
        hit = sum(a == b == label for a, b in zip(wanted, guessed, strict=True))
        scores.append(2 * hit / (wanted.count(label) + guessed.count(label)))
    return Measured(right / len(wanted), sum(scores) / len(scores))


def evaluate(train: Path, test: Path) -> Measured:
    """Learn from one file and read the other.

    Raises:
        BadRows: one of them cannot be read, or is empty.
    """
    from nlp import labelled, training
    from nlp.segment import Segmenter

    segmenter = Segmenter()
    taught, asked = (list(labelled.read(path, segmenter.words)) for path in (train, test))
    for path, rows in ((train, taught), (test, asked)):
        if not rows:
            raise labelled.BadRows(f"{path}：一行也没有")
    vocabulary = labelled.known(taught)
    model = training.fit(
        [labelled.counted(words, vocabulary) for _, words in taught],
        [label for label, _ in taught],
        training.MANY_BUCKETS,
    )
    guessed = [model.best(labelled.counted(words, vocabulary)) for _, words in asked]
    return measured([label for label, _ in asked], guessed)


def _evaluate(_settings: Settings, given: argparse.Namespace) -> int:
    from nlp.labelled import BadRows

    try:
        found = evaluate(given.train, given.test)
    except BadRows as bad:
        print(bad, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps({"accuracy": round(found.accuracy, 4), "macro_f1": round(found.macro_f1, 4)}))
    else:
        print(f"accuracy {found.accuracy:.4f}\nmacro_f1 {found.macro_f1:.4f}")
    return 0


# What was learnt anew lies in the operator's folder, the one before it beside it.


def own(settings: Settings) -> list[Model]:
    """The model the operator had learnt, if there is one that this release can read."""
    path = _path(settings)
    if not path.exists():
        return []
    try:
        return [linear.read(path)]
    except BadModel as bad:
        log.warning("%s; the one we ship is used", bad)
        return []


def _path(settings: Settings) -> Path:
    return settings.models / "categories.model"


def _before(settings: Settings) -> Path:
    return settings.models / "categories.before.model"


def _retrain(settings: Settings, given: argparse.Namespace) -> int:
    if given.back:
        return _take_back(settings)
    try:
        district = district_files.load(settings.district)
    except district_files.BadDistrict as bad:
        print("区数据有误：", *bad.problems, sep="\n  ", file=sys.stderr)
        return 2
    kept = asyncio.run(_kept(settings))
    # Put right twice, the last word counts.
    put_right = {words: code for code, words in kept if code in _learnable(district)}
    rows = [(code, words) for words, code in put_right.items()]
    if len(rows) < 2:
        print(f"工作人员改过的类别只有 {len(rows)} 条，攒到 2 条再学。没有改动。")
        return 1
    before, after = compared(district, rows)
    model = _taught(district, rows)
    path = _path(settings)
    if path.exists():
        path.replace(_before(settings))
    else:
        _before(settings).unlink(missing_ok=True)
    model.write(path)
    print(f"学了 {len(rows)} 条工作人员改过的话。在这些话上交叉验证：原来对 {before:.1%}，现在对 {after:.1%}。")
    if after < before:
        print("没有变好，可以用 xiaomazha category retrain --back 退回。")
    print(f"新模型在 {path}，重启服务后用上。")
    return 0


def compared(district: "District", rows: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """How many of these rows are guessed right without having learnt any, and by a model that learnt the others."""
    from nlp.routing import form

    plain = _taught(district, [])
    before = after = 0
    folds = min(_FOLDS, len(rows))
    for fold in range(folds):
        asked = rows[fold::folds]
        taught = _taught(district, [row for number, row in enumerate(rows) if number % folds != fold])
        for code, words in asked:
            found = linear.pieces(form(words))
            before += plain.best(found) == code
            after += taught.best(found) == code
    return before / len(rows), after / len(rows)


def _taught(district: "District", rows: Sequence[tuple[str, str]]) -> Model:
    from nlp import training

    return training.learn_categories(training.category_rows(district, rows))


def _learnable(district: "District") -> set[str]:
    from nlp.category import learnt

    return learnt(district)


async def _kept(settings: Settings) -> list[tuple[str, str]]:
    from datetime import UTC, datetime

    from storage.corrections import CorrectionStore
    from storage.database import Database
    from storage.migrate import migrate

    database = Database(settings.database_url)
    try:
        await migrate(database)
        return await database.read(lambda connection: CorrectionStore(connection, datetime.now(UTC)).all())
    finally:
        await database.close()


def _take_back(settings: Settings) -> int:
    path, before = _path(settings), _before(settings)
    if before.exists():
        before.replace(path)
        print("已退回上一次的模型，重启服务后用上。")
    elif path.exists():
        path.unlink()
        print("已退回随程序带的模型，重启服务后用上。")
    else:
        print("没有可退的：现在用的就是随程序带的模型。")
        return 1
    return 0
