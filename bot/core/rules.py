"""What happens when something has come true: the rules of `services/`, found by the fact they wait for."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

F = TypeVar("F")
Act = Callable[[Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class When:
    """When this fact comes true, act: write rows and queue messages, inside the same transaction."""

    fact: type
    act: Act


def when(fact: type[F]) -> Callable[[Callable[[F, Any], Awaitable[None]]], When]:
    """Make a function the rule for a fact; `build` finds it in its file under `services/`."""
    return lambda act: When(fact, act)


class Rules:
    """All rules, by fact."""

    def __init__(self, rules: Iterable[When]) -> None:
        self._rules: dict[type, list[Act]] = {}
        for rule in rules:
            self._rules.setdefault(rule.fact, []).append(rule.act)
        self._names = {fact.__name__: fact for fact in self._rules}

    async def happen(self, fact: object, desk: Any) -> None:
        """Let a fact come true.

        Raises:
            LookupError: no rule waits for it, which is a mistake of ours.
            Refused: a rule of the district forbids it; nothing of it may be kept.
        """
        acts = self._rules.get(type(fact))
        if not acts:
            raise LookupError(f"no rule waits for {type(fact).__name__}")
        for act in acts:
            await act(fact, desk)

    def wait_for(self, fact: type) -> bool:
        """Whether anything happens when this comes true."""
        return fact in self._rules

    def recall(self, name: str, body: str) -> object:
        """A fact kept as JSON, whole again."""
        return msgspec.json.decode(body, type=self._names[name])
