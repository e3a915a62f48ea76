"""The ids of Costwire's own rules that code names; what they say stands in `rules.registry`."""

from typing import Final

AMOUNT_DIGITS: Final = "CW-AmountDigits"
AMOUNT_UNREADABLE: Final = "CW-AmountUnreadable"
BINARY_FLOAT: Final = "CW-BinaryFloat"
BROKEN_QUOTES: Final = "CW-BrokenQuotes"
COLUMN_REPEATED: Final = "CW-ColumnRepeated"
COLUMN_UNNAMED: Final = "CW-ColumnUnnamed"
FIELD_COUNT: Final = "CW-FieldCount"
INSTANT_UNREADABLE: Final = "CW-InstantUnreadable"
NUL_CHARACTER: Final = "CW-NulCharacter"
OUTSIDE_PERIOD: Final = "CW-OutsidePeriod"
STORE_REFUSED: Final = "CW-StoreRefused"
UNDECODABLE: Final = "CW-Undecodable"
