-- The person whom a recommendation names.
alter table recommendations add column contact uuid;
create index recommendations_by_contact on recommendations (tenant, contact) where contact is not null;

-- What people said about being offered something, by channel; the latest by its own time.
create table consents (
    tenant text not null,
    contact uuid not null,
    channel text not null,
    granted boolean not null,
    consent_time bigint not null,
    primary key (tenant, contact, channel)
);

-- Whether somebody may be contacted of whom nothing is known.
create table privacy_settings (
    tenant text not null primary key,
    unknown_permitted boolean not null
);

-- Contacts that are one person with another one, who names them.
create table contact_roots (
    tenant text not null,
    contact uuid not null,
    root uuid not null,
    primary key (tenant, contact)
);
create index contact_roots_by_root on contact_roots (tenant, root);
