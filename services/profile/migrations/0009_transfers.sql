-- Files that are taken in. A file waits in pieces (`transfer_chunks`) until it was read to its
-- end; then the pieces go. The work itself is a run with the same id. `batches` says how many
-- batches of the reading are committed: reading again gives the same ones, so that work which was
-- interrupted goes on after them. `body` is what became of the lines, encoded. `latest` is the
-- latest date that a record may carry, fixed when the transfer was begun. Times are microseconds
-- since 1970, UTC.
create table transfers (
    tenant text not null,
    id uuid not null,
    request_id text not null,
    header {blob} not null,
    received bigint not null,
    complete boolean not null,
    batches bigint not null,
    body {blob} not null,
    latest bigint not null,
    create_time bigint not null,
    primary key (tenant, id)
);
create unique index transfers_by_request on transfers (tenant, request_id);

create table transfer_chunks (
    tenant text not null,
    transfer uuid not null,
    start bigint not null,
    data {blob} not null,
    primary key (tenant, transfer, start)
);

-- Lines that were refused; of what stood there only the shape is kept.
create table transfer_problems (
    tenant text not null,
    transfer uuid not null,
    line bigint not null,
    batch bigint not null,
    place bigint not null,
    field text not null,
    shape text not null,
    reason text not null,
    problem text not null,
    accepted text not null,
    primary key (tenant, transfer, line, batch, place)
);
