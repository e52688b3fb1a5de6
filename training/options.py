"""A recipe's options: defaults in one dataclass, then a preset, then the command line; nothing unknown passes."""

import argparse
import dataclasses
import json
import subprocess
import sys
import types
import typing
from pathlib import Path

from betwixt.hub import HubError


def parse(recipe: type, presets: dict[str, dict], description: str, arguments: list[str] | None = None):
    """Read the command line into the dataclass `recipe`; with --dry-run, print the configuration as JSON and stop.

    Fields are str, int, float, bool, lists of these or one `| None`; field metadata {"help": ..., "choices": ...,
    "range": (low, high)} explains and bounds them. Unknown options and values out of range end with a usage error.
    """
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    if presets:
        parser.add_argument("--preset", choices=sorted(presets), help="a named size; options override it")
    parser.add_argument("--dry-run", action="store_true", help="print the whole configuration and stop")
    hints = typing.get_type_hints(recipe)
    for field in dataclasses.fields(recipe):
        _add_option(parser, field, hints[field.name])
    given = vars(parser.parse_args(arguments))
    dry_run, preset = given.pop("dry_run"), given.pop("preset", None)
    values = {
        **presets.get(preset, {}),
        **{name: value for name, value in given.items() if value is not None},
    }
    missing = [f.name for f in dataclasses.fields(recipe) if f.default is f.default_factory and f.name not in values]
    if missing:
        parser.error(f"required: {', '.join('--' + name.replace('_', '-') for name in missing)}")
    options = recipe(**values)
    for field in dataclasses.fields(recipe):
        low, high = field.metadata.get("range", (None, None))
        value = getattr(options, field.name)
        if low is not None and value is not None and not low <= value <= high:
            parser.error(f"--{field.name.replace('_', '-')} must be from {low} to {high}, not {value}")
    if dry_run:
        print(json.dumps(dataclasses.asdict(options), indent=2))
        raise SystemExit(0)
    return options


def run(function, *arguments) -> None:
    """Call a recipe's function; what a user can put right ends it with one line in place of a traceback."""
    try:
        function(*arguments)
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {' '.join(error.cmd)} failed")
    except (ValueError, OSError, ImportError, FloatingPointError, HubError) as error:
        sys.exit(f"error: {error}")


def report(function, options) -> None:
    """Measure; write the table to `options.output` where that is given, and print it."""
    text = json.dumps(function(options), indent=2)
    if options.output:
        Path(options.output).parent.mkdir(parents=True, exist_ok=True)
        Path(options.output).write_text(text + "\n")
    print(text)


def run_command(commands: dict, usage: str) -> None:
    """Run and `report` the command named first on the command line: name -> (dataclass of options, function)."""
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(f"usage: {Path(sys.argv[0]).name} {{{','.join(commands)}}} ...\n{usage}")
    kind, function = commands[sys.argv[1]]
    run(report, function, parse(kind, {}, kind.__doc__, sys.argv[2:]))


def option(default=dataclasses.MISSING, help: str = "", **metadata):
    """A dataclass field with its help text, and `choices=` or `range=(low, high)`."""
    metadata = {"help": help, **metadata}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _add_option(parser: argparse.ArgumentParser, field: dataclasses.Field, kind) -> None:
    flag = f"--{field.name.replace('_', '-')}"
    if isinstance(kind, types.UnionType):
        kind = next(argument for argument in typing.get_args(kind) if argument is not type(None))
    keywords: dict = {"help": field.metadata.get("help", ""), "default": None, "dest": field.name}
    if kind is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **keywords)
        return
    if typing.get_origin(kind) is list:
        keywords |= {"nargs": "+"}
        kind = typing.get_args(kind)[0]
    parser.add_argument(flag, type=kind, choices=field.metadata.get("choices"), **keywords)
