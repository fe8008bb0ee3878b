-- Projections of other services' data, beside the ledger of accounts and orders. Times are
-- microseconds UTC; sort_key is the source key.
create table contacts (
    tenant text not null,
    contact uuid not null,
    account uuid not null,
    sort_key text not null,
    display_name text not null,
    has_phone boolean not null,
    has_email boolean not null,
    primary key (tenant, contact)
);
create index contacts_by_account on contacts (tenant, account);

create table scores (
    tenant text not null,
    account uuid not null,
    as_of bigint not null,
    body text not null,
    primary key (tenant, account)
);

-- What this service owns.
create table products (
    tenant text not null,
    product text not null,
    display_name text not null,
    category text not null,
    blocked boolean not null,
    primary key (tenant, product)
);

create table sellers (
    tenant text not null,
    seller text not null,
    display_name text not null,
    territories text not null,
    capacity bigint not null,
    primary key (tenant, seller)
);

create table policies (
    tenant text not null,
    policy uuid not null,
    version bigint not null,
    as_of bigint not null,
    value_exponent double precision not null,
    train_examples bigint not null,
    create_time bigint not null,
    ranker {blob} not null,
    primary key (tenant, policy)
);
create unique index policies_by_version on policies (tenant, version);
create unique index policies_by_as_of on policies (tenant, as_of);

-- The drafts from which a seller's list of a day is chosen, and chosen again.
create table pools (
    tenant text not null,
    seller text not null,
    day text not null,
    policy uuid not null,
    value_exponent double precision not null,
    book_size bigint not null,
    drafts text not null,
    primary key (tenant, seller, day)
);

create table plans (
    tenant text not null,
    seller text not null,
    day text not null,
    policy uuid not null,
    book_size bigint not null,
    eligible_accounts bigint not null,
    plan_time bigint not null,
    stale boolean not null,
    primary key (tenant, seller, day)
);

create table recommendations (
    tenant text not null,
    recommendation uuid not null,
    seller text not null,
    account uuid not null,
    product text not null,
    play text not null,
    day text not null,
    rank bigint not null,
    state text not null,
    state_time bigint not null,
    issue_time bigint not null,
    expire_time bigint not null,
    attribution_token text not null,
    frozen text not null,
    primary key (tenant, recommendation)
);
-- the dedupe key: an equal one that is open or was put off is updated, never doubled
create unique index recommendations_open on recommendations (tenant, account, play, product)
    where state in ('issued', 'accepted', 'snoozed');
create index recommendations_by_plan on recommendations (tenant, seller, day);
create index recommendations_by_pair on recommendations (tenant, account, product);
create index recommendations_by_expiry on recommendations (expire_time) where state = 'issued';

create table suppressions (
    tenant text not null,
    reaction uuid not null,
    seller text not null,
    scope text not null,
    account uuid,
    product text,
    until_time bigint,
    react_time bigint not null,
    effect text not null,
    primary key (tenant, reaction)
);
