"""`costwire demo`: the whole pipeline on sample data, the ledger, queries, and clusters."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from contextlib import ExitStack

from costwire_cli.commands.run import EXPORTER_PORT, HANDLER_PORT, Deliveries
from costwire_cli.commands.sample import write_estate
from costwire_cli.commands.sql import write_answer
from costwire_cli.demo_clusters import AGGREGATOR_PORT, DemoClusters, show_clusters
from costwire_cli.handler_api import HandlerApi, open_api
from costwire_cli.output import say
from costwire_cli.scratch import folders
from costwire_cli.summary import write_ledger
from costwire_focus.estates import TRUTH, demo_estate

TABLE = "demo_costs"
"""A table of its own, so that made-up charges never add to the user's."""

FOLDER = "demo"
_LOCAL = "http://127.0.0.1"
QUERIES = (
    (
        "Cost by service and month (the ten largest)",
        """
        SELECT ServiceName, BillingCurrency,
               date_trunc('month', ChargePeriodStart)::date::text AS month,
               sum(BilledCost) AS billed_cost
        FROM demo_costs GROUP BY 1, 2, 3 ORDER BY billed_cost DESC LIMIT 10""",
    ),
    (
        "Biggest movers from the month before the last to the last one",
        """
        WITH monthly AS (
            SELECT ServiceName, BillingCurrency, date_trunc('month', ChargePeriodStart) AS month,
                   sum(BilledCost) AS cost
            FROM demo_costs GROUP BY 1, 2, 3
        ), latest AS (SELECT max(month) AS month FROM monthly)
        SELECT ServiceName, BillingCurrency,
               coalesce(sum(cost) FILTER (monthly.month < latest.month), 0) AS before,
               coalesce(sum(cost) FILTER (monthly.month = latest.month), 0) AS after,
               coalesce(sum(cost) FILTER (monthly.month = latest.month), 0)
               - coalesce(sum(cost) FILTER (monthly.month < latest.month), 0) AS change
        FROM monthly, latest WHERE monthly.month >= latest.month - INTERVAL 1 MONTH
        GROUP BY 1, 2 ORDER BY abs(change) DESC LIMIT 10""",
    ),
    (
        "Cost that no tag assigns to a team",
        """
        SELECT ProviderName, BillingCurrency, count(*) AS charges, sum(BilledCost) AS billed_cost
        FROM demo_costs WHERE tags['team'] IS NULL AND ChargeCategory = 'Usage'
        GROUP BY 1, 2 ORDER BY billed_cost DESC LIMIT 10""",
    ),
)


def run(args: Namespace) -> int:
    """Make an estate, deliver it, and show what can be asked of it."""
    stays = sys.stdout.isatty() and os.environ.get("CHECK") != "1"
    with ExitStack() as stack:
        places = stack.enter_context(folders(args))
        estate = args.data / FOLDER
        reports = [path for path, _ in write_estate(demo_estate(), estate) if path.name != TRUTH]
        say(f"{len(reports)} sample reports of {demo_estate().rows:,} charges")
        say()
        providers = sorted({path.relative_to(estate).parts[0] for path in reports})
        args = Namespace(
            **{**vars(args), "sources": [str(estate / provider) for provider in providers]},
            table=TABLE,
            mode="replace",
            source=None,
            period=None,
            currency=None,
            dates=None,
            focus_version=None,
            encoding=None,
            map_legacy=False,
            anonymous=False,
            layout="auto",
            instance_metadata=False,
            dry_run=False,
        )
        deliveries = stack.enter_context(Deliveries.of(args, places, stays=stays))
        clusters = stack.enter_context(
            DemoClusters.of(demo_estate(), logs=places.logs, scratch=places.scratch)
        )
        deliveries.deliver_all()
        handler = deliveries.store.connect()
        with open_api(handler) as api:
            _show(api)
        aggregator = clusters.see(handler, TABLE, port=AGGREGATOR_PORT if stays else 0)
        show_clusters(aggregator, demo_estate().months[-1])
        say()
        if stays:
            say(f"The clusters as pages: {aggregator.url}/ui?period={demo_estate().months[-1]}")
            deliveries.watch()
        else:
            say(
                f"On a terminal the demo stays up: the database handler on {_LOCAL}:{HANDLER_PORT},"
            )
            say(f"the exporters from {_LOCAL}:{EXPORTER_PORT}/metrics on,")
            say(f"and the clusters on {_LOCAL}:{AGGREGATOR_PORT}/ui.")
        return deliveries.status()


def _show(api: HandlerApi) -> None:
    say("The ledger")
    write_ledger(api.deliveries(TABLE))
    for title, query in QUERIES:
        say()
        say(title)
        write_answer(api.sql(query), "table")
    say()
