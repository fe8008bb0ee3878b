-- Every published score by its moment (microseconds UTC), with the features that its version made it
-- from, so that it can be made again; scores carry the one that they are compared with. Where grades
-- begin is a tenant's own, as JSON.
create table score_history (
    tenant text not null,
    account uuid not null,
    as_of bigint not null,
    model uuid not null,
    probability double precision not null,
    currency text not null,
    features text not null,
    primary key (tenant, account, as_of)
);
create index score_history_by_age on score_history (tenant, as_of);
insert into score_history (tenant, account, as_of, model, probability, currency, features)
    select tenant, account, as_of, model, probability, currency, features from scores;
alter table scores add column earlier_as_of bigint;
alter table scores add column earlier_probability double precision;

create table grade_bounds (
    tenant text primary key,
    body text not null
);
