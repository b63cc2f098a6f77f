"""What keeps the mesh from starting, each told to the user in one plain message."""


class RunnerError(Exception):
    """A reason to stop that the user can mend; its text is shown as it is."""

    exit_code = 1


class ConfigurationError(RunnerError):
    """Something outside the mesh is in the way: a setting, a taken port, a folder."""

    exit_code = 2
