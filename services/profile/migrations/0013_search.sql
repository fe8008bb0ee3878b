-- What accounts and contacts are found by. Only hashes are kept: of the words of a record, and of
-- what a person may type who means such a word (the word without a letter, its beginning, a half of
-- it). What was found is compared with the records themselves.
--
-- `search_queue` is what was written and is not in the index yet; at first, everything.

create table search_queue (
    seq {identity},
    tenant text not null,
    kind bigint not null,
    id uuid not null
);
insert into search_queue (tenant, kind, id) select tenant, 1, id from accounts order by id;
insert into search_queue (tenant, kind, id) select tenant, 2, id from contacts order by id;

-- The words of a record, eight bytes each.
create table search_records (
    tenant text not null,
    kind bigint not null,
    id uuid not null,
    words {blob} not null,
    primary key (tenant, kind, id)
);

-- How many records have a word, and its variants, eight bytes each.
create table search_words (
    tenant text not null,
    word bigint not null,
    records bigint not null,
    variants {blob} not null,
    primary key (tenant, word)
);

create table search_variants (
    tenant text not null,
    variant bigint not null,
    word bigint not null,
    primary key (tenant, variant, word)
) {clustered};

create table search_postings (
    tenant text not null,
    word bigint not null,
    kind bigint not null,
    id uuid not null,
    primary key (tenant, word, kind, id)
) {clustered};
