-- Records that mean one customer make one profile. `root` is the record whose name the profile
-- has; null: the record stands for itself.
alter table accounts add column root uuid;
alter table contacts add column root uuid;
create index accounts_by_root on accounts (root) where root is not null;
create index contacts_by_root on contacts (root) where root is not null;

-- The content of profiles that are more than one record as it is: made of several, or pinned.
create table unified (
    tenant text not null,
    kind text not null,
    id uuid not null,
    body {blob} not null,
    primary key (tenant, kind, id)
);

create table sources (
    tenant text not null,
    source text not null,
    display_name text not null,
    trust bigint not null,
    has_duplicates boolean not null,
    primary key (tenant, source)
);

-- Values that a person fixed, under the name that the profile had then.
create table pins (
    tenant text not null,
    kind text not null,
    id uuid not null,
    field text not null,
    value text not null,
    pin_time bigint not null,
    primary key (tenant, kind, id, field)
);

-- A merge joins two records; the profiles are what such edges connect. An undone one joins nothing.
create table merges (
    tenant text not null,
    merge uuid not null,
    kind text not null,
    one uuid not null,
    other uuid not null,
    body {blob} not null,
    undone boolean not null,
    primary key (tenant, merge)
);
create index merges_by_one on merges (one) where not undone;
create index merges_by_other on merges (other) where not undone;
