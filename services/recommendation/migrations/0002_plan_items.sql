-- What stood on a seller's list of a day, and what was promised of it then: a recommendation that
-- nobody answered stands on several days' lists, brought up to date each morning. Of lists from
-- before this table nothing is known but the places.
create table plan_items (
    tenant text not null,
    day text not null,
    seller text not null,
    recommendation uuid not null,
    rank bigint not null,
    probability double precision,
    amount double precision,
    primary key (tenant, day, seller, recommendation)
);
create index plan_items_by_recommendation on plan_items (tenant, recommendation, day);

insert into plan_items (tenant, day, seller, recommendation, rank)
    select tenant, day, seller, recommendation, rank from recommendations;

alter table recommendations drop column rank;
drop index recommendations_by_plan;
create index recommendations_by_promise on recommendations (state_time) where state = 'accepted';
