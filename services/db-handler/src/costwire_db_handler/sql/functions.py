"""The functions that a statement may call: they neither reach outside nor allocate at will."""

from collections.abc import Mapping

_AGGREGATES = """
any_value approx_count_distinct approx_quantile arbitrary arg_max arg_min argmax argmin
array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if count_star countif
covar_pop covar_samp entropy favg first fsum geomean geometric_mean group_concat histogram
kahan_sum kurtosis kurtosis_pop last list listagg mad max max_by mean median min min_by mode
product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept
regr_r2 regr_slope regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp
string_agg sum sumkahan var_pop var_samp variance weighted_avg
"""
_WINDOW = """
cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank
rank_dense row_number
"""
_OPERATORS = """
+ - * / // % ^ ** ! ~ & | << >> || @ = <> != < <= > >= ~~ !~~ ~~* !~~* ~~~ ^@ -> ->> !__postfix
like_escape not_like_escape ilike_escape not_ilike_escape and or not add subtract multiply
divide mod && @> <@
"""
_NUMBERS = """
abs acos acosh asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees even
exp factorial fdiv floor fmod gamma gcd greatest isfinite isinf isnan lcm least lgamma ln log
log10 log2 nextafter pi pow power radians random round round_even roundbankers sign signbit sin
sinh sqrt tan tanh trunc xor width_bucket
"""
_TEXT = """
ascii bit_length char_length character_length chr concat concat_ws contains ends_with
format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_hex hex initcap instr
jaccard jaro_similarity jaro_winkler_similarity lcase left length lower ltrim md5 nfc_normalize
octet_length ord parse_formatted_bytes position prefix regexp_escape regexp_extract
regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array replace
reverse right rtrim sha1 sha256 split split_part starts_with str_split str_split_regex
string_split string_split_regex string_to_array strip_accents strlen strpos substr substring
suffix to_base64 to_hex translate trim ucase unhex unicode upper url_decode url_encode encode
decode
"""
_TIME = """
age century current_date current_localtime current_localtimestamp current_timestamp date_add
date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname
dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us era
get_current_time get_current_timestamp hour isodow isoyear julian last_day make_date make_time
make_timestamp make_timestamp_ms make_timestamptz microsecond millennium millisecond minute
month monthname now quarter second strftime strptime time_bucket timezone timezone_hour
timezone_minute to_centuries to_days to_decades to_hours to_microseconds to_millennia
to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today
transaction_timestamp try_strptime week weekday weekofyear year yearweek
"""
_NESTED = """
array_contains array_distinct array_extract array_has array_has_all array_has_any array_indexof
array_length array_position array_reverse array_slice array_sort array_to_string array_unique
cardinality element_at list_avg list_concat list_contains list_count list_distinct list_element
list_extract list_has list_has_all list_has_any list_indexof list_intersect list_max list_min
list_position list_reverse list_reverse_sort list_slice list_sort list_sum list_unique
list_value array_value map map_concat map_contains map_contains_entry map_contains_value
map_entries map_extract map_extract_value map_from_entries map_keys map_values row
struct_extract struct_pack unnest len array_append array_prepend list_append list_prepend
list_cat array_cat array_concat flatten
"""
_JSON = """
json json_array json_array_length json_exists json_extract json_extract_path
json_extract_path_text json_extract_string json_keys json_object json_quote json_type json_valid
json_value to_json row_to_json array_to_json json_group_array json_group_object
"""
_GENERAL = """
coalesce hash if ifnull nullif typeof uuid gen_random_uuid grouping grouping_id error
current_user session_user user current_schema current_database current_catalog
"""

FUNCTIONS: frozenset[str] = frozenset(
    name
    for names in (
        *(_AGGREGATES, _WINDOW, _OPERATORS, _NUMBERS),
        *(_TEXT, _TIME, _NESTED, _JSON, _GENERAL),
    )
    for name in names.split()
)

# CrateDB's names for what DuckDB calls otherwise; the arguments are the same, in the same order.
RENAMED: Mapping[str, str] = {
    "arbitrary": "any_value",
    "array_overlap": "list_has_any",
    "date_bin": "time_bucket",
    "date_format": "strftime",
    "hyperloglog_distinct": "approx_count_distinct",
    "object_keys": "map_keys",
    "percentile": "quantile_cont",
}

MAX_SERIES = 100_000
MAX_PADDING = 1_000

# What grows with an argument's value, and the largest that may be written there.
PADDED: frozenset[str] = frozenset({"lpad", "rpad"})
SERIES: frozenset[str] = frozenset({"generate_series", "range"})
TABLE_FUNCTIONS: frozenset[str] = frozenset({"unnest"}) | SERIES

# Types that a cast may name. Arrays of fixed length are absent: a null of one takes all its room.
TYPES: frozenset[str] = frozenset(
    name.strip()
    for name in """
    bigint, blob, bool, boolean, bpchar, byte, bytea, char, character, date, datetime, dec,
    decimal, double, double precision, float, float4, float8, hugeint, int, int1, int128, int16,
    int2, int32, int4, int64, int8, integer, interval, json, list, long, map, nvarchar, numeric,
    oid, real, row, short, signed, smallint, string, struct, text, time, time with time zone,
    timestamp, timestamp with time zone, timestamp without time zone, timestamp_ms,
    timestamp_ns, timestamp_s, timestamp_us, timestamptz, timetz, tinyint, ubigint, uhugeint,
    uinteger, usmallint, utinyint, uuid, varbinary, varchar
    """.replace("\n", " ").split(",")
)
