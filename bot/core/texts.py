"""Every sentence people read, by key and language."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from string import Formatter

from opencc import OpenCC

LANGUAGES = {"zh": "简体中文", "zh-Hant": "繁體中文", "en": "English"}


class Texts:
    """The texts of `config/texts`. Traditional is made from Simplified on the way out; English has its own file."""

    def __init__(self, sentences: Mapping[str, Mapping[str, str]]) -> None:
        self._sentences = sentences

    @classmethod
    def load(cls, folder: Path) -> "Texts":
        """Read `zh.toml` and its companions.

        Raises:
            ValueError: a language lacks a key, has one too many, or names other placeholders.
        """
        sentences = {path.stem: dict(_flat(tomllib.loads(path.read_text("utf-8")))) for path in folder.glob("*.toml")}
        source = sentences["zh"]
        for language, texts in sentences.items():
            if odd := source.keys() ^ texts.keys():
                raise ValueError(f"config/texts/{language}.toml: 与 zh.toml 不一致的键：{', '.join(sorted(odd))}")
            for key, text in texts.items():
                if _placeholders(text) != _placeholders(source[key]):
                    raise ValueError(f"config/texts/{language}.toml: {key} 的占位与 zh.toml 不同")
        return cls(sentences)

    def __contains__(self, key: str) -> bool:
        return key in self._sentences["zh"]

    def keys(self) -> list[str]:
        return sorted(self._sentences["zh"])

    def say(self, key: str, language: str = "zh", /, **shown: object) -> str:
        """The sentence, with `shown` filled in. A language without a file of its own is written in Simplified first."""
        sentences = self._sentences.get(language, self._sentences["zh"])
        return self.script(sentences[key].format_map(shown), language)

    def everywhere(self, key: str) -> list[str]:
        """One text in every language that has its own file; Traditional is folded when it is read."""
        return [sentences[key] for sentences in self._sentences.values()]

    def script(self, text: str, language: str) -> str:
        """The text in the script its reader wants; names and FAQ answers pass through here as well."""
        return _traditional().convert(text) if language == "zh-Hant" else text


@lru_cache(maxsize=1)
def _traditional() -> OpenCC:
    return OpenCC("s2tw")


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, str(value)


def _placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field}
