//! Statements, batches and filters, on both engines.

use salient_core::{
    AccountId, Clock, SellerId, ToMicros,
    filter::{Field, parse},
    from_micros,
};
use salient_store::{Connection as _, Engine, FilterColumn, Rows, Value, sql, with};
use uuid::Uuid;

use crate::{
    both,
    support::Fresh,
    things::{EMPTY, Thing, all, migrations, thing, write},
};

both!(migrations();
    values_come_back_as_they_were,
    a_batch_is_written_looked_up_and_removed_as_one_statement,
    odd_texts_survive_a_batch,
    an_empty_batch_does_nothing,
    filters_select,
    plain_sqlx_runs_on_either,
    placeholders_of_the_schema,
    a_reader_streams_rows,
    a_batch_drives_the_plan,
    misuse_is_named,
);

async fn values_come_back_as_they_were(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    let now = Clock::system().now();
    let account = AccountId::new(&Clock::system());
    let insert = "insert into things (tenant, id, name, number, share, open, data, time) values ($1,$2,$3,$4,$5,$6,$7,$8)";
    sql(insert)
        .bind("acme")
        .bind(account)
        .bind(&SellerId::try_new("s07").unwrap())
        .bind(i64::MIN)
        .bind(0.1)
        .bind(true)
        .bind(vec![0_u8, 1, 255])
        .bind(now)
        .execute(&mut tx)
        .await
        .unwrap();
    sql(insert)
        .bind("other")
        .bind(account)
        .bind(None::<&str>)
        .bind(None::<i64>)
        .bind(None::<f64>)
        .bind(None::<bool>)
        .bind(None::<Vec<u8>>)
        .bind(now)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let mut read = fresh.db.read().await.unwrap();
    type Row = (Uuid, Option<String>, Option<i64>, Option<f64>, Option<bool>, Option<Vec<u8>>, i64);
    let rows: Vec<Row> = sql("select id, name, number, share, open, data, time from things order by tenant")
        .fetch_all(&mut read)
        .await
        .unwrap();
    let id = account.uuid();
    assert_eq!(
        rows,
        [
            (
                id,
                Some("s07".into()),
                Some(i64::MIN),
                Some(0.1),
                Some(true),
                Some(vec![0, 1, 255]),
                now.to_micros()
            ),
            (id, None, None, None, None, None, now.to_micros()),
        ]
    );
    assert_eq!(from_micros(rows[0].6), now);
}

async fn a_batch_is_written_looked_up_and_removed_as_one_statement(fresh: Fresh) {
    let things: Vec<Thing> = (1..=1000).map(thing).chain([EMPTY]).collect();
    let mut tx = fresh.db.begin().await.unwrap();
    assert_eq!(write(&mut tx, &things).await, 1001);
    tx.commit().await.unwrap();
    let mut expected = things.clone();
    expected.sort_by_key(|thing| thing.id);
    assert_eq!(all(&fresh.db).await, expected);

    // again, changed
    let changed: Vec<Thing> =
        things.iter().map(|thing| Thing { name: Some("same".into()), ..thing.clone() }).collect();
    let mut tx = fresh.db.begin().await.unwrap();
    assert_eq!(write(&mut tx, &changed).await, 1001);
    tx.commit().await.unwrap();
    assert!(all(&fresh.db).await.iter().all(|thing| thing.name.as_deref() == Some("same")));

    // looked up by keys, some of which do not exist, keeping the place in the batch
    let ids: Vec<Uuid> = [3, 5000, 7].map(Uuid::from_u128).to_vec();
    let found: Vec<(i64, i64)> = sql(
        "select place, number from {rows} join things on things.tenant = $1 and things.id = rows.id order by place",
    )
    .bind("acme")
    .rows(Rows::new().int("place", 0..3_i64).uuid("id", ids))
    .fetch_all(&mut fresh.db.read().await.unwrap())
    .await
    .unwrap();
    assert_eq!(found, [(0, -3), (2, -7)]);

    let mut tx = fresh.db.begin().await.unwrap();
    let updated: Vec<(i64,)> = sql(
        "update things set number = rows.number from {rows} where things.tenant = $1 and things.id = rows.id
         returning things.number",
    )
    .bind("acme")
    .rows(Rows::new().uuid("id", [Uuid::from_u128(1)]).int("number", [77_i64]))
    .fetch_all(&mut tx)
    .await
    .unwrap();
    assert_eq!(updated, [(77,)]);
    let removed = sql("delete from things where tenant = $1 and id in (select id from {rows})")
        .bind("acme")
        .rows(Rows::new().uuid("id", (1..=500).map(Uuid::from_u128)))
        .execute(&mut tx)
        .await
        .unwrap();
    assert_eq!(removed, 500);
    tx.commit().await.unwrap();
    assert_eq!(all(&fresh.db).await.len(), 501);
}

async fn odd_texts_survive_a_batch(fresh: Fresh) {
    let odd = [
        "",
        "\"",
        "\\",
        "\n\t\r\u{1}\u{7f}",
        "'; drop table things; --",
        "$1 {rows} ?",
        "\u{1f600} e\u{301}",
        "null",
        "1",
    ];
    let things: Vec<Thing> = odd
        .iter()
        .enumerate()
        .map(|(i, text)| Thing {
            id: Uuid::from_u128(i as u128),
            name: Some((*text).into()),
            share: Some([0.1, -1e30, 1.0 / 3.0 * 1e-29, 3.0][i % 4]),
            number: Some([i64::MAX, i64::MIN, 0][i % 3]),
            ..EMPTY
        })
        .collect();
    let mut tx = fresh.db.begin().await.unwrap();
    write(&mut tx, &things).await;
    tx.commit().await.unwrap();
    assert_eq!(all(&fresh.db).await, things);
}

async fn an_empty_batch_does_nothing(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    assert_eq!(write(&mut tx, &[]).await, 0);
    let found: Vec<(i64,)> =
        sql("select n from {rows}").rows(Rows::new().int("n", None::<i64>)).fetch_all(&mut tx).await.unwrap();
    assert!(found.is_empty());
}

async fn filters_select(fresh: Fresh) {
    const FIELDS: &[Field] = &[
        Field::text("name"),
        Field::name("account", "accounts"),
        Field::time("time"),
        Field::one_of("kind", &["A", "B"]),
    ];
    const COLUMNS: &[FilterColumn] = &[
        FilterColumn::plain("name", "name"),
        FilterColumn::id("account", "id"),
        FilterColumn::plain("time", "time"),
        FilterColumn::mapped("kind", "number", |literal| {
            Value::from(i64::from(*literal == salient_core::filter::Literal::Enum("B")))
        }),
    ];
    let mut tx = fresh.db.begin().await.unwrap();
    let day = |day: i64| from_micros(day * 86_400_000_000);
    sql("insert into things (tenant, id, name, number, time) select 'acme', id, name, number, time from {rows}")
        .rows(
            Rows::new()
                .uuid("id", (1..=4).map(Uuid::from_u128))
                .text("name", [Some("North 100%"), Some("north_east"), Some("South"), None])
                .int("number", [0_i64, 1, 0, 1])
                .int("time", [day(1), day(2), day(3), day(4)]),
        )
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let second = AccountId::from_uuid(Uuid::from_u128(2)).name();
    for (filter, expected) in [
        ("", vec![1, 2, 3, 4]),
        ("name = South", vec![3]),
        ("name != South", vec![1, 2, 4]),
        ("name : NORTH", vec![1, 2]),
        ("name : \"0%\"", vec![1]),
        ("name : _", vec![2]),
        ("time > 1970-01-03", vec![3, 4]),
        ("time >= 1970-01-03 AND time < 1970-01-05", vec![2, 3]),
        ("kind = B", vec![2, 4]),
        (&format!("account = {second}"), vec![2]),
        ("account = accounts/none", vec![]),
        ("account != accounts/none AND kind = A", vec![1, 3]),
    ] {
        let found: Vec<(Uuid,)> =
            sql("select id from things where tenant = $1 and id > $2 and {filter} order by id limit $3")
                .bind("acme")
                .bind(Uuid::nil())
                .bind(10)
                .filter(parse(filter, FIELDS).unwrap(), COLUMNS)
                .fetch_all(&mut fresh.db.read().await.unwrap())
                .await
                .unwrap();
        let found: Vec<u128> = found.iter().map(|(id,)| id.as_u128()).collect();
        assert_eq!(found, expected, "{filter}");
    }
}

async fn plain_sqlx_runs_on_either(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    let things = [thing(1), thing(2)];
    for thing in &things {
        with!(tx, |c| {
            sqlx::query("insert into things (tenant, id, name, number, share, open, data) values ($1,$2,$3,$4,$5,$6,$7)")
                .bind("acme")
                .bind(thing.id)
                .bind(&thing.name)
                .bind(thing.number)
                .bind(thing.share)
                .bind(thing.open)
                .bind(&thing.data)
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected())
        })
        .unwrap();
    }
    tx.commit().await.unwrap();
    let mut read = fresh.db.read().await.unwrap();
    let found: Vec<Thing> = with!(read, |c| {
        let mut query = sqlx::QueryBuilder::new(
            "select id, name, number, share, open, data from things where number in (",
        );
        let mut list = query.separated(", ");
        for thing in &things {
            list.push_bind(thing.number);
        }
        query.push(") order by id");
        query.build_query_as().fetch_all(&mut *c).await
    })
    .unwrap();
    assert_eq!(found, things);

    let refused = with!(read, |c| sqlx::query("select 1 from nowhere").execute(&mut *c).await.map(drop));
    assert!(!refused.unwrap_err().is_transient());
}

async fn placeholders_of_the_schema(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    let numbers: Vec<(i64,)> =
        sql("insert into numbered (what) select what from {rows} order by place returning n")
            .rows(Rows::new().int("place", [1_i64, 2, 3]).text("what", ["a", "b", "c"]))
            .fetch_all(&mut tx)
            .await
            .unwrap();
    assert_eq!(numbers, [(1,), (2,), (3,)]);
    let pairs = sql("insert into pairs (tenant, a, b) select 'acme', a, b from {rows}")
        .rows(Rows::new().int("a", [1_i64, 1]).int("b", [1_i64, 2]))
        .execute(&mut tx)
        .await
        .unwrap();
    assert_eq!(pairs, 2);
    let (sum,): (i64,) =
        sql("select cast(sum(a + b) as bigint) from pairs").fetch_one(&mut tx).await.unwrap();
    assert_eq!(sum, 5);
}

async fn a_reader_streams_rows(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    write(&mut tx, &(1..=3000).map(thing).collect::<Vec<_>>()).await;
    tx.commit().await.unwrap();
    let mut sum = 0;
    sql("select number from things")
        .for_each(&mut fresh.db.read().await.unwrap(), |(number,): (i64,)| sum += number)
        .await
        .unwrap();
    assert_eq!(sum, -(3000 * 3001 / 2));
}

/// Without what `statistics.rs` tells SQLite, each of these walks the whole table once for
/// each row of the batch.
async fn a_batch_drives_the_plan(fresh: Fresh) {
    if fresh.db.engine() == Engine::Postgres {
        return;
    }
    let mut tx = fresh.db.begin().await.unwrap();
    let ids = || Rows::new().uuid("id", [Uuid::nil()]);
    for statement in [
        "explain query plan select number from {rows} join things on things.tenant = $1 and things.id = rows.id",
        "explain query plan update things set number = 1 from {rows} where things.tenant = $1 and things.id = rows.id",
        "explain query plan delete from things where tenant = $1 and id in (select id from {rows})",
        "explain query plan select a from {rows} join pairs on pairs.tenant = $1 and pairs.a = rows.id",
    ] {
        let plan: Vec<(i64, i64, i64, String)> =
            sql(statement).bind("acme").rows(ids()).fetch_all(&mut tx).await.unwrap();
        let search = plan.iter().map(|(.., step)| step).find(|step| step.starts_with("SEARCH")).unwrap();
        assert!(search.contains("tenant=? AND "), "{statement}: {plan:?}");
    }
}

async fn misuse_is_named(fresh: Fresh) {
    let mut read = fresh.db.read().await.unwrap();
    assert_eq!(read.engine(), fresh.db.engine());
    let missing = sql("select 1 from {rows}").execute(&mut read).await.unwrap_err();
    assert_eq!(missing.to_string(), "nothing was given for {rows}");
    let uneven = sql("select 1 from {rows}")
        .rows(Rows::new().int("a", [1_i64]).int("b", [1_i64, 2]))
        .execute(&mut read)
        .await
        .unwrap_err();
    assert!(uneven.to_string().contains("column b has 2 values"), "{uneven}");
    assert!(sql("select 1 where false").fetch_one::<(i64,)>(&mut read).await.is_err());
    fresh.db.ping().await.unwrap();
}
