create table runs (
    tenant text not null,
    id uuid not null,
    kind text not null,
    request_id text not null,
    request {blob} not null,
    -- as in salient.common.v1.RunStatus: 1 queued, 2 running, 3 succeeded, 4 failed
    state bigint not null,
    progress double precision not null,
    step text not null,
    reason text not null,
    error text not null,
    result {blob},
    create_time bigint not null,
    end_time bigint,
    -- by the system's clock: a virtual clock stands still or jumps
    lease_until bigint not null,
    attempts bigint not null,
    primary key (tenant, id),
    unique (tenant, kind, request_id)
);
create index runs_waiting on runs (lease_until) where state < 3;
