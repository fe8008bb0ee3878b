-- What people agreed to. Rows are never changed; the latest by its own time holds.
create table consents (
    tenant text not null,
    id uuid not null,
    contact uuid not null,
    purpose bigint not null,
    channel bigint not null,
    state bigint not null,
    consent_time bigint not null,
    proof text not null,
    source text not null,
    record_time bigint not null,
    primary key (tenant, id)
);
create unique index consents_once on consents (tenant, contact, purpose, channel, consent_time, state);

-- body is the message of the contract.
create table privacy_settings (
    tenant text not null primary key,
    body {blob} not null,
    update_time bigint not null
);

-- What remains of the key of a person who was erased: a salted hash, so that a later import of the
-- same person is known. contact is the id under which the person is taken up again, once a new
-- consent was given.
create table tombstone_salts (
    tenant text not null primary key,
    salt {blob} not null
);
create table tombstones (
    tenant text not null,
    digest {blob} not null,
    erase_time bigint not null,
    contact uuid,
    primary key (tenant, digest)
);

-- event is what the other services are told, in the encoding of the contract; contact is the profile
-- whose erasure was asked for, and erased_contacts has every record that belonged to it.
create table erasures (
    tenant text not null,
    id uuid not null,
    contact uuid not null,
    event {blob} not null,
    requester text not null,
    create_time bigint not null,
    confirm_time bigint,
    complete_time bigint,
    primary key (tenant, id)
);
create table erased_contacts (
    tenant text not null,
    contact uuid not null,
    erasure uuid not null,
    primary key (tenant, contact)
);
create index erasures_open on erasures (create_time) where complete_time is null;

-- shards has a bit for each shard whose confirmation of the first round has arrived, seals the same
-- for the second; wanted is what they are when all have. removed is JSON.
create table erasure_confirmations (
    tenant text not null,
    erasure uuid not null,
    service text not null,
    shards bigint not null default 0,
    seals bigint not null default 0,
    wanted bigint,
    confirm_time bigint,
    removed text not null,
    primary key (tenant, erasure, service)
);

create table person_exports (
    tenant text not null,
    id uuid not null,
    contact uuid not null,
    requester text not null,
    create_time bigint not null,
    complete_time bigint,
    expire_time bigint not null,
    primary key (tenant, id)
);
create index person_exports_by_contact on person_exports (tenant, contact);
create index person_exports_by_expiry on person_exports (expire_time);

create table person_export_parts (
    tenant text not null,
    person_export uuid not null,
    service text not null,
    report_time bigint,
    json text not null,
    primary key (tenant, person_export, service)
);

-- The id, in its source, of the contact whom an interaction names; empty when it names none.
alter table interactions add column contact_id text not null default '';
create index interactions_by_contact on interactions (tenant, contact_id) where contact_id <> '';
