create table idempotency (
    tenant text not null,
    method text not null,
    request_id text not null,
    body_sha256 {blob} not null,
    -- null between the claim and the answer, which no other transaction ever sees
    response {blob},
    create_time bigint not null,
    primary key (tenant, method, request_id)
);
create index idempotency_by_time on idempotency (create_time);
