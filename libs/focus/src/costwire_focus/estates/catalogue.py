"""What a cloud sells and how it writes its bills: the shapes that the generator fills."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from costwire_focus.estates.dialects import FOCUS, Dialect


@dataclass(frozen=True)
class Offer:
    """One price of a service; its text may hold `{price}`, its quantity is per charge.

    `price` has at most five digits and eight decimals, so that products stay exact in 64 bits.
    `commitment_percent` is what a commitment takes off the list price (0: none can be bought).
    """

    meter: str
    price: str
    unit: str
    text: str
    typical: int
    decimals: int = 0
    steady: bool = False
    consumed_unit: str | None = None
    consumed_factor: int = 1
    dynamic: bool = False
    commitment_percent: int = 0
    code: str = ""
    details: dict[str, object] | None = None

    @property
    def price_scaled(self) -> tuple[int, int]:
        """The price as an integer and its number of decimals."""
        exponent = Decimal(self.price).as_tuple().exponent
        decimals = -exponent if isinstance(exponent, int) else 0
        return int(Decimal(self.price).scaleb(decimals)), decimals


@dataclass(frozen=True)
class Service:
    """A service with its resources' shape: `{region}`, `{account}`, `{name}`, `{h17}` ..."""

    name: str
    category: str
    subcategory: str
    code: str
    resource_type: str
    resource: str
    offers: tuple[Offer, ...]
    weight: int = 10
    zonal: bool = False
    shared: bool = False
    publisher: str | None = None


@dataclass(frozen=True)
class Region:
    """A region and the suffixes of its zones."""

    id: str
    name: str
    zones: tuple[str, ...]


@dataclass(frozen=True)
class CommitmentKind:
    """How a cloud calls and identifies a commitment discount."""

    type: str
    category: str
    shape: str
    name: str


@dataclass(frozen=True)
class Cloud:
    """One provider: names, id shapes, services, own columns and the dialect of its files."""

    key: str
    provider: str
    issuer: str
    publisher: str
    account: str
    account_type: str
    sub_account: str
    sub_account_type: str
    sku: str
    sku_price: str
    invoice: str
    regions: tuple[Region, ...]
    services: tuple[Service, ...]
    commitments: tuple[CommitmentKind, ...]
    weight: int
    hourly: bool
    negotiated_percent: int
    host: str | None = None
    provider_tags: tuple[tuple[str, str], ...] = ()
    untagged_text: str | None = None
    idle: tuple[str, ...] = ()
    absent: frozenset[str] = frozenset()
    money_decimals: int | None = None
    custom_columns: tuple[str, ...] = ()
    native_names: dict[str, str] = field(default_factory=dict)
    native_dialect: Dialect = FOCUS
