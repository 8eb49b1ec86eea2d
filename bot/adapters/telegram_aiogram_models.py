"""Whoever pays for the server keeps a hundred megabytes: aiogram's models are built when they are first used.

aiogram builds a validator for each of its some six hundred models as it is imported, most of them with a whole message
inside; a service needs a dozen. Imported before aiogram, this puts their building off, nothing else: pydantic builds
what is used and not yet built by itself. Where aiogram has been imported already, all is built and stays so.
"""

from importlib import import_module
from typing import Any

from pydantic import BaseModel

_BUILD = BaseModel.__dict__["model_rebuild"]


def _put_off() -> None:
    """Import aiogram without building its models, and have each find the others' names when its turn comes."""
    names: dict[str, Any] = {}

    def later(model: type[Any], /, **given: Any) -> bool | None:
        if wanted := given.get("_types_namespace"):
            names.update(wanted)
            return None
        built: bool | None = _BUILD.__get__(None, model)(**given)
        return built

    def now(model: type[Any], /, **given: Any) -> bool | None:
        built: bool | None = _BUILD.__get__(None, model)(**{**given, "_types_namespace": names})
        return built

    BaseModel.model_rebuild = classmethod(later)  # type: ignore[assignment, method-assign]
    try:
        # What all of its models are made from.
        made_from = import_module("aiogram.client.context_controller").BotContextController
    finally:
        BaseModel.model_rebuild = _BUILD  # type: ignore[method-assign]
    if names:
        made_from.model_rebuild = classmethod(now)


_put_off()
