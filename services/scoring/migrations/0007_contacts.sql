-- Whom we try to reach, and whether attempts did. A person is known here by an id, and to attempts by a hash
-- of the key at the source, because that is all that an interaction names. Times are microseconds UTC.
create table contacts (
    tenant text not null,
    contact uuid not null,
    account uuid not null,
    person text not null,
    time_zone text not null,
    primary key (tenant, contact)
);
create index contacts_by_person on contacts (tenant, person);

create table contact_attempts (
    tenant text not null,
    record uuid not null,
    person text not null,
    event_time bigint not null,
    channel text not null,
    reached boolean not null,
    primary key (tenant, record)
);
create index contact_attempts_by_person on contact_attempts (tenant, person);
