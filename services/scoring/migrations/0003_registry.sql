-- Where a version stands: shadow, pilot (on a share of accounts), live or retired, and when it became
-- live for the last time (microseconds UTC).
alter table models add column state text not null default 'retired';
alter table models add column pilot_share double precision not null default 0;
alter table models add column live_time bigint;
update models set state = 'live' where live;
update models set live_time = create_time;
alter table models drop column live;
