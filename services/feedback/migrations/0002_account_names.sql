-- The account's name, for the words of an effect.
alter table recommendations add column account_name text not null default '';
