-- Who is in which segment and in which stage of the journey.
--
-- `dirty_accounts` is the queue of accounts whose records changed. A change only appends to it,
-- so that writers of records wait for nobody; a row is taken out in the transaction that stores
-- the new facts. `account_facts` is what conditions are asked of: what the records of an account
-- add up to, encoded. `due_time` is when a record becomes known that is dated after the facts
-- were made. Times are microseconds since 1970, UTC; days are counted from there.

create table dirty_accounts (
    seq {identity},
    tenant text not null,
    account_id uuid not null
);
insert into dirty_accounts (tenant, account_id) select tenant, id from accounts;

create table account_facts (
    tenant text not null,
    account_id uuid not null,
    body {blob} not null,
    stage text not null,
    stage_time bigint,
    due_time bigint,
    primary key (tenant, account_id)
);
create index account_facts_by_due on account_facts (due_time) where due_time is not null;

-- `state`: 1 everybody was looked at, 2 waits to be, 3 is being. `removed`: nobody is in it any
-- more, and the row goes when they have left. The numbers of members and failures are kept here.
create table segments (
    tenant text not null,
    id text not null,
    archetype boolean not null,
    body {blob} not null,
    timed boolean not null,
    staged boolean not null,
    removed boolean not null,
    state bigint not null,
    members bigint not null,
    failures bigint not null,
    failure text not null,
    evaluate_time bigint,
    create_time bigint not null,
    update_time bigint not null,
    primary key (tenant, id)
);

create table segment_members (
    tenant text not null,
    segment text not null,
    account_id uuid not null,
    enter_time bigint not null,
    primary key (tenant, segment, account_id)
);
create index segment_members_by_account on segment_members (account_id, segment);

create table segment_changes (
    seq {identity},
    tenant text not null,
    segment text not null,
    account_id uuid not null,
    entered boolean not null,
    time bigint not null
);
create index segment_changes_by_tenant on segment_changes (tenant, seq);

create table journey_transitions (
    seq {identity},
    tenant text not null,
    account_id uuid not null,
    from_stage text not null,
    to_stage text not null,
    time bigint not null
);
create index journey_transitions_by_tenant on journey_transitions (tenant, seq);
create index journey_transitions_by_account on journey_transitions (account_id, seq);

-- One row a tenant. `rules` are its journey stages, if they are not the shipped ones, and
-- `journey` their state, as of a segment. `today` is the day of the last look at the calendar.
-- A pass over all accounts has come to `after`; null while there is none.
create table evaluations (
    tenant text not null,
    rules {blob},
    rules_time bigint,
    journey bigint not null,
    today bigint not null,
    after uuid,
    done bigint not null,
    total bigint not null,
    primary key (tenant)
);
