-- What machines and products report, added up on the way in, and what became of opportunities.
-- Times are microseconds since 1970, UTC.

create table devices (
    tenant text not null,
    device text not null,
    id uuid not null,
    account_id uuid not null,
    display_name text not null,
    product text not null,
    update_time bigint not null,
    primary key (tenant, device)
);
create index devices_by_id on devices (tenant, id);

-- A row is what was measured of a metric in a unit at an account in a day: by all devices and none
-- together (`device` is empty), and by each device. `day` is when the day begins; `id` follows from
-- day, metric and unit, so that the days of several records of a profile meet. Values are in
-- millionths; `total` is their sum, a number of 16 bytes, because it may not depend on the order in
-- which readings came.
create table usage_days (
    tenant text not null,
    account_id uuid not null,
    device text not null,
    day bigint not null,
    id uuid not null,
    metric text not null,
    unit text not null,
    readings bigint not null,
    total {blob} not null,
    least bigint not null,
    most bigint not null,
    last bigint not null,
    first_time bigint not null,
    last_time bigint not null,
    primary key (tenant, account_id, device, day, id)
) {clustered};

create table opportunity_changes (
    tenant text not null,
    id uuid not null,
    opportunity_id uuid not null,
    account_id uuid not null,
    time bigint not null,
    body {blob} not null,
    primary key (tenant, id)
);
create index opportunity_changes_by_account on opportunity_changes (account_id, time, id);
create index opportunity_changes_by_opportunity on opportunity_changes (opportunity_id);
