-- Records that were not compared with the others yet.
create table unresolved (
    tenant text not null,
    kind text not null,
    id uuid not null,
    primary key (tenant, kind, id)
);

-- Pairs of records that may be one customer, the one with the smaller id first. `state` is as in
-- salient.profile.v1.Review.State.
create table matches (
    tenant text not null,
    match uuid not null,
    kind text not null,
    one uuid not null,
    other uuid not null,
    state bigint not null,
    probability double precision not null,
    body {blob} not null,
    primary key (tenant, match)
);
create unique index matches_by_pair on matches (tenant, kind, one, other);
create index matches_by_other on matches (tenant, kind, other);
create index matches_by_state on matches (tenant, state, probability, match);

-- What the last comparison of all records of a kind learned.
create table match_models (
    tenant text not null,
    kind text not null,
    model text not null,
    primary key (tenant, kind)
);
