"""Owns the list of commands and the way from arguments to an exit code; every failure is a line on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer

from bot.cli import (
    accept,
    alerts,
    approve,
    backtest,
    backup,
    certify,
    check,
    compare,
    config,
    control,
    data,
    db,
    drill,
    explain,
    fleet,
    init,
    lists,
    live,
    local_exchange,
    lots,
    plan,
    report,
    shadow,
    simulate,
    snapshot,
    status,
    tune,
    venues,
    verify,
    version,
    watch,
    web,
)
from bot.cli import run as running
from bot.cli.told import FAILED, USAGE, Told

# Typer keeps these to itself: what its BadParameter is made of.
UsageError: Final[type[Exception]] = typer.BadParameter.__mro__[1]
INTERRUPTED: Final = 130

app = typer.Typer(
    name="ballast",
    help="Ballast keeps a crypto portfolio at its targets: capital first, every decision explained.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: Final[tuple[Callable[..., None], ...]] = (
    init.init,
    running.run,
    plan.plan,
    snapshot.snapshot,
    check.check,
    status.status,
    watch.watch,
    lists.decisions,
    lists.orders,
    lists.trades,
    lots.lots,
    explain.explain,
    explain.why,
    alerts.alerts,
    accept.accept,
    approve.approve,
    approve.reject,
    control.kill,
    control.resume,
    control.adopt,
    control.rearm,
    verify.verify,
    shadow.shadow,
    venues.venues,
    backup.backup,
    backup.restore,
    certify.certify,
    backtest.backtest,
    compare.compare,
    report.report,
    tune.tune,
    local_exchange.local_exchange,
    simulate.simulate,
    drill.drill,
    web.web,
    version.version,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(data.app, name="data")
app.add_typer(fleet.app, name="fleet")
app.add_typer(live.app, name="live")


def _version(asked: bool) -> None:
    if asked:
        version.version()
        raise typer.Exit


@app.callback()
def ballast(
    shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ballast keeps a crypto portfolio at its targets: capital first, every decision explained."""
    del shown


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code. What a person can act upon is told on stderr, one line each."""
    try:
        code: Any = typer.main.get_command(app).main([*arguments], "ballast", standalone_mode=False)
        sys.stdout.flush()
    except Told as told:
        sys.stderr.writelines(f"{line}\n" for line in told.lines)
        return told.code
    except UsageError as error:
        return _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code if isinstance(code, int) else 0


def _usage(error: Any) -> int:
    where = error.ctx.command_path if error.ctx else "ballast"
    if error.ctx and not error.ctx.args and error.ctx.invoked_subcommand is None and "Missing command" in str(error):
        sys.stderr.write(f"{error.ctx.get_help()}\n")
        return USAGE
    said = " ".join(str(error.format_message()).split()).rstrip(".")
    sys.stderr.write(f"{where}: {said}; see `{where} --help`\n")
    return USAGE
