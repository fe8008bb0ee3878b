-- Times are microseconds UTC.
-- What this service keeps of others: recommendations with the window in which they may come
-- true, and the orders and opportunities that outcomes are matched from.
create table recommendations (
    tenant text not null,
    recommendation uuid not null,
    seller text not null,
    account uuid not null,
    product text not null,
    product_name text not null,
    attribution_token text not null,
    issue_time bigint not null,
    window_end bigint not null,
    closed boolean not null,
    final boolean not null,
    primary key (tenant, recommendation)
);
create index recommendations_by_account on recommendations (tenant, account, issue_time);
create index recommendations_waiting on recommendations (tenant, account) where not final;
create index recommendations_by_issue on recommendations (tenant, issue_time);
create unique index recommendations_by_token on recommendations (tenant, attribution_token);

-- lines is the encoded order of the event, with nothing but its lines
create table orders (
    tenant text not null,
    order_id uuid not null,
    account uuid not null,
    order_time bigint not null,
    attribution_token text not null,
    currency text not null,
    lines {blob} not null,
    primary key (tenant, order_id)
);
create index orders_by_account on orders (tenant, account, order_time);

create table opportunities (
    tenant text not null,
    opportunity uuid not null,
    account uuid not null,
    product text not null,
    state bigint not null,
    amount_minor bigint,
    currency text,
    open_time bigint not null,
    close_time bigint,
    attribution_token text not null,
    primary key (tenant, opportunity)
);
create index opportunities_by_account on opportunities (tenant, account, open_time);

-- What this service owns.
create table reactions (
    tenant text not null,
    reaction uuid not null,
    recommendation uuid not null,
    seller text not null,
    account uuid not null,
    product text not null,
    action text not null,
    reason text not null,
    comment text not null,
    react_time bigint not null,
    scope text not null,
    until_time bigint,
    effect text not null,
    primary key (tenant, reaction)
);
create index reactions_by_recommendation on reactions (tenant, recommendation);
create index reactions_by_time on reactions (tenant, react_time, reaction);

create table exposures (
    tenant text not null,
    recommendation uuid not null,
    expose_time bigint not null,
    surface text not null,
    rank bigint not null,
    primary key (tenant, recommendation, expose_time, surface)
);

create table outcomes (
    tenant text not null,
    outcome uuid not null,
    recommendation uuid not null,
    seller text not null,
    account uuid not null,
    kind text not null,
    joined text not null,
    subject text not null,
    amount_minor bigint,
    currency text,
    outcome_time bigint not null,
    primary key (tenant, outcome)
);
create unique index outcomes_once on outcomes (tenant, recommendation, kind, subject);
create index outcomes_by_time on outcomes (tenant, outcome_time, outcome);
