-- A record is its message in the contract's encoding (`body`, without the times of storage). The
-- columns beside it are what is filtered, sorted or looked up by; `hash` tells equal from changed.
-- Times are microseconds since 1970, UTC; ids are UUIDv7, so the order of ids is the order of
-- first storage.
--
-- A record is found by its key in the system it came from: by the id first, because integrations
-- know the id, and few know or care how many systems there are. The indices by account begin with
-- the account, which is of one tenant anyway: they are the ones that grow in the middle, and half
-- as wide they cost half as much to keep.

create table accounts (
    tenant text not null,
    id uuid not null,
    source text not null,
    source_id text not null,
    display_name text not null,
    territory text not null,
    country text not null,
    industry text not null,
    body {blob} not null,
    hash {blob} not null,
    create_time bigint not null,
    update_time bigint not null,
    primary key (tenant, id)
);
create unique index accounts_by_key on accounts (tenant, source_id, source);

create table contacts (
    tenant text not null,
    id uuid not null,
    source text not null,
    source_id text not null,
    account_id uuid not null,
    email text not null,
    body {blob} not null,
    hash {blob} not null,
    create_time bigint not null,
    update_time bigint not null,
    primary key (tenant, id)
);
create unique index contacts_by_key on contacts (tenant, source_id, source);
create index contacts_by_account on contacts (account_id, id);

create table orders (
    tenant text not null,
    id uuid not null,
    source text not null,
    source_id text not null,
    account_id uuid not null,
    order_time bigint not null,
    kind bigint not null,
    currency_code text not null,
    total_minor bigint not null,
    body {blob} not null,
    hash {blob} not null,
    create_time bigint not null,
    update_time bigint not null,
    primary key (tenant, id)
);
create unique index orders_by_key on orders (tenant, source_id, source);
create index orders_by_account on orders (account_id, order_time, id);

create table interactions (
    tenant text not null,
    id uuid not null,
    source text not null,
    source_id text not null,
    account_id uuid not null,
    occur_time bigint not null,
    kind bigint not null,
    body {blob} not null,
    hash {blob} not null,
    create_time bigint not null,
    update_time bigint not null,
    primary key (tenant, id)
);
create unique index interactions_by_key on interactions (tenant, source_id, source);
create index interactions_by_account on interactions (account_id, occur_time, id);

create table opportunities (
    tenant text not null,
    id uuid not null,
    source text not null,
    source_id text not null,
    account_id uuid not null,
    open_time bigint not null,
    state bigint not null,
    stage text not null,
    seller text not null,
    body {blob} not null,
    hash {blob} not null,
    create_time bigint not null,
    update_time bigint not null,
    primary key (tenant, id)
);
create unique index opportunities_by_key on opportunities (tenant, source_id, source);
create index opportunities_by_account on opportunities (account_id, open_time, id);
