"""One story that the examples of answers tell: two deliveries of September, an invoice, a rate.

The second delivery corrects a charge of Compute from 1.5 to 1.75, and brings one of Storage.
"""

from __future__ import annotations

from costwire_runtime.openapi import Node

_FIRST: Node = {
    "state": 1,
    "commit": 1,
    "delivery": "0d9f4f6c4f0e2f0f8f2b7f0d7f0f6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6",
    "at": "2024-10-02T06:00:02Z",
}
_SECOND: Node = {
    "state": 2,
    "commit": 2,
    "delivery": "7a1c9f6c4f0e2f0f8f2b7f0d7f0f6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6",
    "at": "2024-10-03T06:00:02.250Z",
}

COSTS: Node = {
    "table": "charges",
    "asOf": _SECOND,
    "by": ["ServiceName", "month"],
    "metrics": ["BilledCost"],
    "rows": [
        {
            "by": {"ServiceName": "Storage", "month": "2024-09"},
            "currency": "USD",
            "charges": 2,
            "sums": {"BilledCost": "2.53"},
        },
        {
            "by": {"ServiceName": "Compute", "month": "2024-09"},
            "currency": "USD",
            "charges": 1,
            "sums": {"BilledCost": "1.75"},
        },
    ],
    "totals": {"USD": {"charges": 3, "sums": {"BilledCost": "4.28"}}},
    "next": None,
}
COSTS_CSV = (
    "ServiceName,month,currency,charges,BilledCost\n"
    "Storage,2024-09,USD,2,2.53\n"
    "Compute,2024-09,USD,1,1.75\n"
)

RATES: Node = {
    "rates": [
        {
            "month": "2024-09",
            "from": "USD",
            "to": "EUR",
            "rate": "0.9",
            "source": "our bank",
            "frozen": "2024-10-05T00:00:00Z",
        }
    ]
}
RATES_CSV = "month,from,to,rate,source\n2024-09,USD,EUR,0.9,our bank\n"

CONVERTED: Node = {
    **COSTS,
    "by": [],
    "rows": [
        {
            "by": {},
            "currency": "USD",
            "charges": 3,
            "sums": {"BilledCost": "4.28"},
            "converted": {"BilledCost": "3.852"},
        }
    ],
    "in": {"currency": "EUR", "total": {"BilledCost": "3.852"}, **RATES},
}

_NEW: Node = {"new": {"added": 1, "removed": 0, "difference": {"BilledCost": "0.5"}}}
_CORRECTED: Node = {
    "corrected": {
        "added": 1,
        "removed": 1,
        "difference": {"BilledCost": "0.25"},
        "columns": {"BilledCost": 1},
    }
}
CHANGES: Node = {
    "table": "charges",
    "from": _FIRST,
    "to": _SECOND,
    "by": ["ServiceName"],
    "metrics": ["BilledCost"],
    "rows": [
        {
            "by": {"ServiceName": "Storage"},
            "currency": "USD",
            "BilledCost": {"before": "2.03", "after": "2.53", "difference": "0.5"},
            "changes": _NEW,
        },
        {
            "by": {"ServiceName": "Compute"},
            "currency": "USD",
            "BilledCost": {"before": "1.5", "after": "1.75", "difference": "0.25"},
            "changes": _CORRECTED,
        },
    ],
    "totals": {
        "USD": {
            "BilledCost": {"before": "3.53", "after": "4.28", "difference": "0.75"},
            "changes": {**_NEW, **_CORRECTED},
        }
    },
    "next": None,
}
CHANGES_CSV = (
    "ServiceName,currency,change,added,removed,BilledCost difference,columns\n"
    "Storage,USD,new,1,0,0.5,\n"
    'Compute,USD,corrected,1,1,0.25,"{""BilledCost"": 1}"\n'
)

_INVOICE: Node = {
    "invoiceId": "INV-7",
    "issuer": None,
    "currency": "USD",
    "month": "2024-09",
    "charges": 3,
    "billed": "4.28",
}
INVOICES: Node = {
    "table": "charges",
    "asOf": _SECOND,
    "invoices": [
        {
            **_INVOICE,
            "history": [
                {**_FIRST, "charges": 2, "billed": "3.53"},
                {**_SECOND, "charges": 3, "billed": "4.28"},
            ],
        }
    ],
    "next": None,
}
INVOICES_CSV = (
    "InvoiceId,InvoiceIssuerName,BillingCurrency,BillingMonth,charges,billed\n"
    "INV-7,,USD,2024-09,3,4.28\n"
)
INVOICES_LIST = "InvoiceId,BillingCurrency,BilledCost\nINV-7,USD,4.27\n"
INVOICES_COMPARED: Node = {
    **INVOICES,
    "compared": [
        {**_INVOICE, "month": None, "line": 2, "total": "4.27", "difference": "0.01"},
    ],
    "unlisted": [],
}
COMPARED_CSV = (
    "InvoiceId,InvoiceIssuerName,BillingCurrency,BillingMonth,charges,billed,total,difference\n"
    "INV-7,,USD,,3,4.28,4.27,0.01\n"
)
