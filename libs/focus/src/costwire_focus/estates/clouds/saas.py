"""An estate's share on a software vendor: few columns, day-wide rows, amounts with two decimals."""

from __future__ import annotations

from costwire_focus.estates.catalogue import Cloud, CommitmentKind, Offer, Region, Service
from costwire_focus.estates.dialects import Dialect

_OBSERVE = Service(
    "Northwind Observe",
    "Management and Governance",
    "Observability",
    "observe",
    "Workspace",
    "ws_{a12}",
    (
        Offer(
            "Monitored hosts",
            "0.75",
            "Host-Days",
            "Monitored hosts,\nbilled per day",
            6,
            commitment_percent=20,
            code="hosts",
        ),
        Offer(
            "Indexed log events",
            "1.7",
            "1000000 Events",
            'Log events indexed for 15 days ("standard")',
            3,
            consumed_unit="Events",
            consumed_factor=1_000_000,
            code="events",
        ),
    ),
    weight=20,
)
_REVIEW = Service(
    "Northwind Review",
    "Developer Tools",
    "Source Code Management",
    "review",
    "Organisation",
    "org/{name}",
    (
        Offer(
            "Team seats",
            "1.4",
            "Seat-Days",
            "Team plan, per seat and day",
            7,
            code="seats",
        ),
    ),
    weight=12,
)

SAAS = Cloud(
    key="saas",
    provider="Northwind",
    issuer="Northwind Software B.V.",
    publisher="Northwind",
    account="acct_{a14}",
    account_type="Organisation",
    sub_account="team-{name}-{h4}",
    sub_account_type="Team",
    sku="sku_{a10}",
    sku_price="_price_{a8}",
    invoice="INV-{D7}",
    regions=(
        Region("eu", "Europe", ()),
        Region("us", "United States", ()),
        Region("ap", "Asia Pacific", ()),
    ),
    services=(_OBSERVE, _REVIEW),
    commitments=(
        CommitmentKind("Annual commitment", "Usage", "commit_{a16}", "Annual host commitment"),
    ),
    weight=7,
    hourly=False,
    negotiated_percent=10,
    host="AWS",
    absent=frozenset(
        {
            "AvailabilityZone",
            "CapacityReservationId",
            "CapacityReservationStatus",
            "SkuPriceDetails",
            "CommitmentProgramEligibilityDetails",
        }
    ),
    money_decimals=2,
    custom_columns=("x_Contract.Number", "x_Seat Count", "x_Größe"),
    native_dialect=Dialect(null="NULL", quoting="all"),
)
