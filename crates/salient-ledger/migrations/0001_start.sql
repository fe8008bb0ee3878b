-- Times are microseconds UTC; sort_key is the source key, by which rows are ordered wherever an
-- order matters, so that every deployment ranks alike.
create table accounts (
    tenant text not null,
    account uuid not null,
    sort_key text not null,
    display_name text not null,
    territory text not null,
    primary key (tenant, account)
);
create index accounts_by_territory on accounts (tenant, territory);

-- lines is the encoded order of the event, with nothing but its lines
create table orders (
    tenant text not null,
    order_id uuid not null,
    account uuid not null,
    order_time bigint not null,
    sort_key text not null,
    is_return boolean not null,
    currency text not null,
    lines {blob} not null,
    primary key (tenant, order_id)
);
create index orders_by_account on orders (tenant, account, order_time);
