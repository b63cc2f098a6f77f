"""What can be wrong with a source; the texts are for the user and show no path of this host."""


class SourceError(Exception):
    """A source cannot give a picture; `parameter` is the one of image_source to look at."""

    def __init__(self, message: str, *, parameter: str = "source_type") -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter


class PictureError(Exception):
    """These bytes are no picture that can be inspected; the message says why."""
