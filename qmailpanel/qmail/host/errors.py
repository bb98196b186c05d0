"""What can go wrong on the host."""


class HostError(Exception):
    """The run cannot go on: `text` for everybody, `cause` for operators."""

    def __init__(self, text: str, cause: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.cause = cause or text


class Busy(HostError):
    """Another qmailsync is at work on this qmail home."""


class Raced(Exception):
    """A file is not what was observed: somebody else wrote it. Observe and plan again."""


class StepFailed(Exception):
    """One path could not be made or removed; the others are not concerned."""
