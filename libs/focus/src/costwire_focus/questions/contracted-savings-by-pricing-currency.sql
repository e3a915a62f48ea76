-- What do contracts take off each price, in the currency in which it is priced, and what did
-- that save?
-- parameter month: month = newest
SELECT
    ProviderName,
    ServiceName,
    SkuPriceId,
    PricingUnit,
    PricingCurrency,
    PricingCurrencyListUnitPrice,
    PricingCurrencyContractedUnitPrice,
    BillingCurrency,
    min(PricingCurrencyListUnitPrice - PricingCurrencyContractedUnitPrice) AS saved_per_unit,
    sum(PricingQuantity) AS quantity,
    sum(ListCost) - sum(ContractedCost) AS saved
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND PricingCurrencyListUnitPrice > PricingCurrencyContractedUnitPrice
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ORDER BY
    BillingCurrency ASC NULLS LAST,
    saved DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    SkuPriceId ASC NULLS LAST,
    PricingUnit ASC NULLS LAST,
    PricingCurrency ASC NULLS LAST,
    PricingCurrencyListUnitPrice ASC NULLS LAST,
    PricingCurrencyContractedUnitPrice ASC NULLS LAST
