"""When a rule of the district forbids what somebody wanted."""


class Refused(Exception):
    """A rule forbade it. `key` names the text told to the person; `answer` the question to ask again, if one."""

    def __init__(self, key: str, *, answer: str | None = None, **shown: object) -> None:
        super().__init__(key)
        self.key = key
        self.answer = answer
        self.shown = shown
