-- A record is its message in the contract's encoding (`body`, without the times of storage). The
-- columns beside it are what is filtered, sorted or looked up by; `hash` tells equal from changed.
-- Times are microseconds since 1970, UTC; ids are UUIDv7, so the order of ids is the order of
-- first storage.

-- Which record a key of another system means. Looked up by id first: integrations know the id,
-- and few know or care how many systems there are.
create table identities (
    tenant text not null,
    kind bigint not null,
    source_id text not null,
    source text not null,
    id uuid not null,
    primary key (tenant, kind, source_id, source)
);

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
create index contacts_by_account on contacts (tenant, account_id);

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
create index orders_by_account on orders (tenant, account_id, order_time, id);

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
create index interactions_by_account on interactions (tenant, account_id, occur_time, id);

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
create index opportunities_by_account on opportunities (tenant, account_id, open_time, id);
