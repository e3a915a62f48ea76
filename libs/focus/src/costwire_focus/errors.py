"""The errors of this library; what other libraries raise is translated where it is called."""


class FocusError(Exception):
    """Base of every error that this library raises on purpose."""


class NotFocus(FocusError):
    """The columns are not those of a FOCUS cost report; the text says what they look like."""


class Unreadable(FocusError):
    """A report, or one of its cells, cannot be read."""

    def __init__(self, message: str, *, line: int | None = None, column: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class WrongQuestion(FocusError):
    """A question of the catalogue cannot be asked in this way; the text says what to do."""
