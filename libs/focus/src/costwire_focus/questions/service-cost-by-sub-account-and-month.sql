-- Which sub accounts pay for one service, and how does that change from month to month?
-- parameter service: text = commonest ServiceName
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    SubAccountId,
    SubAccountName,
    BillingCurrency,
    sum(BilledCost) AS billed_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ServiceName = :service
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST,
    effective_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    SubAccountId ASC NULLS LAST,
    SubAccountName ASC NULLS LAST
