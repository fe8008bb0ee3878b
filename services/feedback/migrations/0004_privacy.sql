-- The person whom a recommendation names: comments on it may speak of them.
alter table recommendations add column contact uuid;
create index recommendations_by_contact on recommendations (tenant, contact) where contact is not null;
