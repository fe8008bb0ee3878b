-- Models of contacts and opportunities: attributes and scores are of subjects, which an account is one of;
-- events know whom they were with (by a hash of the key at the source) and whether an attempt reached them.
alter table account_events add column person text;
alter table account_events add column reached boolean;
update account_events set
    person = (select t.person from contact_attempts t
        where t.tenant = account_events.tenant and t.record = account_events.record),
    reached = (select t.reached from contact_attempts t
        where t.tenant = account_events.tenant and t.record = account_events.record)
    where exists (select 1 from contact_attempts t
        where t.tenant = account_events.tenant and t.record = account_events.record);
drop table contact_attempts;
create index account_events_by_person on account_events (tenant, person) where person is not null;
create index account_events_of_opportunities on account_events (tenant, account) where kind = 'opportunity';
-- what an opportunity is worth is known when it is told, not when it was opened
update account_events set amount = null where kind = 'opportunity';

-- Which contacts are one person; only who belongs to another has a row.
create table contact_roots (
    tenant text not null,
    contact uuid not null,
    root uuid not null,
    primary key (tenant, contact)
);
create index contact_roots_by_root on contact_roots (tenant, root);

alter table account_attributes rename to attributes;
alter table attributes rename column account to subject;

create table scores_of_subjects (
    tenant text not null,
    declaration text not null,
    subject uuid not null,
    account uuid not null,
    model uuid not null,
    as_of bigint not null,
    probability double precision not null,
    expected_minor double precision,
    currency text not null,
    base_rate double precision not null,
    bias double precision not null,
    features text not null,
    contributions text not null,
    earlier_as_of bigint,
    earlier_probability double precision,
    primary key (tenant, declaration, subject)
);
insert into scores_of_subjects (tenant, declaration, subject, account, model, as_of, probability, expected_minor,
        currency, base_rate, bias, features, contributions, earlier_as_of, earlier_probability)
    select tenant, declaration, account, account, model, as_of, probability, expected_minor, currency, base_rate,
        bias, features, contributions, earlier_as_of, earlier_probability from scores;
drop table scores;
alter table scores_of_subjects rename to scores;
create index scores_by_probability on scores (tenant, declaration, probability, subject);
create index scores_by_account on scores (tenant, account);

create table score_history_of_subjects (
    tenant text not null,
    declaration text not null,
    subject uuid not null,
    as_of bigint not null,
    account uuid not null,
    model uuid not null,
    probability double precision not null,
    currency text not null,
    features text not null,
    primary key (tenant, declaration, subject, as_of)
);
insert into score_history_of_subjects (tenant, declaration, subject, as_of, account, model, probability, currency,
        features)
    select tenant, declaration, account, as_of, account, model, probability, currency, features
    from score_history;
drop table score_history;
alter table score_history_of_subjects rename to score_history;
create index score_history_by_age on score_history (tenant, declaration, as_of);
create index score_history_by_account on score_history (tenant, account);
