"""Tables of the original handler."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.openapi.ledger import COMMITTED
from costwire_db_handler.openapi.parts import operation
from costwire_db_handler.users import Role
from costwire_runtime.openapi import Node, answer, content, in_path, ref

PATHS: Node = {
    "/tables/{table}/adopt": {
        "post": operation(
            "tables",
            "adoptTable",
            Role.WRITER,
            "Take over a table that the original handler made in CrateDB, as one delivery",
            description="The old table is kept as `<table>__original`. May be repeated.",
            parameters=[in_path("table", ref("TableName"), "The table's name.", "charges")],
            answers={
                "200": answer(
                    "The entry of that delivery",
                    content(ref("Entry"), adopted=COMMITTED | {"source": "adopted:charges"}),
                )
            },
            fails=[
                (
                    errors.UnknownTable,
                    "adopt nosuch: there is no table doc.nosuch, or none that you may see",
                ),
                (
                    errors.CannotAdopt,
                    "adopt charges: this handler has the embedded store, which holds no table of "
                    "the original handler; ask the handler of the CrateDB that does",
                ),
                (
                    errors.Unbalanced,
                    "adopt charges: what was read of it does not come to its count and sums; "
                    "repeat",
                ),
            ],
        )
    }
}
