-- A record is found by its key in the system it came from: by the id first, because integrations
-- know the id, and few know or care how many systems there are.
drop table identities;
create unique index accounts_by_key on accounts (tenant, source_id, source);
create unique index contacts_by_key on contacts (tenant, source_id, source);
create unique index orders_by_key on orders (tenant, source_id, source);
create unique index interactions_by_key on interactions (tenant, source_id, source);
create unique index opportunities_by_key on opportunities (tenant, source_id, source);

-- The indices by account begin with the account, which is of one tenant anyway: they are the ones
-- that grow in the middle, and half as wide they cost half as much to keep.
drop index contacts_by_account;
drop index orders_by_account;
drop index interactions_by_account;
drop index opportunities_by_account;
create index contacts_by_account on contacts (account_id, id);
create index orders_by_account on orders (account_id, order_time, id);
create index interactions_by_account on interactions (account_id, occur_time, id);
create index opportunities_by_account on opportunities (account_id, open_time, id);
