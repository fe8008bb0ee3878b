-- Ids of persons who were erased, and of records that spoke of them: an event that still speaks of
-- one of them is not kept. An id says nothing about whom it stood for.
create table erased_ids (
    tenant text not null,
    id uuid not null,
    erase_time bigint not null,
    primary key (tenant, id)
) {clustered};
