-- Ids that an erasure names: an event that speaks of one of them is not kept. An id says nothing about
-- whom it stood for. how: 1 a person's record, for ever; 2 a record that spoke of the person and 3 one
-- of which only its own content did, both of them in what was published up to erase_time.
create table erased_ids (
    tenant text not null,
    id uuid not null,
    how bigint not null,
    erase_time bigint not null,
    primary key (tenant, id)
) {clustered};
