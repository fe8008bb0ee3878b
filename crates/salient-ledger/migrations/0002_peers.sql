-- What accounts are compared by, as the source writes it; empty where it is not known, and for
-- accounts that have not changed since this step.
alter table accounts add column country text not null default '';
alter table accounts add column industry text not null default '';
