-- Times are microseconds UTC. body is the trained model as JSON; with a score's frozen features
-- it gives the same score again, bit for bit.
create table models (
    tenant text not null,
    model uuid not null,
    version bigint not null,
    as_of bigint not null,
    live boolean not null,
    create_time bigint not null,
    body text not null,
    primary key (tenant, model)
);
create unique index models_by_version on models (tenant, version);
create unique index models_by_as_of on models (tenant, as_of);

create table scores (
    tenant text not null,
    account uuid not null,
    model uuid not null,
    as_of bigint not null,
    probability double precision not null,
    expected_minor double precision not null,
    currency text not null,
    base_rate double precision not null,
    bias double precision not null,
    features text not null,
    contributions text not null,
    primary key (tenant, account)
);
create index scores_by_probability on scores (tenant, probability, account);
