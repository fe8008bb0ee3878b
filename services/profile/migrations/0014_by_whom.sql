-- Interactions of one contact at one account, newest first, and devices of one account.
drop index interactions_by_contact;
create index interactions_by_contact on interactions (contact_id, account_id, occur_time, id)
    where contact_id <> '';
create index devices_by_account on devices (account_id, id);
