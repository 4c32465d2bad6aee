-- The megafile's tables. This file is the one place where their columns and types are declared:
-- `tables.py` reads it, layouts are checked against it, and the book prints it.
--
-- Every fact carries the record it came from (record_id, which orders by file date, file, line) and who it is
-- about (person_id; null: its source names a person nobody has a record of). What the source itself said of
-- both stands once, in `record`.

-- One row per record that counts: accepted, and not replaced by a later one with its key.
CREATE TABLE record (
    record_id     BIGINT,     -- file_id * 2^30 + first line: where its values were read
    seen_id       BIGINT,     -- the latest record that said the same; record_id where none repeated it
    source        VARCHAR,
    record_key    VARCHAR,
    person_source VARCHAR,    -- whose records person_key names; null: the record is not about a person
    person_key    VARCHAR,
    scope         VARCHAR,    -- what part of its source a snapshot's record belongs to
    content_hash  UBIGINT     -- first half of the md5 of the record's values
);

-- One row per key of a snapshot's record that a later snapshot of its scope no longer holds.
CREATE TABLE vanished (
    record_id  BIGINT,        -- the latest record that held it
    source     VARCHAR,
    record_key VARCHAR
);

-- The latest snapshot of each part of a source.
CREATE TABLE snapshot_scope (
    source VARCHAR,
    scope  VARCHAR,
    as_of  DATE
);

-- Where records come from.
CREATE TABLE source (
    source         VARCHAR,
    kind           VARCHAR,   -- voter, van, vendor, supporter, donor, volunteer, list, none
    one_per_person BOOLEAN    -- whether it has at most one record of a person; null: it describes nobody
);

-- The layouts that did not come with campaignkit.
CREATE TABLE layout (
    name VARCHAR,
    toml VARCHAR
);

-- One row per person. Values come from that person's source records by the rules in `people.py`.
CREATE TABLE person (
    person_id      BIGINT PRIMARY KEY, -- kept through nights
    household_id   BIGINT,    -- null: no address, a PO box, or more than 12 people there
    first_name     VARCHAR,
    middle_name    VARCHAR,
    last_name      VARCHAR,
    suffix         VARCHAR,   -- JR, SR, II, III, IV
    birth_date     DATE,
    birth_year     SMALLINT, -- of the birth date, or all that is known
    sex            VARCHAR,   -- F, M; null: unknown
    race           VARCHAR,  -- white, black, hispanic, asian, native american, multiracial, other
    party          VARCHAR,   -- D, R, or the file's own code
    address        VARCHAR,
    unit           VARCHAR,  -- apartment, suite
    city           VARCHAR,
    state          VARCHAR,   -- two letters
    region         VARCHAR,   -- Census region: Northeast, Midwest, South, West
    zip5           VARCHAR,  -- five digits
    county         VARCHAR,  -- in title case
    precinct       VARCHAR,  -- as its source writes it
    cd             VARCHAR,  -- congressional district
    sd             VARCHAR,  -- state senate district
    hd             VARCHAR,  -- state house or assembly district
    phone          VARCHAR,   -- E.164
    email          VARCHAR,   -- lower case
    state_voter_id VARCHAR,  -- the key of their state's voter file
    voter_status   VARCHAR,   -- active, inactive, removed
    registered_on  DATE,     -- when they registered to vote
    van_id         VARCHAR,   -- unique within van_state only
    van_state      VARCHAR,
    confidential   BOOLEAN,   -- a protected voter: on no list
    sources        VARCHAR[]  -- which sources have a record of this person
);

-- One row per address: who lives together, by normalised address and unit.
CREATE TABLE household (
    household_id BIGINT PRIMARY KEY,
    address_key  VARCHAR,
    state        VARCHAR,
    zip5         VARCHAR,
    people       INTEGER
);

-- One row per record that describes a person, as its source gave it.
CREATE TABLE source_record (
    record_id         BIGINT,
    source            VARCHAR,
    record_key        VARCHAR,  -- the source's own key of the person
    person_id         BIGINT,
    matched_by        VARCHAR,  -- the deterministic rule that linked it, or 'model'; null: the person's first record
    match_probability DOUBLE,   -- of a link that the model made; null for deterministic rules
    as_of             DATE,
    first_name        VARCHAR,
    middle_name       VARCHAR,
    last_name         VARCHAR,
    suffix            VARCHAR,
    birth_date        DATE,
    birth_year        SMALLINT,
    sex               VARCHAR,
    race              VARCHAR,
    party             VARCHAR,
    address           VARCHAR,
    unit              VARCHAR,
    city              VARCHAR,
    state             VARCHAR,
    zip5              VARCHAR,
    county            VARCHAR,
    precinct          VARCHAR,
    cd                VARCHAR,
    sd                VARCHAR,
    hd                VARCHAR,
    phone             VARCHAR,
    email             VARCHAR,
    state_voter_id    VARCHAR,
    voter_status      VARCHAR,
    registered_on     DATE,
    van_id            VARCHAR,
    van_state         VARCHAR,
    confidential      BOOLEAN,
    address_key       VARCHAR,  -- normalised address, unit and zip5; null: no address, or a PO box
    extra             VARCHAR   -- JSON of the columns the layout does not know
);

-- Records that describe a person that a later record of their source describes too (a donor's earlier gifts).
CREATE TABLE other_description AS FROM source_record LIMIT 0;

-- One row per person and election in which a ballot was cast.
CREATE TABLE vote_history (
    person_id BIGINT, record_id BIGINT,
    election_date DATE,
    election_type VARCHAR,  -- general, primary, special, other
    method        VARCHAR,  -- polls, early, mail, provisional, other; null: not said
    party         VARCHAR   -- whose primary ballot
);

-- One row per gift to this campaign. Money in dollars; refunds are negative.
CREATE TABLE gift (
    person_id BIGINT, record_id BIGINT,
    given_on      DATE,
    amount        DECIMAL(14,2),
    channel       VARCHAR,  -- online, mail
    recurring     BOOLEAN,
    quick_donate  BOOLEAN,  -- given with a stored card
    refcode       VARCHAR,
    ab_test       VARCHAR,
    ab_variation  VARCHAR,
    occupation    VARCHAR,
    employer      VARCHAR
);

-- One row an FEC itemisation. Restricted: 52 USC 30111(a)(4) bars its use for soliciting. Never feeds `person`.
CREATE TABLE fec_gift (
    person_id BIGINT, record_id BIGINT,
    given_on      DATE,
    amount        DECIMAL(14,2),
    committee_id  VARCHAR,
    entity_type   VARCHAR,
    is_memo       BOOLEAN,  -- true: counted elsewhere too; leave out of sums
    name          VARCHAR,
    first_name    VARCHAR,
    last_name     VARCHAR,
    city          VARCHAR,
    state         VARCHAR,
    zip5          VARCHAR,
    occupation    VARCHAR,
    employer      VARCHAR
);

-- One row per attempt to reach a person.
CREATE TABLE contact (
    person_id BIGINT, record_id BIGINT,
    contacted_on  DATE,
    channel       VARCHAR,  -- phone, door, text, mail, email
    result        VARCHAR,  -- as the source words it; contact_results.toml says what it closes
    contacted_by  VARCHAR,
    phone         VARCHAR,  -- the number that was tried, where the source says so
    email         VARCHAR   -- the address, likewise
);

-- One row per person and experiment: who was given which treatment, reached or not.
CREATE TABLE assignment (
    person_id BIGINT, record_id BIGINT,
    experiment    VARCHAR,
    arm           VARCHAR,
    assigned_on   DATE,
    script        VARCHAR,
    caller_id     VARCHAR
);

-- One row per caller.
CREATE TABLE caller (
    record_id BIGINT,
    caller_id VARCHAR,
    state     VARCHAR,
    role      VARCHAR       -- volunteer, staff
);

-- One row per person and shift.
CREATE TABLE volunteer_shift (
    person_id BIGINT, record_id BIGINT,
    shift_on DATE,
    activity VARCHAR,
    hours    DOUBLE
);

-- One row per person and program joined.
CREATE TABLE enrollment (
    person_id BIGINT, record_id BIGINT,
    program   VARCHAR,    -- quick_donate
    enrolled_on DATE
);

-- One row per person and e-mail sent.
CREATE TABLE email_send (
    person_id BIGINT, record_id BIGINT,
    email_id VARCHAR,       -- one variant of one test
    test     VARCHAR,
    subject  VARCHAR,
    sender   VARCHAR,
    message  VARCHAR,
    sent_on  DATE
);

-- One row per thing that happened to a sent e-mail.
CREATE TABLE email_event (
    person_id BIGINT, record_id BIGINT,
    email_id    VARCHAR,
    event       VARCHAR,    -- as the source words it: open, click, gift, unsubscribe, bounce
    happened_on DATE,
    amount      DECIMAL(14,2),
    email       VARCHAR     -- the address it happened at, where the source says so
);

-- One row per forecast by a member of staff of what a variant would do.
CREATE TABLE guess (
    record_id BIGINT,
    staff_id VARCHAR,
    test     VARCHAR,
    email_id VARCHAR,
    guess    DOUBLE         -- expected gifts per 1,000 sent
);

-- One row per answer to whether texts may be sent.
CREATE TABLE text_optin (
    person_id BIGINT, record_id BIGINT,
    phone       VARCHAR,
    answer      VARCHAR,    -- yes, no, unknown; only yes is consent
    answered_on DATE
);

-- One row per person and question asked.
CREATE TABLE survey_response (
    person_id BIGINT, record_id BIGINT,
    stream   VARCHAR,       -- van, phone, online, text
    asked_on DATE,
    question VARCHAR,
    answer   VARCHAR,
    weight   DOUBLE         -- the design weight that the poll came with; null: none
);

-- One row per person in the consumer append.
CREATE TABLE consumer (
    person_id BIGINT, record_id BIGINT,
    income_band   VARCHAR,
    education     VARCHAR,
    homeowner     BOOLEAN,
    married       BOOLEAN,
    children      BOOLEAN,
    urbanicity    VARCHAR,
    interest      VARCHAR
);

-- One row per supporter and friend of theirs in the app.
CREATE TABLE social_tie (
    person_id BIGINT, record_id BIGINT,
    supporter_id VARCHAR,   -- whose friend; person_id is the friend
    tied_on      DATE,
    strength     DOUBLE     -- from 0 to 1, as the app scores it; null: it may not see
);

-- One row per friend and supporter who was to ask them, held out or not.
CREATE TABLE friend_ask (
    person_id BIGINT, record_id BIGINT,
    supporter_id VARCHAR,   -- who was to ask; person_id is the friend
    purpose      VARCHAR,
    planned_on   DATE,
    held_out     BOOLEAN,   -- by a coin flip before asks were chosen: not shown to the supporter
    sent_on      DATE,      -- when the supporter passed it on; null: never
    clicked_on   DATE       -- when the friend clicked its link; null: never
);

-- One row per person and election ahead in which a ballot has come back.
CREATE TABLE early_vote (
    person_id BIGINT, record_id BIGINT,
    election_date DATE,
    method        VARCHAR,  -- mail, in person
    returned_on   DATE
);

-- One row per person and contest invited to, entered or not.
CREATE TABLE contest_entry (
    person_id BIGINT, record_id BIGINT,
    host       VARCHAR,
    invited_on DATE,
    at_random  BOOLEAN,     -- whether the invitation was drawn at random
    entered    BOOLEAN,
    entered_on DATE
);

-- One row per refusal, once said: never taken away, whatever later files hold. What follows from it is in suppression and
-- closed_contact_point, which each build and night makes anew.
CREATE TABLE refusal (
    record_id     BIGINT,   -- of a record that said it; the record itself may be gone
    source        VARCHAR,
    person_source VARCHAR,  -- whose records person_key names, as in `record`
    person_key    VARCHAR,
    kind          VARCHAR,  -- where the word is from: contact, email, text, list
    channel       VARCHAR,
    word          VARCHAR,  -- the result, event, answer or reason, as its source words it
    happened_on   DATE,
    until         DATE,     -- where a list says when it ended
    email         VARCHAR,  -- the address and number that the record itself names
    phone         VARCHAR
);

-- What records that no longer stand said of people: who an old refusal is about is looked up here too.
CREATE TABLE past_description AS
SELECT source, record_key, first_name, last_name, birth_date, state, zip5, address_key, phone, email, state_voter_id,
       van_id, van_state
FROM source_record LIMIT 0;

-- One row per reason not to reach a person on a channel. Channel `all`: on none.
CREATE TABLE suppression (
    person_id BIGINT, record_id BIGINT,
    channel VARCHAR,        -- phone, door, text, mail, email, all
    reason  VARCHAR,        -- unsubscribed, refused, do not call, wrong number, bounced, deceased, moved, confidential,
                            -- unknown result
    since   DATE,           -- null: not said
    until   DATE,           -- when a later word of theirs, or the list itself, ended it; null: it stands
    email   VARCHAR,        -- the address or number that the record itself names
    phone   VARCHAR
);

-- One row per reason not to use an address or number on a channel, whoever has it.
CREATE TABLE closed_contact_point (
    record_id BIGINT,
    channel VARCHAR,        -- phone, text, email
    point   VARCHAR,        -- a phone number or an e-mail address
    reason  VARCHAR,
    since   DATE,
    until   DATE
);

-- Words of contact_results.toml that the campaign mapped itself.
CREATE TABLE contact_word (
    kind    VARCHAR,        -- channel, contact, email, text
    word    VARCHAR,        -- letters and digits alone, in lower case
    outcome VARCHAR
);

-- Ballots cast in a county, as the election office published them.
CREATE TABLE county_turnout (
    record_id BIGINT,
    state         VARCHAR,
    county        VARCHAR,
    election_date DATE,
    registered    BIGINT,
    voted         BIGINT
);

-- One row per home of a viewing panel, by the voter the vendor matched it to.
CREATE TABLE panel_home (
    person_id BIGINT,
    record_id BIGINT,
    market    VARCHAR,
    weight    DOUBLE        -- adults that the home stands for
);

-- One row per home of a viewing panel and cell that it watched.
CREATE TABLE viewing (
    person_id BIGINT,
    record_id BIGINT,
    network   VARCHAR,
    daypart   VARCHAR,
    days      INTEGER       -- of the panel's, on which the home watched it
);

-- One row per cell of a rate card.
CREATE TABLE avail (
    record_id BIGINT,
    market    VARCHAR,
    network   VARCHAR,
    daypart   VARCHAR,
    cost      DOUBLE,       -- of a spot, in dollars
    spots     INTEGER       -- left
);

-- One row per cell of an order of spots.
CREATE TABLE spot_order (
    record_id    BIGINT,
    market       VARCHAR,
    network      VARCHAR,
    daypart      VARCHAR,
    first_air_on DATE,
    last_air_on  DATE,
    spots        INTEGER,
    cost         DOUBLE,    -- of a spot, in dollars
    cost_total   DOUBLE
);

-- One row per person asked and channel: a site, an app, a station, a paper.
CREATE TABLE media_use (
    person_id BIGINT,
    record_id BIGINT,
    channel   VARCHAR,
    uses      BOOLEAN
);

-- One row per column of one's own: what layouts map to attributes and dated facts, and what an analyst added.
CREATE TABLE own_column (
    name       VARCHAR,
    kind       VARCHAR,     -- attribute, fact, added
    type       VARCHAR,     -- text, number, dollars, date, yes/no; of a fact what its value and amount are, see layouts
    label      VARCHAR,
    keep       VARCHAR,     -- which value survives where a person's records differ: latest, earliest, highest, lowest,
                            -- total; null: of a fact, all rows count
    restricted VARCHAR,     -- what bars its use for soliciting; null: nothing
    layout     VARCHAR      -- whose; null: an analyst's
);

-- One row per record and attribute of one's own that it gives a value.
CREATE TABLE attribute (
    person_id BIGINT, record_id BIGINT,
    name  VARCHAR,          -- as in own_column
    value VARCHAR           -- as own_column's type is written: 1250.00, 2012-10-01, true
);

-- One row per dated fact of one's own.
CREATE TABLE dated_fact (
    person_id BIGINT, record_id BIGINT,
    name        VARCHAR,    -- as in own_column
    happened_on DATE,
    value       VARCHAR,
    amount      DOUBLE
);

-- One row per person and tag that an analyst put on them. Who it is stays with a record of theirs, as ids may change.
CREATE TABLE tag (
    person_id  BIGINT,
    source     VARCHAR,
    record_key VARCHAR,
    name       VARCHAR,
    tagged_on  DATE,
    restricted VARCHAR      -- as in score
);

-- One row per person and value that an analyst added; kept with a record of theirs, as tags are.
CREATE TABLE added_value (
    person_id  BIGINT,
    source     VARCHAR,
    record_key VARCHAR,
    name       VARCHAR,     -- as in own_column
    value      VARCHAR
);

-- One row per person, score and date.
CREATE TABLE score (
    person_id BIGINT,
    name      VARCHAR,
    value     DOUBLE,
    scored_on DATE,
    restricted VARCHAR,     -- what in it may not serve soliciting, such as fec_gifts; untraced: nobody knows;
                            -- null: nothing
    warning    VARCHAR      -- what a list that ranks by it must say, such as that it ranks no better than chance
);

-- One row per list that was written.
CREATE TABLE export (
    exported_at TIMESTAMP, path VARCHAR, channel VARCHAR, purpose VARCHAR, universe VARCHAR,
    rows BIGINT, sha256 VARCHAR
);

-- The model that linked what the deterministic rules left, for refreshes to use as it is.
CREATE TABLE model (
    name      VARCHAR,      -- person
    fitted_on DATE,         -- the megafile's date when it was fitted
    settings  VARCHAR       -- JSON: Splink's settings, how housemates compare, how common names are, rates by source
);

-- Pairs of records that the model scored and could not rule out.
CREATE TABLE candidate_pair (
    record_id BIGINT,       -- of the two, the one whose source links later; within a source, the smaller
    other_id  BIGINT,
    odds      DOUBLE        -- of one person against strangers and housemates, before its rivals are looked at
);

-- Which records the model has scored: against existing people, or (own) against others of their own source.
CREATE TABLE scored_record (
    record_id BIGINT,
    own       BOOLEAN
);

-- Two people whose records share the keys of a deterministic rule: what becomes of one may change the other.
CREATE TABLE shared_rule (
    person_id       BIGINT,
    other_person_id BIGINT
);

-- One row per change of who is who.
CREATE TABLE identity_event (
    night           INTEGER,
    happened_at     TIMESTAMP,
    event           VARCHAR,  -- merged: other_person_id is now person_id; split: other_person_id was part of person_id;
                              -- ended: no record of person_id is left
    person_id       BIGINT,
    other_person_id BIGINT,
    reason          VARCHAR
);

-- One row per build, refresh or retraining.
CREATE TABLE refresh_log (
    night INTEGER,            -- 0: the build
    started_at TIMESTAMP, finished_at TIMESTAMP,
    kind VARCHAR,             -- build, refresh, retrain
    as_of DATE, version VARCHAR,
    files INTEGER, accepted BIGINT, rejected BIGINT,
    people BIGINT, added BIGINT, merged BIGINT, split BIGINT, ended BIGINT,
    warnings VARCHAR[]
);

-- One row per night and source of which files came: what they held beside what stood.
CREATE TABLE night_source (
    night INTEGER, source VARCHAR, files INTEGER,
    new BIGINT, changed BIGINT, unchanged BIGINT,
    older BIGINT,             -- later records of the same keys stood, or came in the same night
    vanished BIGINT, rejected BIGINT
);

-- One row per file (or member of a zip) read.
CREATE TABLE source_file (
    file_id       INTEGER PRIMARY KEY, -- days since 1990 * 2^11 + its number among the files of that day
    night         INTEGER,  -- when it came; 0: with the build
    file          VARCHAR,  -- name within the folder; a zip's member follows "!"
    layout        VARCHAR,
    source        VARCHAR,
    mode          VARCHAR,  -- snapshot, append, upsert
    as_of         DATE,
    encoding      VARCHAR,
    sha256        VARCHAR,  -- of the file as it lay
    lines         BIGINT,   -- physical lines
    header_lines  INTEGER,
    records       BIGINT,   -- accepted + rejected
    accepted      BIGINT,
    rejected      BIGINT,
    accepted_lines BIGINT,  -- header_lines + accepted_lines + rejected_lines = lines
    rejected_lines BIGINT,
    duplicates    BIGINT,   -- accepted records whose key a later line or file repeats
    vanished      BIGINT,   -- accepted records that a later snapshot of their scope no longer holds
    extra_columns VARCHAR[],  -- in the file, not known to the layout: kept in source_record.extra
    absent_columns VARCHAR[], -- read by the layout, not in the file
    unread        STRUCT("column" VARCHAR, failures BIGINT)[]  -- values that did not parse and are null
);

-- One row per file or folder that lay among the exports and was not taken in.
CREATE TABLE skipped_file (
    night  INTEGER,         -- when it was met; 0: by the build
    file   VARCHAR,
    reason VARCHAR
);

-- One row per record that could not be read; of over 1,000 such in a row, one for all of them, with all their lines.
CREATE TABLE reject (
    file_id    INTEGER,
    first_line BIGINT,
    lines      INTEGER,
    reason     VARCHAR,
    raw        VARCHAR        -- its first 1,000 characters
);
