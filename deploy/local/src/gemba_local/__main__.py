"""`python -m gemba_local`: starts the whole mesh on this machine and keeps it running."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from gemba_local.backup import lay_out, save
from gemba_local.folder import erase, hold, open_folder
from gemba_local.journal import Journal
from gemba_local.log_lines import LineFormat
from gemba_local.plan import database_of, make_plan
from gemba_local.problems import ConfigurationError, RunnerError
from gemba_local.runner import Runner
from gemba_local.settings import RunnerSettings, settings_table, variable


def main(arguments: list[str] | None = None) -> int:
    """Run the mesh until it is stopped; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gemba_local", description=__doc__)
    parser.add_argument("--settings", action="store_true", help="print the table of settings")
    parser.add_argument("--erase", action="store_true", help="remove the mesh and all its data")
    parser.add_argument("--backup", type=Path, metavar="FOLDER", help="save the running mesh")
    parser.add_argument("--restore", type=Path, metavar="FOLDER", help="start from a backup")
    options = parser.parse_args(arguments)
    if options.settings:
        print(settings_table())
        return 0
    try:
        if options.erase:
            _erase(_read_settings())
        elif options.backup:
            _backup(_read_settings(), options.backup)
        else:
            _run(_read_settings(), backup=options.restore)
    except RunnerError as error:
        print(f"gemba: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _read_settings() -> RunnerSettings:
    try:
        return RunnerSettings()
    except ValidationError as error:
        complaints = []
        for fault in error.errors(include_input=False):
            name = variable(str(fault["loc"][0])) if fault["loc"] else "Settings"
            complaints.append(f"{name}: {fault['msg'].removeprefix('Value error, ')}")
        raise ConfigurationError("; ".join(complaints)) from error


def _erase(settings: RunnerSettings) -> None:
    folder = open_folder(settings.data_dir)
    if not (folder.secrets / "mesh_secret").exists():
        raise ConfigurationError(f"{folder.root} holds no mesh; nothing was removed.")
    hold(folder)
    erase(folder)
    print(f"Removed {folder.root}")


def _backup(settings: RunnerSettings, to: Path) -> None:
    folder = open_folder(settings.data_dir)
    save(folder, to, database_url=database_of(settings, folder))
    print(f"Saved {folder.root} in {to}; whoever holds it holds every secret of the mesh.")


def _run(settings: RunnerSettings, *, backup: Path | None = None) -> None:
    folder = open_folder(settings.data_dir)
    lock = hold(folder)
    dump = lay_out(folder, backup) if backup else None
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    as_json = settings.log_format == "json"
    sys.stdout.flush()
    journal = Journal(sys.stdout.fileno(), LineFormat(as_json=as_json, colour=colour))
    try:
        plan = make_plan(settings, folder, journal=journal, dump=dump)
        asyncio.run(Runner(plan, settings, journal=journal, lock=lock).run())
    finally:
        journal.close()


if __name__ == "__main__":
    sys.exit(main())
