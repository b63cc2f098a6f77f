"""Becomes a child of the runner: drops rights, asks to die with the runner, then runs the program.

A program of its own instead of `preexec_fn`, which is unsafe beside threads; it uses only the
standard library so that it starts in milliseconds. Arguments: the runner's pid, the signal to get
when the runner dies, `uid:gid` or `-`, the working folder, then the command.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    """Replace this process by the command; exits with 0 when the runner has gone already."""
    parent, death_signal, identity, folder, *command = arguments
    os.chdir(folder)
    if identity != "-":
        uid, gid = (int(part) for part in identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which clears it; then the parent may be dead already.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(0)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
