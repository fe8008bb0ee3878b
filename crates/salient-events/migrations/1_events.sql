-- Events that the bus has not taken yet. `weight` is their size in bytes, near enough.
create table outbox (
    seq {identity},
    tenant text not null,
    id uuid not null,
    type text not null,
    source text not null,
    shard bigint not null,
    subject text not null,
    time bigint not null,
    traceparent text,
    weight bigint not null,
    data {blob} not null
);
create index outbox_by_shard on outbox (shard, seq, weight);
create index outbox_by_type on outbox (tenant, type);

-- Events that were applied or put aside, so that a second delivery does nothing.
create table inbox (
    tenant text not null,
    consumer text not null,
    id uuid not null,
    receive_time bigint not null,
    primary key (tenant, consumer, id)
) {clustered};
create index inbox_by_time on inbox (consumer, receive_time);

-- Which run of a consumer is the latest; the ones before it may not commit any more.
create table event_consumers (
    consumer text not null primary key,
    epoch bigint not null
);

-- How many events the bus took and how many were applied, ever.
create table event_counts (
    tenant text not null,
    type text not null,
    shard bigint not null,
    published bigint not null,
    applied bigint not null,
    primary key (tenant, type, shard)
) {clustered};

-- Events that could not be applied.
create table dead_letters (
    tenant text not null,
    consumer text not null,
    id uuid not null,
    type text not null,
    source text not null,
    shard bigint not null,
    subject text not null,
    time bigint not null,
    traceparent text,
    data {blob} not null,
    error text not null,
    attempts bigint not null,
    fail_time bigint not null,
    primary key (tenant, consumer, id)
);
create index dead_letters_by_time on dead_letters (tenant, fail_time, id);
create index dead_letters_by_type on dead_letters (tenant, type);
