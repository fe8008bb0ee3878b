-- The account above an account, by its key: it may come later, and be merged. As other columns that
-- lists filter by, of a record that gives its profile its name this is what the profile says.
alter table accounts add column parent_source text;
alter table accounts add column parent_source_id text;
create index accounts_by_parent on accounts (tenant, parent_source_id, parent_source)
    where parent_source_id is not null;
