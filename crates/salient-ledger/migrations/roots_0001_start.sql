-- Accounts that belong to the profile of another one. What is kept under their names stays there
-- and is looked at by profile, so that a merge that is undone leaves nothing behind.
create table account_roots (
    tenant text not null,
    account uuid not null,
    root uuid not null,
    primary key (tenant, account)
);
create index account_roots_by_root on account_roots (tenant, root);
