"""What grows while the parts of one report are read: counts, findings, the second count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from costwire_exporter.errors import CountsDisagree
from costwire_exporter.identity import Meaning
from costwire_exporter.status import Progress
from costwire_exporter.tally import Tally
from costwire_focus.batch import Unusable
from costwire_focus.canonical import canonical_text, exact_sum, to_text
from costwire_focus.conform import conform
from costwire_focus.exposition.copies import CopyCounter
from costwire_focus.exposition.render import Renderer
from costwire_focus.legacy import LegacyNames
from costwire_focus.manifest import FindingCount, FindingLine, SecondCount
from costwire_focus.own_rules import TIME_AHEAD
from costwire_focus.readers import Report
from costwire_focus.reconcile import disagreement
from costwire_focus.recount import Recount
from costwire_focus.rules import Validator
from costwire_sources.source import Part, Reading

BATCH_BYTES = 4 << 20
_HEADER_LINE = 1


@dataclass(frozen=True)
class Resumed:
    """What an earlier report left, so that only what is not in it need be read."""

    tally: Tally
    pairs: Mapping[str, NDArray[np.void]] = field(default_factory=dict)
    copies: CopyCounter = field(default_factory=CopyCounter)


class ReportRun:
    """One reading of a report."""

    def __init__(
        self,
        meaning: Meaning,
        columns: Sequence[str],
        version: str,
        parts: Sequence[Part],
        resumed: Resumed | None = None,
    ) -> None:
        resumed = resumed or Resumed(Tally(meaning.currency))
        self._meaning = meaning
        self.columns = columns
        self.version = version
        self.validator = self.new_validator(parts[0].name, resumed.pairs)
        self.renderer = Renderer(columns, resumed.copies)
        self.tally = resumed.tally
        self.legacy = LegacyNames() if meaning.map_legacy else None
        self.bytes_read = 0
        self._bytes_total = sum(part.size for part in parts)
        self._remarks: dict[str, FindingCount] = {}
        self._recounts: list[Recount] = []

    def new_validator(
        self, file: str = "", pairs: Mapping[str, NDArray[np.void]] | None = None
    ) -> Validator:
        """One that judges charges as they are judged here."""
        return Validator(
            self.columns,
            self.version,
            dates=self._meaning.dates,
            currency=self._meaning.currency,
            declared=self._meaning.period,
            file=file,
            met=pairs,
        )

    def conformed(self, charges: pa.Table) -> pa.Table:
        """Charges as they are published."""
        return conform(charges, self.columns, self._meaning.currency, self._meaning.dates)

    def progress(self, position: int) -> Progress:
        """How far the reading has come; `position` is that in the part being read."""
        return Progress(self.tally.rows.read, self.bytes_read + position, self._bytes_total)

    def compare(self, part: Part, report: Report, uncut: Sequence[Unusable]) -> None:
        """Hold the part's count against the second reader's; keep what the reader remarked."""
        second = report.recount()
        said = disagreement(self.tally.part_records, self.tally.part_billed_cost, uncut, second)
        if said is not None:
            raise CountsDisagree(f"count {part.name} twice: {said}")
        self.count_part(part, report, self.tally.part_records)

    def count_part(self, part: Part, report: Report, records: int) -> None:
        """Keep what the reader remarked, and its second count of so many records."""
        if part.rows is not None and part.rows != records:
            raise CountsDisagree(
                f"count {part.name}: the export's manifest tells of {part.rows} rows, and "
                f"{records} are there; have the provider write the export anew, or read its files "
                "without the manifest (the layout none)"
            )
        self._recounts.append(report.recount())
        self.bytes_read += part.size
        for rule, sentence in report.remarks.items():
            self._remark(rule, sentence, FindingLine(file=part.name, line=_HEADER_LINE))

    def remark_time(self, reading: Reading) -> None:
        """Tell that the report's time is not believed."""
        sentence = (
            f"the report is of {to_text(reading.generation)}, which is yet to come; it counts as "
            "of the time when it was read. Set the clock of whoever writes it"
        )
        first = FindingLine(file=reading.parts[0].name, line=_HEADER_LINE)
        self._remark(TIME_AHEAD, sentence, first)

    def _remark(self, rule: str, sentence: str, line: FindingLine) -> None:
        known = self._remarks.get(rule)
        self._remarks[rule] = FindingCount(
            count=known.count + 1 if known else 1,
            message=known.message if known else sentence,
            lines=known.lines if known else [line],
        )

    def second_count(self) -> SecondCount:
        """The second reader's figures over all parts."""
        return SecondCount(
            reader=self._recounts[0].reader,
            records=sum(second.records for second in self._recounts),
            billed_cost=canonical_text(exact_sum(second.billed_cost for second in self._recounts)),
        )

    def findings(
        self, of_charges: Mapping[str, FindingCount] | None = None
    ) -> dict[str, FindingCount]:
        """What was found, by rule; `of_charges`: instead of what single charges break here."""
        found = dict(self.validator.findings)
        if of_charges is not None:
            for rule in self.validator.of_charges:
                del found[rule]
        told = {
            rule: FindingCount(
                count=finding.count,
                message=finding.message,
                lines=[FindingLine(file=file, line=line) for file, line in finding.lines],
            )
            for rule, finding in found.items()
        }
        return dict(sorted((self._remarks | told | dict(of_charges or {})).items()))
