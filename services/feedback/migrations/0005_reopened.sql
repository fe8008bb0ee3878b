-- When an outcome was last taken back: from then on the recommendation may come true otherwise.
alter table recommendations add column reopen_time bigint;
