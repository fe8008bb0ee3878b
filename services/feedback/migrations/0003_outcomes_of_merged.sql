-- The account that the order or opportunity of an outcome names, if it is another record of the
-- profile than the recommendation names: such an outcome goes when the merge is undone.
alter table outcomes add column happened_at uuid;
create index outcomes_of_merged on outcomes (tenant) where happened_at is not null;
