-- How far is the billed usage of a sub account in a month from its budget? Corrections of
-- earlier months are left out.
-- parameter sub_account: text = commonest SubAccountId
-- parameter budget: amount = 1000
-- parameter month: month = newest
SELECT
    ProviderName,
    SubAccountId,
    SubAccountName,
    BillingCurrency,
    sum(BilledCost) AS billed_cost,
    CAST(:budget AS NUMERIC(38, 18)) - sum(BilledCost) AS left_of_budget
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargePeriodStart >= BillingPeriodStart
    AND ChargeCategory = 'Usage'
    AND SubAccountId = :sub_account
GROUP BY 1, 2, 3, 4
ORDER BY
    ProviderName ASC NULLS LAST,
    SubAccountId ASC NULLS LAST,
    SubAccountName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
