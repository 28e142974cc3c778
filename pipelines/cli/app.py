"""Assembles the commands of `bojagi`. Each module imports large packages only when its command runs."""

import typer

from pipelines.cli import (
    alerts,
    anonymize,
    api_key,
    audit,
    backup,
    collect,
    consent,
    console,
    contracts,
    customer,
    database,
    destination,
    doctor,
    dp,
    experiment,
    features,
    federated,
    identity,
    insight,
    keys,
    manual,
    policy,
    profile,
    quarantine,
    read,
    recommend,
    retention,
    rights,
    run,
    search,
    serve,
    simulate,
    status,
    synth,
    ui,
    upgrade,
)
from pipelines.cli.argument_help import keep_argument_help
from pipelines.cli.error_boundary import ErrorBoundary

HELP = """Bojagi unifies the scattered records of each customer and checks the purpose of every use.

[bold]First steps[/bold]

  bojagi run       load, check, unify (simulates a market if the landing folder is empty)
  bojagi status    the tables, their rows and check results
  bojagi ui        the same in Dagster's UI: graph, runs, checks, plots

[bold]Exit codes[/bold]

  0    done
  1    done, but a blocking check failed, a file was refused, or too many rows are in quarantine
  2    the command line, a setting or a contract cannot be used
  3    the engine, Java or an endpoint is not available, or the disk is full
  4    another run works in the same data folder
  5    a table could not be loaded or built; the others are finished
  6    refused by a budget, a consent, a role, a key or a verifier
  130  stopped by Ctrl-C
  143  stopped by SIGTERM

Settings come from bojagi.toml and BOJAGI_* variables (`bojagi settings` lists them). `bojagi docs` has the manual.
"""

keep_argument_help()
app = typer.Typer(
    cls=ErrorBoundary,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("status")(status.status)
app.command("ui")(ui.ui)
app.command("daemon")(ui.run_daemon)
app.command("settings")(manual.settings)
app.command("docs")(manual.docs)
app.command("simulate")(simulate.simulate_command)
app.add_typer(contracts.app, name="contracts")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(identity.app, name="identity")
app.command("read")(read.read)
app.command("customer")(customer.customer)
app.command("profile")(profile.profile)
app.add_typer(consent.app, name="consent")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(database.app, name="database")
app.add_typer(backup.app, name="backup")
app.command("restore")(backup.restore)
app.command("upgrade")(upgrade.upgrade)
app.command("doctor")(doctor.doctor)
app.add_typer(alerts.app, name="alerts")
app.add_typer(destination.app, name="destination")
app.command("metrics")(alerts.metrics)
app.add_typer(retention.app, name="retention")
app.add_typer(rights.app, name="rights")
app.add_typer(dp.app, name="dp")
app.add_typer(features.app, name="features")
app.add_typer(insight.app, name="insight")
app.add_typer(recommend.app, name="recommend")
app.add_typer(experiment.app, name="experiment")
app.add_typer(policy.app, name="policy")
app.add_typer(federated.app, name="federated")
app.add_typer(search.app, name="search")
app.command("serve")(serve.serve)
app.add_typer(api_key.app, name="api-key")
app.add_typer(console.app, name="console")
app.add_typer(collect.app, name="collect")
app.command("anonymize")(anonymize.anonymize_command)
app.command("risk")(anonymize.risk_command)
app.add_typer(synth.app, name="synth")
