"""What an operator reads in the log: ids and places in the code, never what people said."""

import logging
import traceback
from types import TracebackType

_Info = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Discreet(logging.Formatter):
    """Writes where an exception went wrong and of which kind, without its words: they may quote a resident."""

    def formatException(self, ei: _Info) -> str:  # noqa: N802 - logging's own name
        error = ei[1]
        lines: list[str] = []
        while error is not None:
            frames = traceback.extract_tb(error.__traceback__)
            lines += [f"  {frame.filename}:{frame.lineno} {frame.name}: {frame.line}" for frame in frames]
            lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)


def to_stderr(level: int = logging.INFO) -> None:
    """Log everything of ours, and only warnings of the libraries'."""
    handler = logging.StreamHandler()
    handler.setFormatter(Discreet("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("xiaomazha").setLevel(level)
