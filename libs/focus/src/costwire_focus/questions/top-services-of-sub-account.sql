-- Which services cost one sub account most in a month?
-- parameter sub_account: text = commonest SubAccountId
-- parameter month: month = newest
-- parameter most: number = 10
SELECT
    SubAccountName,
    ServiceName,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND SubAccountId = :sub_account
GROUP BY 1, 2, 3
ORDER BY
    effective_cost DESC NULLS LAST,
    SubAccountName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
LIMIT :most
