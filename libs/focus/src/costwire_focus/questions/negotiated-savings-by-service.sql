-- What did negotiated prices save on each service, compared with list prices?
-- parameter month: month = newest
-- percent saved_percent = saved / list_cost
SELECT
    ProviderName,
    ServiceName,
    BillingCurrency,
    sum(ListCost) AS list_cost,
    sum(ContractedCost) AS contracted_cost,
    sum(ListCost) - sum(ContractedCost) AS saved
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargeCategory = 'Usage'
GROUP BY 1, 2, 3
ORDER BY
    BillingCurrency ASC NULLS LAST,
    saved DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST
