-- What a run fitted for all accounts, by kind (lifetime, health, needs, prices, potential), kept with
-- the model version. body is JSON: {"Ok": the parameters} or {"Err": why there are none, in words}.
create table insight_fits (
    tenant text not null,
    model uuid not null,
    kind text not null,
    as_of bigint not null,
    currency text not null,
    body text not null,
    primary key (tenant, model, kind)
);

-- What the newest run kept of an account, so that with the parameters an answer can be worked out.
create table account_insights (
    tenant text not null,
    account uuid not null,
    kind text not null,
    model uuid not null,
    body text not null,
    primary key (tenant, account, kind)
);

-- The same of what has a name: products (prices) and regions (potential).
create table named_insights (
    tenant text not null,
    kind text not null,
    name text not null,
    model uuid not null,
    body text not null,
    primary key (tenant, kind, name)
);
