-- What is measured of regions, as it was published. Times are microseconds UTC.
create table measures (
    tenant text not null,
    series text not null,
    region text not null,
    measure_time bigint not null,
    publish_time bigint not null,
    value double precision not null,
    primary key (tenant, series, region, measure_time, publish_time)
);
