"""What analysts and attackers write where a condition or a rank is asked for."""

WELL_MEANT = [
    "sex = 'F'", "sex = 'M'", "age > 30", "age between 18 and 60", "donor", "not donor", "voter", "state = 'FL'", "zip5 = '32301'",
    "contacted('phone')", "not contacted()", "in_source('supporter')", "phone is not null", "email like '%@x.org'", "last_name < 'M'",
    "suppressed('phone')", "not suppressed('email')", "suppressed('emial')", "texts_allowed()", "confidential", "sex in ('F', 'M') or age is null",
    "sex = 'Female'", "county = 'LEON'", "fec_gifts() > 0", "coalesce(fec_gifts(), 0) >= 0",
]  # fmt: skip

HOSTILE = [
    "true) OR (true", "false) OR (true", "true) LIMIT 3 --", "true)) --", "true; DROP TABLE suppression", "1=1) UNION SELECT person_id FROM person --",
    "unnest([true, true])", "unnest({'rank': 0.0::DOUBLE, 'fell': NULL::INTEGER})", "unnest({'rank': 0.0::DOUBLE, 'fell': NULL::INTEGER})), --",
    "unnest({'a': true}), --", "0.0 AS rank, NULL AS fell --", "0)::DOUBLE AS rank, tie, NULL AS fell FROM person p --", "*", "p.*", "COLUMNS(*)",
    "(SELECT true)", "EXISTS (FROM suppression)", "person_id IN (SELECT person_id FROM fec_gift)", "p.person_id = s.person_id", "s.reason IS NULL",
    "random() < 2", "row_number() OVER () < 5", "count(*) > 0", "sum(age) > 0", "list_sum([x for x in [1,2]]) > 0", "query('SELECT 1')",
    "getenv('HOME') IS NOT NULL", "read_text('/etc/passwd') IS NOT NULL", "current_setting('threads') IS NOT NULL", "nextval('x') > 0",
    "query_table('fec_gift') IS NOT NULL", "true /* ", "true -- ", "true\x00", "'' = ''", "\"person_id\" > 0", "p.\"phone\" IS NULL OR true",
    "CASE WHEN true THEN true END", "TRUE::BOOLEAN", "not (false", "($1)", "?", "age = ?", "struct_pack(a := 1)", "{'a': 1}", "[1]", "(1, 2)",
    "error('x')", "repeat('x', 1000) IS NOT NULL", "sleep(10)", "pg_sleep(10)", "range(10) IS NOT NULL", "", " ", "é", "{as_of}", "{0}",
    "score('warm') > 0", "try(1/0)", "lambda x: x", "x -> x", "INTERVAL '1' DAY", "DATE '2012-01-01'", "md5(phone) = 'x'", "1 = 1 AND", "NULL",
]  # fmt: skip

RANKS = [None, None, None, "age", "last_contact_days", "gifts()", "fec_gifts()", "random()", *HOSTILE]
