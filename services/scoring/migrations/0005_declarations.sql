-- What tenants declare (JSON), and what is known of accounts for it: events by kind, and attributes from
-- when they were known. Times are microseconds UTC. Versions and scores belong to a declaration; an
-- empty one is the built-in model.
create table model_declarations (
    tenant text not null,
    declaration text not null,
    body text not null,
    create_time bigint not null,
    update_time bigint not null,
    every_us bigint not null,
    due_time bigint,
    primary key (tenant, declaration)
);
create index model_declarations_by_due_time on model_declarations (due_time);

create table account_events (
    tenant text not null,
    record uuid not null,
    kind text not null,
    account uuid not null,
    event_time bigint not null,
    amount double precision,
    quantity double precision,
    primary key (tenant, record, kind)
);
create index account_events_by_account on account_events (tenant, account);

create table account_attributes (
    tenant text not null,
    account uuid not null,
    name text not null,
    known bigint not null,
    value text not null,
    is_first boolean not null,
    primary key (tenant, account, name, known)
);

alter table models add column declaration text not null default '';
drop index models_by_version;
drop index models_by_as_of;
create unique index models_by_version on models (tenant, declaration, version);
create index models_by_as_of on models (tenant, declaration, as_of);

create table scores_of_all (
    tenant text not null,
    declaration text not null,
    account uuid not null,
    model uuid not null,
    as_of bigint not null,
    probability double precision not null,
    expected_minor double precision,
    currency text not null,
    base_rate double precision not null,
    bias double precision not null,
    features text not null,
    contributions text not null,
    earlier_as_of bigint,
    earlier_probability double precision,
    primary key (tenant, declaration, account)
);
insert into scores_of_all (tenant, declaration, account, model, as_of, probability, expected_minor, currency,
        base_rate, bias, features, contributions, earlier_as_of, earlier_probability)
    select tenant, '', account, model, as_of, probability, expected_minor, currency, base_rate, bias, features,
        contributions, earlier_as_of, earlier_probability from scores;
drop table scores;
alter table scores_of_all rename to scores;
create index scores_by_probability on scores (tenant, declaration, probability, account);

create table score_history_of_all (
    tenant text not null,
    declaration text not null,
    account uuid not null,
    as_of bigint not null,
    model uuid not null,
    probability double precision not null,
    currency text not null,
    features text not null,
    primary key (tenant, declaration, account, as_of)
);
insert into score_history_of_all (tenant, declaration, account, as_of, model, probability, currency, features)
    select tenant, '', account, as_of, model, probability, currency, features from score_history;
drop table score_history;
alter table score_history_of_all rename to score_history;
create index score_history_by_age on score_history (tenant, declaration, as_of);
