//! A table of things, one column of each kind.

use salient_store::{Db, Migration, Migrations, Rows, Tx, sql};
use uuid::Uuid;

static STEPS: &[Migration] = &[Migration::new(
    1,
    "things",
    "create table things (
         tenant text not null, id uuid not null, name text, number bigint, share double precision,
         open boolean, data {blob}, time bigint not null default 0,
         primary key (tenant, id)
     );
     create table numbered (n {identity}, what text not null);
     create table pairs (tenant text not null, a bigint not null, b bigint not null, primary key (tenant, a, b)) {clustered}",
)];

pub fn migrations() -> Migrations {
    Migrations::new("test", STEPS)
}

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Thing {
    pub id: Uuid,
    pub name: Option<String>,
    pub number: Option<i64>,
    pub share: Option<f64>,
    pub open: Option<bool>,
    pub data: Option<Vec<u8>>,
}

pub fn thing(id: u128) -> Thing {
    Thing {
        id: Uuid::from_u128(id),
        name: Some(format!("thing {id}")),
        number: Some(-(id as i64)),
        share: Some(id as f64),
        open: Some(id.is_multiple_of(2)),
        data: Some(vec![0, id as u8, 255]),
    }
}

pub const EMPTY: Thing =
    Thing { id: Uuid::nil(), name: None, number: None, share: None, open: None, data: None };

pub async fn write(tx: &mut Tx, things: &[Thing]) -> u64 {
    sql("insert into things (tenant, id, name, number, share, open, data)
         select $1, id, name, number, share, open, data from {rows} where true
         on conflict (tenant, id) do update set name = excluded.name, number = excluded.number,
             share = excluded.share, open = excluded.open, data = excluded.data")
    .bind("acme")
    .rows(
        Rows::new()
            .uuid("id", things.iter().map(|thing| thing.id))
            .text("name", things.iter().map(|thing| thing.name.as_deref()))
            .int("number", things.iter().map(|thing| thing.number))
            .float("share", things.iter().map(|thing| thing.share))
            .bool("open", things.iter().map(|thing| thing.open))
            .bytes("data", things.iter().map(|thing| thing.data.as_ref())),
    )
    .execute(tx)
    .await
    .unwrap()
}

pub async fn all(db: &Db) -> Vec<Thing> {
    sql("select id, name, number, share, open, data from things where tenant = $1 order by id")
        .bind("acme")
        .fetch_all(&mut db.read().await.unwrap())
        .await
        .unwrap()
}
