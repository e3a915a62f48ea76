"""Tests of refusing what is no FOCUS cost report."""

import pytest

from costwire_focus.columns import VERSIONS, columns_of
from costwire_focus.errors import FocusError, NotFocus
from costwire_focus.foreign import nearest, refuse_foreign


@pytest.mark.parametrize("version", VERSIONS)
def test_a_focus_report_passes(version):
    assert refuse_foreign(list(columns_of(version))) is None


@pytest.mark.parametrize("period", ["BillingPeriodStart", "ChargePeriodStart"])
def test_a_cost_and_one_period_are_enough(period):
    assert refuse_foreign(["BilledCost", period]) is None


def test_columns_of_a_cloud_beside_those_of_focus_do_not_matter():
    names = ["BilledCost", "ChargePeriodStart", "lineItem/UnblendedCost", "PreTaxCost"]
    assert refuse_foreign(names) is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["identity/LineItemId", "lineItem/UnblendedCost"], "AWS Cost and Usage Report (legacy)"),
        (["line_item_unblended_cost", "bill_payer_account_id"], "AWS Cost and Usage Report 2.0"),
        (["lineItem/referenceNo", "cost/myCost"], "Oracle Cloud cost or usage report"),
        (["Date", "PreTaxCost", "MeterId"], "Azure usage details"),
        (["date", "costInBillingCurrency"], "Azure usage details"),
        (["billing_account_id", "usage_start_time", "cost"], "Google Cloud billing export"),
        (["Namespace", "CPUCost", "RAMCost"], "Kubecost or OpenCost"),
        (["metadata", "spec"], "Kubernetes objects, such as FocusConfig"),
        (["apiVersion", "kind", "metadata", "spec"], "Kubernetes objects, such as FocusConfig"),
        (["ContractId", "ContractCommitmentCost"], "dataset Contract Commitment"),
        (["BillingPeriodStart", "BillingPeriodEnd", "BillingPeriodStatus"], "dataset Billing"),
        (["BilledCost", "BillingPeriodStart", "InvoiceDetailGrain"], "dataset Invoice Detail"),
        (["Name", "Price"], "no BilledCost column"),
        ([], "no BilledCost column"),
        (["BilledCost", "ChargePeriodEnd"], "no period column"),
    ],
)
def test_another_report_is_refused_with_what_it_looks_like(names, said):
    with pytest.raises(NotFocus, match=r"^read the header: ") as refusal:
        refuse_foreign(names)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["billedcost", "ChargePeriodStart"], "'billedcost': rename it to BilledCost"),
        (["billed_cost", "ChargePeriodStart"], "'billed_cost': rename it to BilledCost"),
        (["BilledCost", "charge_period_start"], "rename it to ChargePeriodStart"),
    ],
)
def test_a_name_that_is_nearly_right_is_pointed_out(names, hint):
    with pytest.raises(NotFocus) as refusal:
        refuse_foreign(names)
    assert hint in str(refusal.value)


def test_a_refusal_is_an_error_of_this_library():
    assert issubclass(NotFocus, FocusError)


@pytest.mark.parametrize(
    ("name", "column"), [("Billed Cost", "BilledCost"), ("SkuMeters", "SkuMeter"), ("Zeit", None)]
)
def test_the_nearest_column_is_near_or_none(name, column):
    assert nearest(name) == column
